"""Difference between a path and its model: decibels and phase by frequency."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import fft

from antiphase.errors import SignalError, require

__all__ = ["PathError", "path_error"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class PathError:
    """How a model differs from the path.

    Attributes
    ----------
    error_db : float
        ``10 log10(Σ(ŝ − s)² / Σs²)`` over all taps and pairs.
    frequency_hz : ndarray, shape (lines,)
        Frequencies.
    path_db : ndarray, shape (..., lines)
        20 log10 |S|, to tell which frequencies matter.
    magnitude_db : ndarray, shape (..., lines)
        20 log10 |Ŝ / S|.
    phase_deg : ndarray, shape (..., lines)
        Phase of Ŝ / S, in (−180, 180].
    relative_db : ndarray, shape (..., lines)
        20 log10 |(Ŝ − S) / S|.
    """

    error_db: float
    frequency_hz: Floats
    path_db: Floats
    magnitude_db: Floats
    phase_deg: Floats
    relative_db: Floats


def path_error(
    secondary_path: npt.ArrayLike, estimate: npt.ArrayLike, fs: float, *, n_fft: int | None = None
) -> PathError:
    """Return how a model differs from the path.

    Parameters
    ----------
    secondary_path : array_like, shape (..., taps)
        s, the path itself (or the newest measurement of it).
    estimate : array_like, shape (..., other taps)
        ŝ; the shorter of the two counts as zero beyond its end.
    fs : float
        Sample rate in Hz.
    n_fft : int, optional
        Length of the transform, at least the longer one; by default four times it, for a grid finer
        than the resonances.

    Returns
    -------
    PathError
        In dB and degrees.

    Raises
    ------
    ParameterError, SignalError
        If the shapes do not fit or a path is silent.
    """
    require(fs > 0, "fs", fs, "> 0")
    true, model = np.asarray(secondary_path, np.float64), np.asarray(estimate, np.float64)
    if true.ndim == 0 or true.shape[:-1] != model.shape[:-1]:
        raise SignalError(f"estimate has shape {model.shape} but secondary_path has {true.shape}")
    longest = max(true.shape[-1], model.shape[-1])
    size = fft.next_fast_len(4 * longest, real=True) if n_fft is None else n_fft
    require(size >= longest, "n_fft", size, f"at least {longest}")
    if not (np.isfinite(true).all() and np.isfinite(model).all()):
        raise SignalError("a path holds NaN or Inf")
    if not true.any(axis=-1).all():
        raise SignalError("secondary_path is silent: the loudspeaker isn't heard")
    spectrum, guess = fft.rfft(true, size), fft.rfft(model, size)
    tiny = 1e-15 * np.abs(spectrum).max(axis=-1, keepdims=True)
    level = np.maximum(np.abs(spectrum), tiny)
    difference = np.zeros((*true.shape[:-1], longest))
    difference[..., : model.shape[-1]] = model
    difference[..., : true.shape[-1]] -= true
    energy = float(np.sum(difference**2) / np.sum(true**2))
    return PathError(
        error_db=10 * float(np.log10(max(energy, 1e-30))),
        frequency_hz=np.arange(spectrum.shape[-1]) * fs / size,
        path_db=20 * np.log10(level),
        magnitude_db=20 * np.log10(np.maximum(np.abs(guess), tiny) / level),
        phase_deg=np.degrees(np.angle(guess * np.conj(spectrum))),
        relative_db=20 * np.log10(np.maximum(np.abs(guess - spectrum), tiny) / level),
    )
