"""Stationary broadband noise, and the shaping that the other kinds build on."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import signal as scipy_signal

from antiphase.dsp.biquad import butterworth
from antiphase.dsp.stream import Floats
from antiphase.errors import require

__all__ = ["band", "filtered", "pink", "shaped", "slow", "unit", "white"]

# Run-in that is thrown away, so that filters start in their steady state.
_RUN_IN_S = 0.5


def unit(signal: Floats) -> Floats:
    """Scale to unit RMS; silence stays silent."""
    rms = float(np.sqrt(np.mean(signal**2))) if len(signal) else 0.0
    return signal / rms if rms > 0 else signal


def filtered(n: int, fs: float, rng: np.random.Generator, sections: Floats) -> Floats:
    """Gaussian white noise through second-order sections, in its steady state.

    Parameters
    ----------
    n : int
        Samples.
    fs : float
        Hz.
    rng : numpy.random.Generator
    sections : ndarray, shape (sections, 6)
    """
    run_in = round(_RUN_IN_S * fs)
    result: Floats = scipy_signal.sosfilt(sections, rng.standard_normal(n + run_in))[run_in:]
    return result


def shaped(
    n: int, fs: float, rng: np.random.Generator, magnitude: Callable[[Floats], Floats]
) -> Floats:
    """Gaussian noise of unit RMS with the magnitude spectrum ``magnitude(frequency_hz)``.

    Parameters
    ----------
    n : int
        Samples.
    fs : float
        Hz.
    rng : numpy.random.Generator
    magnitude : callable
        From frequencies in Hz, shape (f,), to amplitudes ≥ 0.
    """
    size = max(n, 1024)
    frequency = np.linspace(0.0, fs / 2, size // 2 + 1)
    spectrum = np.fft.rfft(rng.standard_normal(size))
    spectrum *= magnitude(frequency)
    return unit(np.fft.irfft(spectrum, size)[:n])


def slow(n: int, fs: float, rng: np.random.Generator, bandwidth_hz: float) -> Floats:
    """Slow random wandering within [−1, 1]: low-passed noise of RMS 0.5, softly limited.

    Parameters
    ----------
    n : int
        Samples.
    fs : float
        Hz.
    rng : numpy.random.Generator
    bandwidth_hz : float
        −3 dB frequency of the second-order low-pass, > 0.
    """
    # Made at a low rate, then interpolated: a 0.1 Hz filter at 48 kHz would lose digits.
    rate = 20 * bandwidth_hz
    points = int(np.ceil(n / fs * rate)) + 4
    sections = butterworth("lowpass", bandwidth_hz, rate, 2)
    run_in = 100
    walk = scipy_signal.sosfilt(sections, rng.standard_normal(points + run_in))[run_in:]
    # RMS of white noise after this filter, so that short pieces are not stretched to full swing.
    gain = float(np.sqrt(np.sum(scipy_signal.sosfilt(sections, np.eye(1, 400)[0]) ** 2)))
    grid = scipy_signal.resample_poly(walk / gain, 8, 1)
    t = np.arange(n) / fs * rate * 8
    limited: Floats = np.tanh(0.55 * np.interp(t, np.arange(len(grid)), grid))
    return limited


def white(n: int, fs: float, rng: np.random.Generator, *, highpass_hz: float = 40.0) -> Floats:
    """White noise above a second-order Butterworth high-pass.

    Parameters
    ----------
    n : int
        Samples.
    fs : float
        Hz.
    rng : numpy.random.Generator
    highpass_hz : float
        −3 dB frequency, in (0, fs/2).
    """
    return filtered(n, fs, rng, butterworth("highpass", highpass_hz, fs, 2))


def pink(n: int, fs: float, rng: np.random.Generator, *, lowest_hz: float = 20.0) -> Floats:
    """Pink noise: equal power per octave from `lowest_hz` to fs/2, nothing to speak of below.

    Parameters
    ----------
    n : int
        Samples.
    fs : float
        Hz.
    rng : numpy.random.Generator
    lowest_hz : float
        Where the spectrum turns over, > 0; falls with 12 dB per octave below.
    """
    require(0 < lowest_hz < fs / 2, "lowest_hz", lowest_hz, "in (0, fs/2) Hz")

    def magnitude(frequency: Floats) -> Floats:
        f = np.maximum(frequency, 1e-3)
        return np.sqrt(lowest_hz / f) / (1 + (lowest_hz / f) ** 4) ** 0.625

    return shaped(n, fs, rng, magnitude)


def band(
    n: int,
    fs: float,
    rng: np.random.Generator,
    *,
    low_hz: float = 100.0,
    high_hz: float = 1000.0,
    order: int = 4,
) -> Floats:
    """Band-limited noise: a Butterworth band-pass of `order` poles at either edge.

    Parameters
    ----------
    n : int
        Samples.
    fs : float
        Hz.
    rng : numpy.random.Generator
    low_hz, high_hz : float
        −3 dB frequencies, rising, in (0, fs/2).
    order : int
        At least 1.
    """
    return filtered(n, fs, rng, butterworth("bandpass", (low_hz, high_hz), fs, order))
