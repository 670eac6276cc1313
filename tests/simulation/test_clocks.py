"""Drifting clocks against arithmetic."""

from __future__ import annotations

import numpy as np
import pytest

from antiphase.errors import ParameterError, SignalError
from antiphase.simulation.clocks import DriftingClock, sample_on

FS = 8000


def test_equal_clocks_record_the_signal_itself() -> None:
    """No drift and no offset: the same samples up to rounding."""
    signal = np.random.default_rng(0).standard_normal(4000)
    samples, capture = sample_on(signal, FS, DriftingClock())
    np.testing.assert_allclose(samples, signal, atol=1e-12)
    np.testing.assert_allclose(capture, np.arange(4000) / FS, atol=1e-12)


def test_a_drift_that_changes_takes_samples_at_the_stated_rates() -> None:
    """100 ppm fast for 2 s, then 300 ppm slow; the tone recorded is the tone at those instants."""
    clock = DriftingClock(0.1, [(0, 100), (2, -300)])
    tone = np.sin(2 * np.pi * 700 * np.arange(4 * FS) / FS)
    samples, capture = sample_on(tone, FS, clock)
    count_at_2 = np.searchsorted(capture, 2.0)
    assert count_at_2 == pytest.approx(1.9 * FS * (1 + 100e-6), abs=1)
    assert np.diff(capture)[-1] == pytest.approx(1 / FS / (1 - 300e-6), rel=1e-9)
    inner = slice(100, -100)
    np.testing.assert_allclose(samples[inner], np.sin(2 * np.pi * 700 * capture[inner]), atol=1e-4)


def test_a_slip_loses_or_repeats_samples_without_a_trace_in_the_count() -> None:
    """80 samples lost: the recording goes on 80 samples later; 40 inserted: 40 earlier."""
    lost = DriftingClock(slips=[(0.5, 80)]).capture_s(FS, FS)
    assert np.diff(lost)[3999] == pytest.approx(81 / FS)
    again = DriftingClock(slips=[(0.5, -40)]).capture_s(FS, FS)
    assert np.diff(again)[3999] == pytest.approx(-39 / FS)


def test_silence_before_the_signal_starts() -> None:
    """A sender that starts early records silence."""
    samples, _ = sample_on(np.ones(2000), FS, DriftingClock(-0.05))
    assert np.abs(samples[:300]).max() < 1e-12
    assert samples[500:-100] == pytest.approx(1, abs=1e-4)


def test_impossible_clocks_are_refused() -> None:
    """Changes out of order, absurd rates, no overlap."""
    with pytest.raises(ParameterError, match="in order of time"):
        DriftingClock(drift_ppm=[(1, 0), (0, 5)])
    with pytest.raises(ParameterError, match="below 100000"):
        DriftingClock(drift_ppm=2e5)
    with pytest.raises(SignalError, match="ends before"):
        sample_on(np.ones(100), FS, DriftingClock(1.0))
