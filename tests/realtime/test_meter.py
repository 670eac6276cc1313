"""Levels and spectra of a session."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import signal

from antiphase.errors import SignalError
from antiphase.realtime.meter import Meter, Ring

FS = 8000


def metered(gain: float) -> Meter:
    """Return a meter that has heard white noise brought down to `gain` by a known drive."""
    rng = np.random.default_rng(1)
    path = np.array([0.0, 0.0, 0.8, 0.3])
    d, y = rng.standard_normal(3 * FS), rng.standard_normal(3 * FS)
    made = signal.lfilter(path, 1.0, y)
    d = gain * d - made  # e = d + s*y = gain * white
    meter = Meter(FS, path)
    for start in range(0, 3 * FS, 800):
        part = slice(start, start + 800)
        meter.take(d[part], y[part], (d + made)[part])
    return meter


def test_the_disturbance_is_rebuilt_exactly() -> None:
    """d̂ = e − ŝ∗y over block borders: the estimate is the true ratio."""
    meter = metered(0.1)
    _, _, e, d = meter.window(1.0)
    expected = 10 * np.log10(np.sum(d**2) / np.sum(e**2))
    shown = meter.attenuation(3.0)
    assert shown.estimated == pytest.approx(expected)
    assert np.std(d) == pytest.approx(np.hypot(0.1, np.hypot(0.8, 0.3)), rel=0.03)
    assert shown.true == 3.0
    assert shown.a_weighted == pytest.approx(expected, abs=2)
    assert [band.hz for band in shown.by_octave] == [63, 126, 251, 501, 1000, 1995]
    assert all(band.db is not None and band.db > 10 for band in shown.by_octave)


def test_the_bound_is_what_the_best_filter_leaves() -> None:
    """A filter that leaves a tenth: 20 dB in whole, in octaves and in the spectrum."""
    meter, x = Meter(FS, np.array([0.0, 1.0])), np.random.default_rng(2).standard_normal(3 * FS)
    meter.take(x, np.zeros(3 * FS), np.concatenate([[0.0], x[:-1]]))
    assert meter.attenuation().bound is None
    meter.set_bound(np.array([-0.9]), 0.2)
    shown = meter.attenuation()
    assert shown.bound == pytest.approx(20)
    assert shown.bound_error == 0.2
    assert all(b.bound_db == pytest.approx(20, abs=0.1) for b in shown.by_octave)
    spectrum = meter.spectrum()
    gap = np.array(spectrum.off_db) - np.array(spectrum.bound_db)
    assert gap == pytest.approx(20, abs=0.1)


def test_frames_that_were_lost_do_not_lower_the_bound() -> None:
    """A tenth of the reference guessed wrongly: the bound is that of the rest."""
    rng = np.random.default_rng(3)
    meter, x = Meter(FS, np.array([0.0, 1.0])), rng.standard_normal(3 * FS)
    d = np.concatenate([[0.0], x[:-1]])
    explained = np.ones(3 * FS, dtype=bool)
    for at in range(1000, 3 * FS, 2000):
        x[at : at + 200] = rng.standard_normal(200)
        explained[at : at + 210] = False
    meter.take(x, np.zeros(3 * FS), d, explained)
    meter.set_bound(np.array([-0.9]), 0.2)
    shown = meter.attenuation()
    assert shown.bound == pytest.approx(20, abs=0.1)
    assert all(b.bound_db == pytest.approx(20, abs=0.3) for b in shown.by_octave)


@pytest.mark.parametrize("silent", [np.nan, 0.0])
def test_of_a_second_that_is_mostly_a_gap_nothing_is_said(silent: float) -> None:
    """NaN or exact zeros for 0.6 s of the last: no figure, instead of 120 dB; then one again."""
    meter = metered(0.1)
    e = 0.1 * np.random.default_rng(4).standard_normal(FS)
    e[:4800] = silent
    meter.take(np.ones(FS), np.ones(FS), e)
    shown = meter.attenuation()
    assert shown.estimated is None
    meter.take(np.ones(FS), np.ones(FS), 0.1 * np.random.default_rng(5).standard_normal(FS))
    assert meter.attenuation().estimated is not None


def test_nothing_is_shown_before_anything_was_heard() -> None:
    """An empty meter shows None and no spectrum; silence too is no attenuation."""
    meter = Meter(FS)
    assert meter.attenuation().estimated is None
    assert meter.spectrum().hz == ()
    meter.take(*(np.zeros(FS),) * 3)
    assert meter.attenuation().estimated is None


def test_unknown_errors_do_not_count() -> None:
    """NaN in the error leaves the levels finite."""
    meter = Meter(FS)
    e = np.random.default_rng(1).standard_normal(FS)
    e[100:200] = np.nan
    meter.take(np.zeros(FS), np.zeros(FS), e)
    assert meter.attenuation().estimated == pytest.approx(0)


def test_lengths_must_agree() -> None:
    """Signals of different lengths are refused."""
    with pytest.raises(SignalError):
        Meter(FS).take(np.zeros(3), np.zeros(3), np.zeros(2))


def test_a_ring_keeps_the_newest() -> None:
    """Short and long pushes leave the last samples in order."""
    ring = Ring(5, 1)
    ring.push(np.arange(3.0)[None])
    assert ring.newest(10).tolist() == [[0, 1, 2]]
    ring.push(np.arange(3.0, 10.0)[None])
    assert ring.newest(2).tolist() == [[8, 9]]
    ring.clear()
    assert ring.newest(5).shape == (1, 0)
