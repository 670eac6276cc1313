"""Reports."""

from __future__ import annotations

import html.parser
import json
from pathlib import Path

import numpy as np
import pytest

from antiphase.files import read_audio
from antiphase.metrics import noise_reduction_db
from antiphase.simulation.report import ReportFiles, summarise, write_report
from antiphase.simulation.scenario import parse_scenario
from antiphase.simulation.study import Study, run_study


@pytest.fixture(scope="module")
def study() -> Study:
    return run_study(
        parse_scenario(
            {
                "title": "</script> & <b>Lärm</b>",
                "about": "A duct",
                "fs": 4000,
                "seconds": 3,
                "generated": True,
                "noise": {"kind": "white"},
                "paths": {"kind": "duct", "n_taps": 256},
                "identification": {"seconds": 1.0},
                "controller": {"kind": "ModifiedFxNLMS", "n_taps": 128, "mu": 0.1},
            }
        )
    )


@pytest.fixture(scope="module")
def files(study: Study, tmp_path_factory: pytest.TempPathFactory) -> ReportFiles:
    return write_report(study, tmp_path_factory.mktemp("report") / "new" / "folder")


class _Page(html.parser.HTMLParser):
    """Collects what a page loads and which elements have an id."""

    def __init__(self) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.ids: list[str] = []
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note sources and ids."""
        self.tags.append(tag)
        self.loads += [v for k, v in attrs if k in ("src", "href") and v]
        self.ids += [v for k, v in attrs if k == "id" and v]


def test_the_page_works_off_line(files: ReportFiles) -> None:
    """Everything that the page loads lies beside it."""
    page = _Page()
    page.feed(files.page.read_text(encoding="utf-8"))
    assert "plotly.min.js" in page.loads
    assert all((files.page.parent / name).is_file() for name in page.loads)


def test_text_from_the_scenario_can_not_break_the_page(files: ReportFiles) -> None:
    """Titles are text: tags in them are shown, not obeyed."""
    page = _Page()
    text = files.page.read_text(encoding="utf-8")
    page.feed(text)
    assert "b" not in page.tags
    assert text.count("</script>") == 2


def test_every_figure_has_its_place_and_finite_data(files: ReportFiles) -> None:
    """The page's data is JSON; each figure in it has an element to be drawn in."""
    text = files.page.read_text(encoding="utf-8")
    page = _Page()
    page.feed(text)
    line = next(row for row in text.splitlines() if row.startswith("const figures = "))
    figures = json.loads(line.removeprefix("const figures = ").removesuffix(";"))
    assert len(figures) == 9
    assert set(figures) <= set(page.ids)
    for figure in figures.values():
        assert figure["data"]
        for axis in ("xaxis", "yaxis"):
            assert "title" in figure["layout"][axis]


def test_the_sounds_carry_the_reported_difference(study: Study, files: ReportFiles) -> None:
    """Off and on are written at one gain, so their ratio is the noise reduction."""
    off, fs = read_audio(files.off)
    on, _ = read_audio(files.on)
    assert fs == study.scenario.fs
    whole = noise_reduction_db(study.scene.disturbance, study.error)
    assert noise_reduction_db(off, on) == pytest.approx(whole, abs=0.05)
    assert 0.85 < max(np.abs(off).max(), np.abs(on).max()) < 0.95


def test_the_summary_is_plain_json(study: Study, files: ReportFiles) -> None:
    """The summary survives strict JSON and is what the report's folder has."""
    summary = summarise(study)
    assert json.loads(json.dumps(summary, allow_nan=False)) == summary
    assert json.loads(files.numbers.read_text(encoding="utf-8")) == summary
    assert summary["gap_db"] == pytest.approx(summary["bound_db"] - summary["nr_db"], abs=1e-5)


def test_a_report_replaces_the_older_one(study: Study, tmp_path: Path) -> None:
    """Writing twice into one folder leaves one report."""
    first = write_report(study, tmp_path)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert write_report(study, tmp_path) == first
    assert sorted(path.name for path in tmp_path.iterdir()) == names
