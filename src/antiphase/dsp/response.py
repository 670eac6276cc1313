"""Frequency response, group delay, minimum phase and first arrival of impulse responses."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from antiphase.arrays import as_signal
from antiphase.dsp.stream import Floats
from antiphase.errors import SignalError, require

__all__ = ["first_arrival", "frequency_response", "group_delay", "minimum_phase"]

Complexes = npt.NDArray[np.complex128]


def frequency_response(taps: npt.ArrayLike, fs: float, *, frequency_hz: npt.ArrayLike) -> Complexes:
    """Return ``H(f) = Σ_n taps[n]·exp(−j2πfn/fs)``.

    Parameters
    ----------
    taps : array_like, shape (..., taps)
    fs : float
        Hz, > 0.
    frequency_hz : array_like, shape (f,)

    Returns
    -------
    ndarray of complex128, shape (..., f)

    Raises
    ------
    ParameterError
        If `fs` is not positive.
    """
    require(fs > 0, "fs", fs, "> 0 Hz")
    response = np.asarray(taps, dtype=np.float64)
    turns = np.asarray(frequency_hz, dtype=np.float64) / fs
    kernel = np.exp(-2j * np.pi * np.outer(np.arange(response.shape[-1]), turns))
    result: Complexes = response @ kernel
    return result


def group_delay(taps: npt.ArrayLike, fs: float, *, frequency_hz: npt.ArrayLike) -> Floats:
    """Return the group delay in samples, ``Re{ DFT(n·h) / DFT(h) }``.

    Parameters
    ----------
    taps : array_like, shape (..., taps)
    fs : float
        Hz, > 0.
    frequency_hz : array_like, shape (f,)

    Returns
    -------
    ndarray, shape (..., f)
        NaN where the response is zero.

    Raises
    ------
    ParameterError
        If `fs` is not positive.

    References
    ----------
    Smith (2007), Introduction to Digital Filters, ch. 7.
    """
    response = np.asarray(taps, dtype=np.float64)
    plain = frequency_response(response, fs, frequency_hz=frequency_hz)
    ramp = response * np.arange(response.shape[-1])
    weighted = frequency_response(ramp, fs, frequency_hz=frequency_hz)
    scale = np.abs(response).sum(axis=-1, keepdims=True)
    silent = np.abs(plain) <= 1e-13 * scale
    result: Floats = np.where(silent, np.nan, (weighted / np.where(silent, 1, plain)).real)
    return result


def minimum_phase(taps: npt.ArrayLike, *, n_fft: int | None = None) -> Floats:
    """Return the minimum-phase response with the same magnitude and length.

    The causal part of the real cepstrum gives log-magnitude and Hilbert phase at once. Zeros of the
    spectrum are lifted to 1e-8 of its peak (−160 dB).

    Parameters
    ----------
    taps : array_like, shape (taps,)
    n_fft : int, optional
        At least the number of taps; default the power of two ≥ 16 · taps and ≥ 4096, which keeps
        the cepstrum's aliasing below the lift for filters without sharp zeros.

    Returns
    -------
    ndarray, shape (taps,)

    Raises
    ------
    ParameterError
        If `n_fft` is too short.
    SignalError
        If the response is all zeros.

    References
    ----------
    Oppenheim & Schafer (2010), Discrete-Time Signal Processing, ch. 13.
    """
    response = as_signal("taps", taps, channels=1)
    size = n_fft or max(4096, 1 << (16 * len(response) - 1).bit_length())
    require(size >= len(response), "n_fft", size, f"at least {len(response)}, the taps")
    magnitude = np.abs(np.fft.fft(response, size))
    peak = float(magnitude.max(initial=0.0))
    if peak == 0:
        raise SignalError("taps are all zero; an impulse response needs energy")
    cepstrum = np.fft.ifft(np.log(np.maximum(magnitude, 1e-8 * peak))).real
    fold = np.zeros(size)
    fold[0] = 1.0
    fold[1 : (size + 1) // 2] = 2.0
    if size % 2 == 0:
        fold[size // 2] = 1.0
    result: Floats = np.fft.ifft(np.exp(np.fft.fft(cepstrum * fold))).real[: len(response)]
    return result


def first_arrival(taps: npt.ArrayLike, *, threshold_db: float = -20.0) -> float:
    """Return the time of the direct sound in samples, not that of the largest tap.

    Reflections may add up to more than the direct sound, so the largest tap can be late. The
    energy in a sliding window of four taps is searched for the first place that exceeds both
    `threshold_db` relative to its maximum and 12 dB above the response's own noise floor (the
    quietest tenth before the maximum); from there the search climbs to the top of that arrival,
    past the ripples of band-limited pulses, and returns its energy centroid. Accurate to
    ± 1 sample for arrivals above the threshold that are band-limited, not dispersed.

    Parameters
    ----------
    taps : array_like, shape (taps,)
    threshold_db : float
        In [−60, 0): how far the direct sound may lie below the strongest reflection.

    Returns
    -------
    float
        In samples from tap 0.

    Raises
    ------
    ParameterError
        If the threshold is outside its range.
    SignalError
        If the response is all zeros.
    """
    require(-60 <= threshold_db < 0, "threshold_db", threshold_db, "in [−60, 0)")
    response = as_signal("taps", taps, channels=1)
    padded = np.concatenate([np.zeros(2), response**2, np.zeros(2)])
    # Window over taps n−1 … n+2, so a pulse between two taps counts in full.
    energy = np.convolve(padded, np.ones(4), mode="valid")
    peak = int(np.argmax(energy))
    if energy[peak] == 0:
        raise SignalError("taps are all zero; no arrival to find")
    floor = float(np.quantile(energy[: peak + 1], 0.1)) if peak >= 40 else 0.0
    threshold = max(energy[peak] * 10 ** (threshold_db / 10), min(16 * floor, energy[peak] / 4))
    place = int(np.argmax(energy >= threshold))
    while True:
        ahead = energy[place : place + 4]
        step = int(np.argmax(ahead))
        if step == 0:
            break
        place += step
    return _centroid(padded, place)


def _centroid(squares: Floats, place: int) -> float:
    """Energy centroid of the four taps at `place` (index into squares, two zeros in front)."""
    window = squares[place : place + 4]
    return float(np.dot(window, np.arange(4)) / window.sum() + place - 2)
