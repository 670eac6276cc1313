"""What the commands show."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from antiphase.cli.screen import decibels, escape, open_page, scan_table


def shown(item: object) -> str:
    console = Console(file=io.StringIO(), width=200)
    console.print(item)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_brackets_are_text() -> None:
    """Text with brackets is shown as it is, not taken as a colour."""
    assert shown(escape("[controller] is [red]")).strip() == "[controller] is [red]"


def test_levels_have_a_unit_and_no_negative_zero() -> None:
    """A missing level is a dash, and nothing is "-0.0 dB"."""
    assert decibels(None) == "–"
    assert decibels(-0.04) == "0.0 dB"
    assert decibels(12.34) == "12.3 dB"


def test_a_failed_case_shows_its_reason() -> None:
    """The table of a scan has the numbers, and the reason where there are none."""
    rows = [
        {
            "scenario": "road",
            "controller.mu": 0.1,
            "seed": 0,
            "nr_db": 12.345,
            "limited_by": "length",
        },
        {"scenario": "road", "controller.mu": 9.0, "failure": "mu=9.0 must be in (0, 2)"},
    ]
    text = shown(scan_table(rows, ["controller.mu"]))
    assert "12.35" in text or "12.34" in text
    assert "mu=9.0 must be in (0, 2)" in text


def test_a_page_opens_where_there_is_a_screen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a display the browser gets the page's address."""
    opened: list[str] = []

    def browse(url: str) -> bool:
        opened.append(url)
        return True

    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr("webbrowser.open", browse)
    open_page(tmp_path / "a.html")
    assert opened == [(tmp_path / "a.html").as_uri()]
