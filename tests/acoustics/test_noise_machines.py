"""Rotating machines and hum: tones where they should be, broadband as far below as published."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from scipy import signal as scipy_signal

from antiphase.acoustics import noise
from antiphase.acoustics.noise_machines import tones
from antiphase.dsp import power_density

FS = 8000.0


def tonal_power(signal: npt.NDArray[np.float64], at_hz: npt.NDArray[np.floating[Any]]) -> float:
    """Power within ± 1 Hz of the frequencies, floor between them taken off (16 s window)."""
    frequency, density = power_density(signal, FS, 1 << 17)
    near = np.min(np.abs(frequency[:, None] - at_hz[None, :]), axis=1) < 1
    return float(density[near].sum() * frequency[1])


def test_hum_is_six_tones_and_a_thousandth_of_noise() -> None:
    """100 Hz × 1–6 hold all but −30 dB; amplitudes as published."""
    signal = noise.make("hum", 60, FS)
    tonal = tonal_power(signal, np.arange(100.0, 700.0, 100.0))
    assert 10 * np.log10(1 - tonal) == pytest.approx(-30, abs=1)
    powers = [tonal_power(signal, np.array([f])) for f in (100.0, 300.0, 600.0)]
    np.testing.assert_allclose(np.sqrt(np.array(powers) / powers[0]), [1, 0.4, 0.14], rtol=0.03)


def test_fan_has_half_of_its_power_in_tones() -> None:
    """Tones at multiples of 169 Hz carry one half, whatever the seed."""
    for seed in (1, 2):
        tonal = tonal_power(noise.make("fan", 60, FS, seed), 169.0 * np.arange(1, 5))
        assert tonal == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize(("kind", "drift"), [("engine", 0.01), ("genset", 0.001)])
def test_engine_speed_wanders_as_published(kind: str, drift: float) -> None:
    """The firing order's instantaneous frequency stays within ± drift of 50 Hz and uses it."""
    signal = noise.make(kind, 60, FS, broadband_db=-60)
    sections = scipy_signal.butter(2, (46, 54), "bandpass", fs=FS, output="sos")
    analytic = scipy_signal.hilbert(scipy_signal.sosfiltfilt(sections, signal))
    speed = np.diff(np.unwrap(np.angle(analytic)))[8000:-8000] * FS / (2 * np.pi) / 50 - 1
    smooth = np.convolve(speed, np.ones(800) / 800, mode="valid")
    assert np.abs(smooth).max() < 1.3 * drift
    assert 0.25 * drift < smooth.std() < 0.7 * drift


def test_engine_broadband_is_15_db_down() -> None:
    """With speed held, tones at half orders hold all but −15 dB of the power."""
    signal = noise.make("engine", 60, FS, drift=0.0)
    tonal = tonal_power(signal, 12.5 * np.arange(1, 41))
    # Within ± 1 Hz of the tones lies 16 % of the broadband noise below 500 Hz.
    assert 10 * np.log10((1 - tonal) / tonal) == pytest.approx(-15, abs=1)


def test_tones_above_nyquist_are_left_out() -> None:
    """An order that would alias is not made."""
    phase = np.arange(100.0)
    speed = np.full(100, 3000.0)
    both = tones(phase, speed, FS, np.array([1.0, 2.0]), np.ones(2), np.zeros(2))
    np.testing.assert_array_equal(both, np.sin(phase))


def test_drill_sags_and_grows_louder_under_load() -> None:
    """The loud parts are at least 4 dB louder than the quiet ones and turn slower."""
    signal = noise.make("drill", 20, FS, seed=3)
    level = np.sqrt(np.convolve(signal**2, np.ones(800) / 800, mode="same"))
    loud, quiet = level > np.quantile(level, 0.7), level < np.quantile(level, 0.2)
    assert 20 * np.log10(level[loud].mean() / level[quiet].mean()) > 4
    frequency, time, spectrum = scipy_signal.spectrogram(signal, FS, nperseg=4096, noverlap=3072)
    band = (frequency > 200) & (frequency < 320)
    motor = frequency[band][np.argmax(spectrum[band], axis=0)]
    at = np.clip((time * FS).astype(int), 0, len(signal) - 1)
    assert motor[loud[at]].mean() < 0.96 * motor[quiet[at]].mean()
