"""Streaming finite impulse response filter."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import signal as scipy_signal

from antiphase.dsp.stream import Floats, as_block
from antiphase.errors import require

__all__ = ["FIRFilter", "as_matrix", "convolve_valid"]

# Below this many multiplications, or with one side this short, direct convolution beats the FFT.
_DIRECT_PRODUCTS = 200_000
_DIRECT_TAPS = 64


def convolve_valid(signal: Floats, taps: Floats) -> Floats:
    """Return the part of signal∗taps that needs no frame outside `signal`.

    Parameters
    ----------
    signal : ndarray, shape (n,)
        At least as long as `taps`.
    taps : ndarray, shape (taps,)

    Returns
    -------
    ndarray, shape (n − taps + 1,)
    """
    shorter = min(len(taps), len(signal) - len(taps) + 1)
    if shorter <= _DIRECT_TAPS or shorter * max(len(signal), len(taps)) <= _DIRECT_PRODUCTS:
        return np.convolve(signal, taps, mode="valid")
    result: Floats = scipy_signal.oaconvolve(signal, taps, mode="valid")
    return result


def as_matrix(taps: npt.ArrayLike, channels: int) -> tuple[Floats, bool]:
    """Check impulse responses and give them three dimensions.

    Parameters
    ----------
    taps : array_like, shape (taps,) or [output, input, taps]
        One response used on each channel, or a matrix of them.
    channels : int
        Input channels when one response is shared.

    Returns
    -------
    matrix : ndarray of float64, [output, input, taps]
        [1, 1, taps] when one response is shared.
    shared : bool

    Raises
    ------
    ParameterError
        If the shape does not fit or a tap is not finite.
    """
    array = np.array(taps, dtype=np.float64)
    require(array.ndim in {1, 3}, "taps.ndim", array.ndim, "1 (taps) or 3 [output, input, taps]")
    require(array.size >= 1, "taps.size", array.size, "at least 1")
    require(bool(np.isfinite(array).all()), "taps", "NaN or Inf", "finite")
    require(channels >= 1, "channels", channels, "at least 1")
    if array.ndim == 1:
        return array[None, None, :], True
    require(
        channels in {1, array.shape[1]}, "channels", channels, f"{array.shape[1]} as taps has it"
    )
    return array, False


class FIRFilter:
    """Finite impulse response filter that keeps its history between blocks.

    ``y[n] = Σ_k taps[k]·x[n − k]``, or for a matrix ``y_m[n] = Σ_j Σ_k taps[m, j, k]·x_j[n − k]``.
    Equal to `scipy.signal.lfilter` on the whole signal to rounding, for any split into blocks.
    Long blocks with long filters are convolved through the FFT.

    Parameters
    ----------
    taps : array_like, shape (taps,) or [output, input, taps]
        One response used on each channel, or a matrix from `input` to `output` channels.
    channels : int
        Channels of the signal when one response is shared; a matrix brings its own number.

    Raises
    ------
    ParameterError
        If a shape does not fit or a tap is not finite.
    """

    def __init__(self, taps: npt.ArrayLike, *, channels: int = 1) -> None:
        self._taps, self._shared = as_matrix(taps, channels)
        self._channels = channels if self._shared else self._taps.shape[1]
        self._history: Floats = np.zeros((self._taps.shape[2] - 1, self._channels))

    @property
    def latency(self) -> int:
        """0: the first tap meets the newest frame."""
        return 0

    @property
    def channels(self) -> int:
        """Channels of the input."""
        return self._channels

    @property
    def taps(self) -> Floats:
        """The impulse response(s); assign others of the same shape to switch without a gap."""
        return self._taps[0, 0].copy() if self._shared else self._taps.copy()

    @taps.setter
    def taps(self, taps: npt.ArrayLike) -> None:
        matrix, shared = as_matrix(taps, self._channels)
        same = shared == self._shared and matrix.shape == self._taps.shape
        require(same, "taps.shape", np.shape(taps), f"{self.taps.shape} as before")
        self._taps = matrix

    def reset(self) -> None:
        """Forget all history."""
        self._history = np.zeros_like(self._history)

    def process(self, signal: npt.ArrayLike) -> Floats:
        """Filter the next frames.

        Parameters
        ----------
        signal : array_like, shape (n,) or (n, channels)

        Returns
        -------
        ndarray of float64, shape (n,) or (n, outputs)

        Raises
        ------
        SignalError
            If the shape does not fit or a sample is not finite; the history stays as it was.
        """
        block, flat = as_block(signal, self._channels)
        outputs = self._channels if self._shared else self._taps.shape[0]
        joined = np.concatenate([self._history, block])
        result = np.zeros((len(block), outputs))
        if len(block):
            self._history = joined[len(block) :]
            self._convolve(joined, result)
        return result[:, 0] if flat and outputs == 1 else result

    def _convolve(self, joined: Floats, result: Floats) -> None:
        columns = np.ascontiguousarray(joined.T)
        if self._shared:
            for channel, column in enumerate(columns):
                result[:, channel] = convolve_valid(column, self._taps[0, 0])
            return
        for output, row in enumerate(self._taps):
            for column, taps in zip(columns, row, strict=True):
                result[:, output] += convolve_valid(column, taps)
