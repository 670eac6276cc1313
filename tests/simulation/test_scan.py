"""Scans."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from antiphase.errors import FileFormatError, ParameterError
from antiphase.files import RowFile
from antiphase.simulation.scan import Case, make_cases, run_case, run_scan

SCENARIO = """
title = "small"
fs = 4000
seconds = 2
[noise]
kind = "white"
[paths]
kind = "duct"
n_taps = 128
[identification]
seconds = 1.0
[controller]
kind = "ModifiedFxNLMS"
n_taps = 64
mu = 0.1
"""


@pytest.fixture
def scenario(tmp_path: Path) -> str:
    (tmp_path / "small.toml").write_text(SCENARIO)
    return str(tmp_path / "small.toml")


def test_every_combination_is_a_case(scenario: str) -> None:
    """Two values of one key, three of another and two seeds are twelve cases, all different."""
    sweeps: dict[str, list[float]] = {
        "controller.mu": [0.1, 0.2],
        "controller.n_taps": [16, 32, 64],
    }
    cases = make_cases([scenario], sweeps, seeds=2)
    assert len(cases) == 12
    assert len({case.key for case in cases}) == 12
    assert {case.scenario.seed for case in cases} == {0, 1}


def test_a_bad_value_stops_before_anything_runs(scenario: str) -> None:
    """A key, value or number of seeds that does not fit is refused at once."""
    with pytest.raises(FileFormatError, match="n_taps"):
        make_cases([scenario], {"controller.n_taps": [16, 0]})
    with pytest.raises(ParameterError, match="seeds"):
        make_cases([scenario], {}, seeds=0)


def test_the_key_follows_the_content(scenario: str) -> None:
    """The same scenario has the same key; an edit of the file changes it."""
    before = make_cases([scenario], {})[0].key
    assert make_cases([scenario], {})[0].key == before
    Path(scenario).write_text(SCENARIO.replace("mu = 0.1", "mu = 0.11"))
    assert make_cases([scenario], {})[0].key != before


def test_a_scan_on_processes_equals_single_runs(scenario: str, tmp_path: Path) -> None:
    """Rows of a worker process are those of the same cases run here; nothing else changes."""
    cases = make_cases([scenario], {"controller.mu": [0.05, 0.2]})
    told: list[tuple[int, int]] = []
    before = dict(os.environ)
    result = run_scan(
        cases, tmp_path / "a.parquet", workers=1, progress=lambda done, of: told.append((done, of))
    )
    assert dict(os.environ) == before
    assert (result.total, result.ran, result.kept, result.failed) == (2, 2, 0, 0)
    assert told[0] == (0, 2)
    assert told[-1] == (2, 2)
    rows = {row["case"]: row for row in pq.read_table(tmp_path / "a.parquet").to_pylist()}
    for case in cases:
        assert rows[case.key]["nr_db"] == pytest.approx(run_case(case)["nr_db"], abs=1e-6)


def test_an_interrupted_scan_goes_on(
    scenario: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cases that were done are not run again, failed ones are."""
    cases = make_cases([scenario], {"controller.mu": [0.05, 0.1, 0.2]})
    file = RowFile(tmp_path / "a.parquet", key="case")
    file.append({"case": cases[0].key, "nr_db": 1.0, "failure": None})
    file.append({"case": cases[1].key, "failure": "the power went out"})
    ran: list[str] = []

    def fake(waiting: list[Case], _workers: int | None) -> list[dict[str, object]]:
        ran.extend(case.key for case in waiting)
        return [{"case": case.key, "nr_db": 2.0, "failure": None} for case in waiting]

    monkeypatch.setattr("antiphase.simulation.scan._on_processes", fake)
    result = run_scan(cases, tmp_path / "a.parquet")
    assert ran == [cases[1].key, cases[2].key]
    assert (result.ran, result.kept) == (2, 1)
    assert sorted(row["nr_db"] for row in result.rows) == [1.0, 2.0, 2.0]


def test_a_case_that_fails_does_not_stop_the_others(scenario: str) -> None:
    """A case that can't run gives a row that says why."""
    case = make_cases([scenario], {"controller.mu": [-1.0]})[0]
    assert "mu=-1.0" in run_case(case)["failure"]


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray is not installed")
def test_a_scan_on_ray_equals_one_on_processes(scenario: str, tmp_path: Path) -> None:
    """A local Ray cluster gives the rows that processes give."""
    options = ["--set", "controller.mu=0.05,0.2", "--json"]
    tables = []
    for name, where in (("a", []), ("b", ["--ray", "local"])):
        out = tmp_path / f"{name}.parquet"
        command = [sys.executable, "-c", "from antiphase.cli import main; main()", "scan", scenario]
        done = subprocess.run(
            [*command, "--out", str(out), *options, *where],
            check=True,
            capture_output=True,
            text=True,
        )
        assert json.loads(done.stdout.splitlines()[-1])["ran"] == 2
        rows = pq.read_table(out).to_pylist()
        tables.append(sorted((row["case"], round(row["nr_db"], 6)) for row in rows))
    assert tables[0] == tables[1]
