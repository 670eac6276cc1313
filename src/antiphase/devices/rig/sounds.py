"""Sounds without an end: recordings that repeat without a seam, read on any clock."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import fft

from antiphase.arrays import as_signal
from antiphase.dsp import SincInterpolator
from antiphase.errors import SignalError

__all__ = ["LoopedSound", "seamless", "through"]

Floats = npt.NDArray[np.float64]

_HALF_WIDTH = 32
_INTERPOLATOR = SincInterpolator(_HALF_WIDTH, 0.9)


def seamless(samples: npt.ArrayLike, overlap: int) -> Floats:
    """Return a recording whose end runs into its start.

    The last `overlap` samples cross-fade into the first ones with equal power.

    Parameters
    ----------
    samples : array_like, shape (n,)
    overlap : int
        In [0, n / 2].

    Returns
    -------
    ndarray, shape (n − overlap,)

    Raises
    ------
    SignalError
        If the recording is too short.
    """
    x = as_signal("samples", samples, channels=1)
    if not 0 <= overlap <= len(x) // 2:
        raise SignalError(f"{len(x)} samples can't overlap by {overlap}")
    n = len(x) - overlap
    looped: Floats = np.array(x[:n], dtype=np.float64)
    turn = np.pi / 2 * (np.arange(overlap) + 0.5) / max(overlap, 1)
    looped[:overlap] = np.sin(turn) * x[:overlap] + np.cos(turn) * x[n:]
    return looped


def through(sound: Floats, path: npt.ArrayLike) -> Floats:
    """Return a repeating sound behind a path, in its steady state (circular convolution)."""
    n = len(sound)
    taps = np.asarray(path, dtype=np.float64)
    folded = np.zeros(n)
    for start in range(0, len(taps), n):
        part = taps[start : start + n]
        folded[: len(part)] += part
    result: Floats = fft.irfft(fft.rfft(sound) * fft.rfft(folded), n)
    return result


class LoopedSound:
    """A sound that repeats for ever.

    Parameters
    ----------
    samples : array_like, shape (n,)
        One period; without a seam if `seamless` made it.
    """

    def __init__(self, samples: npt.ArrayLike) -> None:
        self.samples: Floats = np.ascontiguousarray(as_signal("samples", samples, channels=1))
        if not len(self.samples):
            raise SignalError("samples is empty; give at least one period")

    def __len__(self) -> int:
        return len(self.samples)

    def take(self, first: int, n: int) -> Floats:
        """Return n samples from index `first` of the endless sound on."""
        start = first % len(self.samples)
        if start + n <= len(self.samples):
            return self.samples[start : start + n]
        return np.take(self.samples, np.arange(start, start + n), mode="wrap")

    def at(self, position: Floats) -> Floats:
        """Return the values between samples, by a windowed sinc.

        Parameters
        ----------
        position : ndarray, shape (n,)
            Rising, in samples.
        """
        if not len(position):
            return np.zeros(0)
        whole = np.floor(position).astype(np.int64)
        first = int(whole[0]) - _HALF_WIDTH
        around = self.take(first, int(whole[-1]) - first + _HALF_WIDTH + 2)
        return _INTERPOLATOR.at(around[:, None], whole - first, position - whole)[:, 0]
