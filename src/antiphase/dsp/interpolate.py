"""Band-limited interpolation between samples, shared by variable delays and drift resampling."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import signal as scipy_signal

from antiphase.dsp.stream import Floats
from antiphase.errors import require

__all__ = ["SincInterpolator", "kaiser_beta", "sinc_accuracy_db", "windowed_sinc"]

_PHASES = 2048
_CHUNK = 8192


def sinc_accuracy_db(half_width: int, bandwidth: float) -> float:
    """Return the accuracy in dB that a Kaiser-windowed sinc reaches.

    The window's attenuation is ``A = 8 + 2.285·(2·half_width − 1)·2π·(1 − bandwidth)``, the
    transition band lying around the Nyquist frequency; at most 120 dB are used. Errors of passband
    and images can add up, so the accuracy is A − 6 dB.

    Parameters
    ----------
    half_width : int
        Samples used on either side, at least 1.
    bandwidth : float
        Highest frequency to be kept, as a share of the Nyquist frequency, in (0, 1).

    References
    ----------
    Kaiser (1974), Nonrecursive digital filter design using the I0-sinh window function.
    """
    require(half_width >= 1, "half_width", half_width, "at least 1")
    require(0 < bandwidth < 1, "bandwidth", bandwidth, "in (0, 1)")
    attenuation = 8 + 2.285 * (2 * half_width - 1) * 2 * np.pi * (1 - bandwidth)
    return float(min(120.0, attenuation) - 6)


def kaiser_beta(half_width: int, bandwidth: float) -> float:
    """Return the Kaiser window's β for that width and bandwidth (see `sinc_accuracy_db`)."""
    return float(scipy_signal.kaiser_beta(sinc_accuracy_db(half_width, bandwidth) + 6))


def windowed_sinc(offsets: Floats, half_width: int, beta: float, cutoff: float = 1.0) -> Floats:
    """Return ``cutoff·sinc(cutoff·t)·kaiser(t / half_width)`` at the offsets t in samples.

    Parameters
    ----------
    offsets : ndarray
        Distances from the interpolated instant; zero is returned at and beyond `half_width`.
    half_width : int
    beta : float
        Of the Kaiser window.
    cutoff : float
        As a share of the Nyquist frequency, in (0, 1].
    """
    inside = np.clip(1 - (offsets / half_width) ** 2, 0, None)
    window = np.i0(beta * np.sqrt(inside)) / np.i0(beta)
    values = cutoff * np.sinc(cutoff * offsets) * window
    return np.where(np.abs(offsets) < half_width, values, 0.0)


class SincInterpolator:
    """Value of a sampled signal at any instant, by a tabulated Kaiser-windowed sinc.

    2048 phases with linear interpolation between them; the table adds less than −125 dB to the
    window's own error (`accuracy_db`), which holds up to `bandwidth` times the Nyquist frequency.

    Parameters
    ----------
    half_width : int
        Samples used on either side of the instant, at least 1.
    bandwidth : float
        As a share of the (lower) Nyquist frequency, in (0, 1).
    cutoff : float
        Nyquist frequency of the output over that of the input where it is lower, in (0, 1].

    Raises
    ------
    ParameterError
        If a parameter is outside its range.
    """

    def __init__(
        self, half_width: int = 32, bandwidth: float = 0.9, *, cutoff: float = 1.0
    ) -> None:
        require(0 < cutoff <= 1, "cutoff", cutoff, "in (0, 1]")
        require(half_width >= 1, "half_width", half_width, "at least 1")
        narrowed = max(1, int(half_width * cutoff))
        self._accuracy_db = sinc_accuracy_db(narrowed, bandwidth)
        beta = kaiser_beta(narrowed, bandwidth)
        self._half_width = half_width
        fractions = np.arange(_PHASES + 1)[:, None] / _PHASES
        offsets = np.arange(1 - half_width, half_width + 1)[None, :] - fractions
        self._table = windowed_sinc(offsets, half_width, beta, cutoff)

    @property
    def half_width(self) -> int:
        """Samples used on either side."""
        return self._half_width

    @property
    def accuracy_db(self) -> float:
        """Level of the largest complex error below the signal, within the bandwidth."""
        return self._accuracy_db

    def at(self, frames: Floats, whole: npt.NDArray[np.int64], fraction: Floats) -> Floats:
        """Return the signal at the instants ``whole + fraction``.

        Parameters
        ----------
        frames : ndarray, shape (n, channels)
        whole : ndarray of int, shape (m,)
            In [half_width − 1, n − half_width − 1].
        fraction : ndarray, shape (m,)
            In [0, 1).

        Returns
        -------
        ndarray, shape (m, channels)
        """
        width = 2 * self._half_width
        windows = np.lib.stride_tricks.sliding_window_view(frames, width, axis=0)
        result = np.empty((len(whole), frames.shape[1]))
        for start in range(0, len(whole), _CHUNK):
            part = slice(start, start + _CHUNK)
            place = fraction[part] * _PHASES
            row = place.astype(np.int64)
            blend = (place - row)[:, None]
            taps = (1 - blend) * self._table[row] + blend * self._table[row + 1]
            chosen = windows[whole[part] - self._half_width + 1]
            result[part] = np.einsum("mcw,mw->mc", chosen, taps)
        return result
