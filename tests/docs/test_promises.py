"""The page of promises."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

from antiphase.cost.claims import claims
from antiphase.cost.estimate import estimate, monthly_cost_usd
from antiphase.cost.prices import read_prices
from antiphase.cost.usage import BUILTIN, load_profile

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "promises.md").read_text(encoding="utf-8")
PLACE = re.compile(r"`((?:[\w.-]+/)+[\w.-]*|[A-Z]+\.md)`")
# Names that the request gave to its own files; theirs, not ours.
THEIRS = "cloud/"


def rows(heading: str) -> list[list[str]]:
    """Return the cells of the table under a heading."""
    part = TEXT.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    lines = [line for line in part.splitlines() if line.startswith("|")][2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_no_row_is_missing() -> None:
    """Every row that was asked for is there once: M1 to M25, B1 to B7."""
    found = [cells[0] for cells in rows("The rows")]
    wanted = [f"M{k}" for k in range(1, 26)] + [f"B{k}" for k in range(1, 8)]
    assert sorted(found) == sorted(wanted)


@pytest.mark.parametrize("place", sorted(set(PLACE.findall(TEXT))))
def test_each_place_exists(place: str) -> None:
    """Each file and folder that the page names is in the repository."""
    if not place.startswith(THEIRS) and place != "/anc-process":
        assert (ROOT / place).exists()


def test_each_row_names_a_place_and_a_truth() -> None:
    """No row is without a place in the repository or without words on what is true."""
    for row, asked, place, true in rows("The rows"):
        assert asked, row
        assert PLACE.findall(place), row
        assert len(true) > 5, row
    for claim, true in rows("Claims"):
        assert len(true) > 10, claim


def test_each_class_can_be_imported() -> None:
    """Each class that the page names by its module is there."""
    named = re.findall(r"class `([\w.]+)\.(\w+)`", TEXT)
    assert named
    for module, name in named:
        assert hasattr(importlib.import_module(module), name)
    handler = importlib.import_module("edge.handler")
    for name in ("EdgeNLMSFilter", "encode_audio", "lambda_handler"):
        assert hasattr(handler, name)
    assert hasattr(importlib.import_module("edge.contract_json"), "decode_audio")


def test_commands_exist_or_are_named_as_missing() -> None:
    """A command is one of the program, unless the page says that it is not built yet."""
    program = Path(sys.executable).with_name("antiphase")
    text = subprocess.run([program, "--help"], capture_output=True, text=True, check=True).stdout
    for name in set(re.findall(r"`antiphase (\w+)", TEXT)):
        missing = f"`antiphase {name}` is not built yet" in TEXT
        assert (f" {name} " in text) != missing, name


def test_costs_are_todays() -> None:
    """Dollars on the page are those that the cost model gives now."""
    for name in BUILTIN:
        assert f"{name} ${monthly_cost_usd(name):,.0f}" in TEXT
    found = {c.name: c for c in claims(read_prices(), estimate(load_profile("production")))}
    before, after = found["the table before"].value, found["the table after"].value
    assert f"${before:.0f} → ${after:.0f}" in TEXT
    assert f"derived −{-found['saved at scale'].value:.0f} %" in TEXT
    assert f"${found['both, at scale'].value:.0f} for the 2,609 GB" in TEXT
    assert f"tiering ${found['Intelligent-Tiering'].value:.0f}" in TEXT
    assert f"{found['Glacier'].value:.0f} % when recordings are kept" in TEXT
    assert f"${found['a session'].value:.4f} for 30 minutes" in TEXT
