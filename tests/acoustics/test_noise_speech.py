"""Babble from synthesis and from recordings."""

from __future__ import annotations

import numpy as np
import pytest

from antiphase.acoustics import noise
from antiphase.acoustics.noise_speech import talker
from antiphase.dsp import power_density
from antiphase.errors import SignalError

FS = 8000.0


def test_a_talker_is_voiced_at_its_pitch() -> None:
    """The cepstrum of loud frames peaks at the period of the pitch (± 25 %)."""
    signal = talker(40_000, FS, np.random.default_rng(1), 120.0)
    frames = np.lib.stride_tricks.sliding_window_view(signal, 1024)[::512]
    loud = frames[np.argsort(frames.std(axis=1))[-30:]] * np.hanning(1024)
    cepstrum = np.fft.irfft(np.log(np.abs(np.fft.rfft(loud)) + 1e-6)).mean(axis=0)
    period = 40 + int(np.argmax(cepstrum[40:160]))
    assert FS / period == pytest.approx(120, rel=0.25)


def test_speech_is_modulated_and_pauses() -> None:
    """One talker's level swings by 20 dB; six together fill the gaps; no clicks."""

    def swing(signal: np.typing.NDArray[np.float64]) -> float:
        level = np.sqrt(np.mean(signal[:79_200].reshape(-1, 800) ** 2, axis=1))
        return float(20 * np.log10(np.quantile(level, 0.9) / max(np.quantile(level, 0.1), 1e-4)))

    one = noise.make("babble", 10, FS, talkers=1)
    six = noise.make("babble", 10, FS)
    assert swing(one) > 20
    assert swing(six) < 0.7 * swing(one)
    assert np.abs(six).max() < 8


def test_speech_falls_towards_high_frequencies() -> None:
    """Most power lies between 100 and 1000 Hz, as in long-term speech spectra."""
    frequency, density = power_density(noise.make("babble", 20, FS), FS)
    inside = (frequency > 100) & (frequency < 1000)
    assert density[inside].sum() > 0.6 * density.sum()
    assert density[frequency > 1000].sum() > 0.02 * density.sum()


def test_recordings_are_used_and_repeated() -> None:
    """Talkers taken from a short recording hold nothing but that recording."""
    voice = np.sin(2 * np.pi * 440 * np.arange(2000) / FS)
    frequency, density = power_density(
        noise.make("babble", 4, FS, recordings=[voice], talkers=3), FS
    )
    near = np.abs(frequency - 440) < 20
    assert density[near].sum() > 0.99 * density.sum()


@pytest.mark.parametrize("bad", [[], [np.zeros(100)], [np.zeros(0)]])
def test_empty_recordings_are_refused(bad: list[np.typing.NDArray[np.float64]]) -> None:
    """Silence can't babble."""
    with pytest.raises(SignalError, match="recordings are empty or silent"):
        noise.make("babble", 1, FS, recordings=bad)
