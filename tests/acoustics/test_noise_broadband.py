"""Broadband noise against its published spectra."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import signal as scipy_signal

from antiphase.acoustics import noise
from antiphase.acoustics.noise_broadband import shaped, slow, unit
from antiphase.dsp import band_powers, butterworth, octave_bands, power_density


def test_white_is_flat_above_its_high_pass() -> None:
    """Third-octave density is constant from 100 Hz up and 3 dB down at 40 Hz."""
    frequency, density = power_density(noise.make("white", 60, 8000), 8000, 8192)
    level = 10 * np.log10(density * 4000)
    assert np.abs(level[200:-10].reshape(-1).mean()) < 0.2
    at_40 = np.mean(level[(frequency > 38) & (frequency < 42)])
    assert at_40 == pytest.approx(-3, abs=0.5)


def test_pink_has_equal_octaves() -> None:
    """Octave powers from 63 Hz to 2 kHz differ by less than half a decibel."""
    frequency, density = power_density(noise.make("pink", 60, 8000), 8000, 8192)
    power = band_powers(frequency, density, octave_bands(1, 63, 2000))
    assert np.ptp(10 * np.log10(power)) < 0.5


def test_band_is_the_butterworth_band_pass() -> None:
    """The spectrum follows the published filter from 60 to 2000 Hz within the estimate's spread."""
    frequency, density = power_density(noise.make("band", 60, 8000), 8000, 1024)
    inside = (frequency > 60) & (frequency < 2000)
    sections = butterworth("bandpass", (100.0, 1000.0), 8000, 4)
    _, response = scipy_signal.freqz_sos(sections, frequency[inside], fs=8000)
    ratio = 10 * np.log10(density[inside] / np.abs(response) ** 2)
    assert np.std(ratio) < 0.6


def test_slow_wandering_stays_within_one() -> None:
    """Bounded by 1, RMS near one half, and slow: its power lies below twice the bandwidth."""
    walk = slow(80_000, 100.0, np.random.default_rng(1), 0.3)
    assert np.abs(walk).max() <= 1
    assert np.sqrt(np.mean(walk**2)) == pytest.approx(0.47, abs=0.06)
    frequency, density = power_density(walk, 100.0, 8192)
    assert density[frequency < 0.6].sum() > 0.95 * density.sum()


def test_shaped_noise_follows_its_magnitude() -> None:
    """Twice the amplitude is 6 dB, wherever asked for."""
    rng = np.random.default_rng(2)
    signal = shaped(100_000, 8000, rng, lambda f: np.where(f < 1000, 2.0, 1.0))
    frequency, density = power_density(signal, 8000, 512)
    low, high = density[frequency < 900].mean(), density[frequency > 1100].mean()
    assert 10 * np.log10(low / high) == pytest.approx(6.02, abs=0.2)
    assert np.std(signal) == pytest.approx(1, rel=1e-3)


def test_silence_stays_silent() -> None:
    """Scaling nothing to unit RMS gives nothing, not NaN."""
    assert not np.any(unit(np.zeros(5)))
    assert len(unit(np.zeros(0))) == 0
