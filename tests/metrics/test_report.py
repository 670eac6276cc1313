"""The report against the functions it is made of and against runs of known course."""

from __future__ import annotations

import json

import numpy as np
import numpy.typing as npt
import pytest

from antiphase.errors import SignalError
from antiphase.metrics.fixed_filter import fixed_filter_bound
from antiphase.metrics.report import Metrics, report_metrics

Floats = npt.NDArray[np.float64]
FS = 8000


def white(n: int, seed: int = 1) -> Floats:
    return np.random.default_rng(seed).standard_normal(n)


@pytest.fixture(scope="module")
def report() -> Metrics:
    """4 s of white noise, off for 0.5 s, then 20 dB; bound 30 dB; ŝ 10 % too large, 1 tap late."""
    x = white(4 * FS)
    gain = np.repeat([1.0, 0.1], [FS // 2, 4 * FS - FS // 2])
    noise = 10 ** (-30 / 20) * white(4 * FS, 2)
    bound = fixed_filter_bound(x, x, [1.0], 2, reference_noise=noise)
    path = np.array([0.0, 1.0, 0.5])
    return report_metrics(
        x,
        gain * x,
        FS,
        bound=bound,
        margin_samples=12.0,
        drive=0.5 * np.sin(np.arange(4 * FS)),
        drive_limit=2.0,
        secondary_path=path,
        secondary_path_estimate=np.array([0.0, 1.1, 0.55]),
        divergences=0,
        runs=5,
    )


def test_levels_gaps_and_times(report: Metrics) -> None:
    """Each figure is the one the run was built with, and gaps compare the same samples."""
    assert report.nr_whole_db == pytest.approx(-10 * np.log10((0.5 + 3.5 * 0.01) / 4), abs=0.2)
    assert report.nr_after_1s_db == pytest.approx(20)
    assert report.nr_last_second_db == pytest.approx(20)
    assert report.nr_a_weighted_db == pytest.approx(report.nr_whole_db, abs=0.2)
    assert report.bound_after_1s_db == pytest.approx(30, abs=0.2)
    assert report.gap_after_1s_db == pytest.approx(10, abs=0.2)
    assert report.gap_whole_db == pytest.approx(30 - report.nr_whole_db, abs=0.3)
    assert report.seconds_to_10_db == pytest.approx(0.5, abs=0.1)
    assert report.seconds_to_final == pytest.approx(0.5, abs=0.1)
    assert (report.diverged, report.divergences, report.runs) == (False, 0, 5)


def test_drive_margin_and_model(report: Metrics) -> None:
    """Output re its limit, margin in both units, model error in dB and phase."""
    assert report.margin_ms == pytest.approx(1.5)
    assert report.drive_peak_db == pytest.approx(-12.04, abs=0.01)
    assert report.drive_rms_db == pytest.approx(-15.05, abs=0.01)
    assert report.model_error_db == pytest.approx(-20)
    assert report.model_phase_deg == pytest.approx(0, abs=1e-6)


def test_json_is_plain_and_whole(report: Metrics) -> None:
    """Every field goes through json and back, bands included."""
    loaded = json.loads(json.dumps(report.to_json(), allow_nan=False))
    assert loaded["nr_after_1s_db"] == pytest.approx(20)
    assert len(loaded["octaves"]["centre_hz"]) == len(report.octaves.centre_hz)
    assert set(loaded) == set(Metrics.__dataclass_fields__)


def test_what_is_unknown_is_none() -> None:
    """Short runs at a low rate without bound, drive or model: None, not a guess."""
    d = white(1500)
    bare = report_metrics(d, d, 2000)
    assert bare.nr_whole_db == 0
    assert bare.nr_a_weighted_db is None
    assert bare.nr_after_1s_db is bare.nr_last_second_db is None
    assert bare.gap_whole_db is bare.model_error_db is bare.drive_rms_db is None
    assert bare.margin_ms is None
    assert json.dumps(bare.to_json(), allow_nan=False)


def test_silent_error_becomes_null() -> None:
    """Infinite decibels have no place in JSON."""
    d = white(9000)
    data = report_metrics(d, np.zeros(9000), FS, drive=np.zeros(9000)).to_json()
    assert data["nr_whole_db"] is None
    assert data["drive_rms_db"] is None


def test_a_late_model_shows_its_phase_and_where() -> None:
    """A model one sample late is 180° off at fs / 2."""
    d = white(9000)
    found = report_metrics(d, d, FS, secondary_path=[1.0, 0.0], secondary_path_estimate=[0.0, 1.0])
    assert found.model_phase_deg == pytest.approx(180)
    assert found.model_phase_hz == pytest.approx(4000)


def test_a_bound_of_other_samples_is_refused() -> None:
    """The gap must compare the same samples."""
    d = white(1000)
    bound = fixed_filter_bound(d, d, [1.0], 2)
    with pytest.raises(SignalError, match=r"bound\.error"):
        report_metrics(d[:900], d[:900], FS, bound=bound)
