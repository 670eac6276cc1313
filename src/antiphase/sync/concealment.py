"""What to play where frames are lost: silence, or what linear prediction can know."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import linalg, signal

from antiphase.arrays import as_signal
from antiphase.errors import require

__all__ = ["AdaptationGate", "Fill", "burg", "fill_gap"]

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Fill = Literal["zero", "predict"]

# Prediction error so far below the signal counts as none: keeps pure tones regular.
_FLOOR = 1e-12


def burg(samples: npt.ArrayLike, order: int) -> Floats:
    """Return the prediction-error filter ``1, a_1, …, a_order`` of a signal by Burg's method.

    ``x[n] ≈ −Σ a_k·x[n − k]``. Its poles lie inside the unit circle, so that an extrapolation
    fades and never grows.

    Parameters
    ----------
    samples : array_like, shape (n,)
    order : int
        In [0, n − 1].

    Returns
    -------
    ndarray, shape (order + 1,)
        ``1, 0, …`` for silence.

    Raises
    ------
    ParameterError
        If the order does not fit.

    References
    ----------
    Burg (1975), Maximum entropy spectral analysis. Kauppinen & Roth (2002), Audio signal
    extrapolation.
    """
    x = as_signal("samples", samples, channels=1)
    require(0 <= order < max(len(x), 1), "order", order, f"in [0, {len(x) - 1}]")
    taps = np.zeros(order + 1)
    taps[0] = 1.0
    forward, backward = x.copy(), x.copy()
    floor = _FLOOR * float(x @ x)
    for k in range(1, order + 1):
        ahead, behind = forward[1:], backward[:-1]
        energy = float(ahead @ ahead + behind @ behind)
        if energy <= 2 * floor:
            break
        reflection = -2 * float(ahead @ behind) / (energy + floor)
        taps[: k + 1] += reflection * taps[: k + 1][::-1]
        forward, backward = ahead + reflection * behind, behind + reflection * ahead
    return taps


def fill_gap(
    before: npt.ArrayLike, n: int, after: npt.ArrayLike = (), *, order: int = 64
) -> Floats:
    """Return n samples for a gap, from what lies before it and, if known, after it.

    The samples that make the prediction error over and behind the gap least, for the
    autoregressive model of what lies before: extrapolation where nothing follows, interpolation
    from both sides where something does. Tones go through; noise is carried for about the
    inverse of its bandwidth and then fades to silence; the guess is worse than silence by up to
    0.4 dB where nothing can be known (white noise).

    Parameters
    ----------
    before : array_like, shape (m,)
        Some thousand samples; with less than 2·order the order is lowered.
    n : int
        ≥ 0.
    after : array_like, shape (k,)
        Up to `order` samples are used.
    order : int
        Of the model, ≥ 1: twice the number of tones and more.

    Returns
    -------
    ndarray, shape (n,)

    Raises
    ------
    ParameterError
        If `n` or `order` is out of range.

    References
    ----------
    Janssen, Veldhuis & Vries (1986), Adaptive interpolation of discrete-time signals that can be
    modeled as autoregressive processes.
    """
    require(n >= 0, "n", n, "≥ 0")
    require(order >= 1, "order", order, "≥ 1")
    past = as_signal("before", before, channels=1)
    future = as_signal("after", after, channels=1)[:order]
    order = min(order, len(past) // 2)
    if n == 0 or order < 1 or not past.any():
        return np.zeros(n)
    taps = burg(past, order)
    if not len(future):
        newest_first = past[: -order - 1 : -1]
        start = signal.lfiltic([1.0], taps, newest_first)
        return np.asarray(signal.lfilter([1.0], taps, np.zeros(n), zi=start)[0])
    known = np.concatenate([past[len(past) - order :], np.zeros(n), future])
    # Row t: prediction error at t = Σ a_k·x[t − k], for t over the gap and what follows it.
    rows = linalg.toeplitz(
        np.concatenate([[taps[-1]], np.zeros(n + len(future) - 1)]),
        np.concatenate([taps[::-1], np.zeros(n + len(future) - 1)]),
    )
    gap = rows[:, order : order + n]
    # By QR, not by normal equations: the model of a narrow band makes those singular.
    q, r = linalg.qr(gap, mode="economic")
    return np.asarray(linalg.solve_triangular(r, -(q.T @ (rows @ known))))


class AdaptationGate:
    """Says when adaptation must rest because guessed samples are still in the filters.

    A filter that adapts on a reference that was not there learns the gap. Adaptation rests from
    the first guessed sample until it has left the delay lines. What is missing before the stream
    starts is silence, not a guess: a rule that was told to rest there would take its first, empty
    filter for a result.

    Parameters
    ----------
    span : int
        Samples that control filter and secondary path together look back, ≥ 0.

    Raises
    ------
    ParameterError
        If `span` is negative.
    """

    def __init__(self, span: int) -> None:
        require(span >= 0, "span", span, "≥ 0")
        self._span = span
        self._rest = 0
        self._started = False

    def process(self, missing: npt.ArrayLike) -> Flags:
        """Return for each sample whether to adapt, given whether it was guessed; any block split.

        Parameters
        ----------
        missing : array_like of bool, shape (n,)
        """
        flags = np.array(missing, dtype=bool)
        if not self._started:
            first = int(np.argmin(flags)) if not flags.all() else len(flags)
            flags[:first] = False
            self._started = first < len(flags)
        since = np.where(flags, np.arange(len(flags)), self._rest - self._span - 1)
        last = np.maximum.accumulate(since) if len(flags) else since
        adapting = np.arange(len(flags)) - last > self._span
        if len(flags):
            self._rest = max(0, self._span + 1 - (len(flags) - int(last[-1])))
        return adapting
