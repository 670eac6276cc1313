"""The capacity page: what is derived on it follows from what is measured on it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from antiphase.cost.usage import CLEAN_PER_CORE, CORES_PER_SPLIT, FORWARD_PER_CORE

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "capacity.md").read_text(encoding="utf-8")


def number(pattern: str) -> float:
    """Return the one number on the page that stands at the group of a pattern."""
    (found,) = re.findall(pattern, PAGE)
    return float(found.replace(",", ""))


def test_the_costs_count_with_what_was_measured() -> None:
    """Sessions held on a core are the estimate's; the solver's share is rounded up, never down."""
    assert number(r"`clean` .*\| (\d+) held") == CLEAN_PER_CORE
    assert number(r"`forward` .*\| (\d+) held") == FORWARD_PER_CORE
    share = number(r"`split`.*\| (0\.\d+) core, the solver")
    assert share <= CORES_PER_SPLIT < 1.1 * share
    assert number(r"`split`.*\| (\d+) by CPU time") == int(1 / share)
    assert number(r"first limit: (\d+) split") == int(1 / share)


def test_the_mix_is_added_up() -> None:
    """A session of the mix costs the sum of its parts; fifty of them are what the page says."""
    parts = re.search(
        r"costs 0\.4 × (0\.\d+) \+ 0\.4 / (\d+) \+ 0\.2 / (\d+) = (0\.\d+) core", PAGE
    )
    assert parts
    split, clean, forward, mixed = map(float, parts.groups())
    assert (split, clean, forward) == (CORES_PER_SPLIT, CLEAN_PER_CORE, FORWARD_PER_CORE)
    assert mixed == pytest.approx(0.4 * split + 0.4 / clean + 0.2 / forward, abs=5e-5)
    assert number(r"50 sessions are (0\.\d) cores") == pytest.approx(50 * mixed, abs=0.05)


def test_the_chart_asks_for_what_the_page_says() -> None:
    """Sessions to scale at and to refuse at, and the CPU and memory requested, are the chart's."""
    text = (ROOT / "deploy" / "chart" / "values.yaml").read_text(encoding="utf-8")
    media = yaml.safe_load(text)["media"]
    asked = media["resources"]["requests"]
    assert number(r"(\d+) sessions are 0") == media["sessionsPerWorker"]
    assert number(r"(\d+) sessions is where a worker refuses") == media["mostSessions"]
    cores = number(r"its request of (\d\.\d)\s+cores")
    assert asked["cpu"] == f"{1000 * cores:.0f}m"
    megabytes = number(r"stay below the (\d+) MB")
    assert asked["memory"] == f"{megabytes:.0f}Mi"
    # Twice the target must still fit the worker's two cores, for one that takes another's sessions.
    assert number(r"= (0\.\d+) core:") * media["mostSessions"] < 2
