"""Whitening filters against processes whose predictor is known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import signal

from antiphase.errors import ParameterError, SignalError
from antiphase.identify.whitening import whitening_filter


def test_an_autoregressive_noise_gets_its_own_filter() -> None:
    """The best predictor of an AR(2) process is its recursion; higher orders are 0."""
    a = np.array([1.0, -1.2, 0.8])
    _, response = signal.freqz([1.0], a, 4097, include_nyquist=True)
    taps = whitening_filter(np.abs(response) ** 2, 6)
    np.testing.assert_allclose(taps, np.pad(a, (0, 4)), atol=1e-6)


def test_a_tone_is_notched_and_the_rest_passes() -> None:
    """30 dB and more at the tone; a few of its widths away it is flat within 1 dB."""
    density = np.ones(4001)
    density[1000] = 1e5
    taps = whitening_filter(density, 128)
    frequency, gain = signal.freqz(taps, 1, 4001, fs=8000, include_nyquist=True)
    gain_db = 20 * np.log10(np.abs(gain))
    assert gain_db[1000] < -30
    assert np.abs(gain_db[np.abs(frequency - 1000) > 300]).max() < 1


def test_bad_input_says_what_to_change() -> None:
    """An order beyond the density, and a density without a floor."""
    with pytest.raises(ParameterError, match="order"):
        whitening_filter(np.ones(10), 10)
    with pytest.raises(SignalError, match="add a floor"):
        whitening_filter(np.zeros(10), 2)
