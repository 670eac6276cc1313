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
    energy of neighbouring taps is searched for the first place that exceeds both `threshold_db`
    relative to its maximum and 16 dB above the response's own noise floor (the lower quartile
    before the maximum). From there the search climbs past the ripples of band-limited pulses (at
    most −11 dB) to the first crest within 10 dB of what the next six taps hold, and returns the
    energy centroid of its two taps. Accurate to ± 1 sample for band-limited, not dispersed,
    arrivals above the threshold whose reflections come later than two samples; closer ones merge.

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
    # energy[n] is that of taps n−1 and n.
    squares = np.concatenate([[0.0], response**2, [0.0]])
    energy = squares[:-1] + squares[1:]
    peak = int(np.argmax(energy))
    if energy[peak] == 0:
        raise SignalError("taps are all zero; no arrival to find")
    floor = float(np.quantile(energy[: peak + 1], 0.25)) if peak >= 40 else 0.0
    threshold = max(energy[peak] * 10 ** (threshold_db / 10), min(40 * floor, energy[peak] / 4))
    place = int(np.argmax(energy >= threshold))
    while not _is_crest(energy, place):
        place += 1
    before, after = squares[place], squares[place + 1]
    return float(place - 1 + after / (before + after))


def _is_crest(energy: Floats, place: int) -> bool:
    """Whether energy falls from here and nothing much larger follows at once."""
    following = energy[place + 1 : place + 7]
    if len(following) == 0:
        return True
    return bool(energy[place] >= following[0] and energy[place] >= 0.1 * following.max())
