"""Traffic and blows against their published shape."""

from __future__ import annotations

import numpy as np
import pytest

from antiphase.acoustics import noise
from antiphase.acoustics.noise_street import impulsive
from antiphase.dsp import band_powers, octave_bands, power_density

FS = 8000.0


def test_traffic_has_low_frequencies_and_a_tyre_hump() -> None:
    """Octaves at 63 and 1000 Hz stand at least 4 dB above the valley at 250 Hz."""
    frequency, density = power_density(noise.make("traffic", 60, FS), FS, 4096)
    power = 10 * np.log10(band_powers(frequency, density, octave_bands(1, 63, 2000)))
    low, valley, hump = power[0], power[2], power[4]
    assert low - valley > 4
    assert hump - valley > 4


def test_vehicles_pass_by() -> None:
    """Level swings by more than 6 dB with vehicles and is steady without."""

    def swing(**params: float) -> float:
        signal = noise.make("traffic", 60, FS, 0, **params)
        level = 10 * np.log10(np.mean(signal[: 60 * 8000].reshape(60, -1) ** 2, axis=1))
        return float(np.ptp(level))

    assert swing() > 6
    assert swing(vehicles_per_minute=0.0) < 3


def test_blows_are_impulsive() -> None:
    """Kurtosis far above 3, and the tails decay with the published time."""
    signal = noise.make("impulsive", 20, FS)
    assert np.mean(signal**4) > 15
    one = impulsive(80_000, FS, np.random.default_rng(1), blows_per_second=1e-6, background_db=-300)
    start = int(np.argmax(np.abs(one) > 1e-6))
    level = 10 * np.log10(np.mean(one[start : start + 1600].reshape(-1, 80) ** 2, axis=1))
    slope = np.polyfit(np.arange(20) * 10.0, level, 1)[0]
    assert -8.7 / slope == pytest.approx(30, abs=12)
