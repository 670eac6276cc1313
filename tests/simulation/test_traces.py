"""Parts of pictures."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import signal

from antiphase.simulation.traces import band_name, line, psd, smooth, to_db


def test_bands_have_their_usual_names() -> None:
    """Exact base-10 frequencies get the names that instruments print."""
    exact = 1000 * 10 ** (np.arange(-16, 14) / 10)
    names = [band_name(f) for f in exact]
    assert names[:7] == ["25", "31.5", "40", "50", "63", "80", "100"]
    assert names[10:20] == [
        "250",
        "315",
        "400",
        "500",
        "630",
        "800",
        "1 k",
        "1.25 k",
        "1.6 k",
        "2 k",
    ]
    assert names[-1] == "20 k"


def test_smoothing_keeps_a_flat_spectrum_flat() -> None:
    """The average of a constant density is that constant, at every frequency."""
    frequencies = np.linspace(0, 8000, 4001)
    _, power = smooth(frequencies, np.full(4001, 2.5))
    np.testing.assert_allclose(power, 2.5, rtol=1e-9)


def test_smoothing_keeps_the_power_of_a_slope() -> None:
    """Pink density stays 1/f: what is averaged is power, at the place it belongs to."""
    frequencies = np.linspace(0, 8000, 16001)
    at, power = smooth(frequencies, 1 / np.maximum(frequencies, 1))
    keep = at > 100
    np.testing.assert_allclose(power[keep], 1 / at[keep], rtol=5e-3)


def test_the_spectrum_of_white_noise_is_flat_and_of_unit_power() -> None:
    """Welch's density of unit white noise is 2/fs, within what averaging leaves."""
    fs = 8000.0
    frames = np.random.default_rng(0).standard_normal((80000, 2))
    at, power = psd(frames, fs)
    middle = (at > 200) & (at < 3500)
    assert np.median(power[middle]) == pytest.approx(2 * 2 / fs, rel=0.05)


def test_a_tone_shows_at_its_frequency() -> None:
    """The highest point of a tone's spectrum is at the tone."""
    fs, n = 8000.0, 40000
    tone = np.sin(2 * np.pi * 500 * np.arange(n) / fs) * signal.windows.tukey(n, 0.01)
    at, power = psd(tone, fs)
    assert at[np.argmax(power)] == pytest.approx(500, rel=0.02)


def test_gaps_stay_gaps_and_numbers_stay_short() -> None:
    """What is not finite leaves a gap in the curve; digits that nobody sees are left out."""
    curve = line("a", [1.23456789, 2.0], [np.nan, -3.456789], "red")
    assert curve["x"] == [1.23457, 2.0]
    assert curve["y"] == [None, -3.457]


def test_silence_has_a_level() -> None:
    """Zero power is −200 dB, not −∞; a factor of 100 is 20 dB."""
    np.testing.assert_allclose(to_db([0.0, 1.0, 100.0]), [-200, 0, 20])
