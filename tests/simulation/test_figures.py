"""The pictures of a report."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from antiphase.simulation.figures import make_figures
from antiphase.simulation.scenario import parse_scenario
from antiphase.simulation.study import Study, run_study
from antiphase.simulation.traces import Figure


@pytest.fixture(scope="module")
def study() -> Study:
    return run_study(
        parse_scenario(
            {
                "title": "tone",
                "fs": 4000,
                "seconds": 4,
                "noise": {"kind": "band", "low_hz": 400.0, "high_hz": 600.0},
                "paths": {"kind": "duct", "n_taps": 256},
                "identification": {"seconds": 1.0},
                "controller": {"kind": "ModifiedFxNLMS", "n_taps": 128, "mu": 0.2},
            }
        )
    )


@pytest.fixture(scope="module")
def figures(study: Study) -> dict[str, Figure]:
    return {figure.name: figure for figure in make_figures(study)}


def curve(figure: Figure, name: str) -> tuple[np.ndarray, np.ndarray]:
    trace: dict[str, Any] = next(t for t in figure.data if t["name"].startswith(name))
    return np.array(trace["x"], dtype=float), np.array(trace["y"], dtype=float)


def test_every_axis_has_a_title_with_its_unit(figures: dict[str, Figure]) -> None:
    """Whoever looks at a picture can read what is drawn over what."""
    assert len(figures) == 9
    for figure in figures.values():
        assert figure.layout["xaxis"]["title"]
        assert figure.title
        assert figure.caption.endswith(".")


def test_the_spectrum_peaks_where_the_noise_is(figures: dict[str, Figure]) -> None:
    """With control off the highest point lies in the noise's band and is 0 dB."""
    f, level = curve(figures["spectra"], "control off")
    assert 400 < f[np.argmax(level)] < 600
    assert level.max() == pytest.approx(0, abs=0.01)


def test_control_lowers_the_spectrum_in_the_band(figures: dict[str, Figure]) -> None:
    """In the noise's band the curve with control on lies below the one with it off."""
    f, off = curve(figures["spectra"], "control off")
    _, on = curve(figures["spectra"], "control on")
    inside = (f > 420) & (f < 580)
    assert np.mean((off - on)[inside]) > 6


def test_the_level_over_time_ends_at_the_reported_reduction(
    study: Study, figures: dict[str, Figure]
) -> None:
    """The last second of the curve is minus the noise reduction of the last second."""
    t, level = curve(figures["time"], "control on")
    last = study.metrics.nr_last_second_db
    assert last is not None
    assert np.mean(level[t > t[-1] - 1]) == pytest.approx(-last, abs=1.5)


def test_the_bars_show_what_was_reached_and_every_limit(
    study: Study, figures: dict[str, Figure]
) -> None:
    """First bar: the result; then each limit, in the order of the study."""
    values = figures["limits"].data[0]["x"]
    expected = [study.reached_db, *(limit.nr_db for limit in study.limits)]
    np.testing.assert_allclose(values, expected, atol=0.01)


def test_the_shaded_time_is_the_causality_margin(study: Study, figures: dict[str, Figure]) -> None:
    """The shaded part of the causality picture is as wide as the margin."""
    shade = figures["paths"].layout["shapes"][-1]
    margin_ms = abs(study.scene.margin_samples) / study.scenario.fs * 1000
    assert shade["x1"] - shade["x0"] == pytest.approx(margin_ms)
