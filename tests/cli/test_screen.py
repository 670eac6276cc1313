"""What the commands show."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from antiphase.cli.screen import (
    bar,
    decibels,
    escape,
    open_page,
    scan_table,
    screen,
    show_summary,
)


@pytest.fixture(autouse=True)
def _wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(screen, "_width", 250)


def shown(item: object) -> str:
    with screen.capture() as taken:
        screen.print(item, soft_wrap=True)
    return taken.get()


@pytest.mark.parametrize(
    "words",
    [
        "[controller] is [red]",
        r"a path of C:\[data]\[/]",
        "5E:AB:8D:A:B:0A",  # a fingerprint: two of these are emoji's names
        "https://192.168.1.20:8443/#key=:smile:",
    ],
)
def test_text_is_shown_as_it_is(words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of it is taken as a colour or an emoji: on the screen, in titles, beside a bar."""
    assert shown(escape(words)).strip() == words
    with screen.capture() as taken:
        show_summary(
            {
                "scenario": words,
                "nr_db": 1.0,
                "limits": [],
                "margin_ms": 0.0,
                "verdict": words,
                "warnings": [words],
                "report": words,
            }
        )
    assert taken.get().count(words) == 4
    text = shown(scan_table([{"scenario": words, "failure": words}], []))
    assert text.count(words) == 2
    console = Console(file=io.StringIO(), force_terminal=True, width=250, emoji=False)
    monkeypatch.setattr("antiphase.cli.screen.status", console)
    with bar(words) as progress:
        progress(words, 0.5)
    assert isinstance(console.file, io.StringIO)
    assert console.file.getvalue().count(words) >= 2


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
