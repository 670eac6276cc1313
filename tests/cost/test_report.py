"""The answer as one dictionary."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from antiphase.cost.estimate import monthly_cost_usd, nodes_for
from antiphase.cost.prices import read_prices
from antiphase.cost.report import summarise
from antiphase.cost.usage import BUILTIN, load_profile


def test_the_report_is_json_and_whole() -> None:
    """Everything is there, can be written as JSON, and each line says when its price was read."""
    found = json.loads(json.dumps(summarise(load_profile("staging"), read_prices())))
    assert found["monthly_cost_usd"] == pytest.approx(sum(found["parts"].values()))
    assert found["nodes_at_peak"] >= found["nodes"]
    for name in ("carriers", "memory_sizes", "break_even", "request_table", "claims", "missing"):
        assert found[name]
    assert all(line["date"] and line["per"] for line in found["lines"])


def test_the_page_on_costs_has_todays_totals() -> None:
    """The totals that docs/cost.md names are those of the built-in profiles."""
    text = (Path(__file__).resolve().parents[2] / "docs" / "cost.md").read_text(encoding="utf-8")
    for name in BUILTIN:
        assert f"{name} ${monthly_cost_usd(name):,.0f}" in text
    before, after = summarise(load_profile("production"), read_prices())["claims"][:2]
    words = f"give ${before['value']:.0f} before and ${after['value']:.0f} after"
    assert words in " ".join(text.split())


@pytest.mark.parametrize("sessions", [50, 1000, 10_000])
def test_the_page_on_capacity_has_todays_nodes(sessions: int) -> None:
    """The nodes that docs/capacity.md names are those that the estimate counts."""
    page = Path(__file__).resolve().parents[2] / "docs" / "capacity.md"
    mixes = [(1, 0, 0), (0.4, 0.4, 0.2), (0, 0, 1)]
    counts = []
    for split, clean, forward in mixes:
        shares = {"split": split, "clean": clean, "forward": forward}
        changes = {f"traffic.{name}": share for name, share in shares.items()}
        counts.append(nodes_for(load_profile("production", changes), sessions))
    row = f"| {sessions:,} | {' | '.join(map(str, counts))} | 2 vCPUs |"
    assert row in page.read_text(encoding="utf-8")
