"""The page on the media plane."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "media.md").read_text(encoding="utf-8")
ROWS = [line for line in PAGE.splitlines() if line.startswith("| ") and "| promise" not in line]
NAMED = sorted(set(re.findall(r"`([\w./]*test_\w+\.py)(?:::(\w+))?`", PAGE)))


def source(name: str) -> str:
    return (ROOT / "tests" / "media" / name).read_text(encoding="utf-8")


@pytest.mark.parametrize(("file", "test"), NAMED)
def test_each_named_test_exists(file: str, test: str) -> None:
    """The file has the test that a row speaks of, or some test at all."""
    assert re.search(rf"^def {test or 'test_'}", source(file), re.MULTILINE)


def test_each_row_names_a_test_and_says_where_it_runs_once() -> None:
    """A row whose tests take no driver says so."""
    assert len(ROWS) > 30
    for row in ROWS:
        named = re.findall(r"`([\w./]*test_\w+\.py)(?:::(\w+))?`", row)
        assert named or "the same tests" in row, row
        for file, test in named:
            text = source(file)
            alone = text if not test else text[: text.index(f"def {test}(")].rsplit("\n\n\n", 1)[1]
            drivers = "DRIVERS" in alone
            told = re.search(r"no driver|\(native|as the server", row)
            assert drivers or told, (file, test)
