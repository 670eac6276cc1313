"""Pages."""

from __future__ import annotations

from pathlib import Path

from antiphase.simulation.page import Page, write_page
from antiphase.simulation.traces import Figure, axis, line


def test_a_page_shows_what_it_is_given(tmp_path: Path) -> None:
    """Title, sentence, notes, numbers, sounds, figures and tables are all there."""
    figure = Figure("one", "Picture", "How to read it", [line("a", [0, 1], [0, 1], "red")], {})
    figure.layout["xaxis"] = axis("time, s")
    page = Page(
        title="Title",
        verdict="It works.",
        about="About it.",
        notes=["Careful."],
        numbers=[("reached", "12.0", "dB")],
        sounds=[("Control on", "on.wav")],
        figures=[figure],
        tables=[("Rows", [("name", "value")])],
    )
    write_page(page, tmp_path / "a.html")
    text = (tmp_path / "a.html").read_text(encoding="utf-8")
    for words in ("Title", "It works.", "About it.", "Careful.", "12.0", "reached", "on.wav"):
        assert words in text
    for words in ("Picture", "How to read it", 'id="one"', "Rows", "name", "value", "time, s"):
        assert words in text
    assert (tmp_path / "plotly.min.js").stat().st_size > 1e6


def test_a_page_needs_only_a_title_and_a_sentence(tmp_path: Path) -> None:
    """What is not given leaves no empty boxes of notes or sounds."""
    write_page(Page(title="T", verdict="V"), tmp_path / "a.html")
    text = (tmp_path / "a.html").read_text(encoding="utf-8")
    assert 'class="card notes"' not in text
    assert "<audio" not in text
    assert "$" not in text.split("<script>")[0]


def test_a_value_that_is_missing_has_no_unit(tmp_path: Path) -> None:
    """A dash stands alone."""
    write_page(Page(title="T", verdict="V", numbers=[("time", "–", "s")]), tmp_path / "a.html")
    assert "<small></small>" in (tmp_path / "a.html").read_text(encoding="utf-8")


def test_the_small_print_is_the_pages_own(tmp_path: Path) -> None:
    """What the figures mean is said by whoever has them, as text."""
    write_page(Page(title="T", verdict="V", footer="a < b"), tmp_path / "a.html")
    text = (tmp_path / "a.html").read_text(encoding="utf-8")
    assert "a &lt; b</footer>" in text
    assert "NR =" not in text
