"""The live bound: what the best fixed filter would leave of what was heard just now."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import signal

from antiphase.dsp import covariance_matrix, cross_covariance, solve_ridge
from antiphase.realtime.load import SolverPool, Ticket
from antiphase.realtime.meter import Meter
from antiphase.realtime.roster import Device

__all__ = ["BoundKeeper", "best_filter", "left_by"]

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

_FIRST_S = 2.5
_EVERY_S = 4.0
_AGAIN_S = 1.0
_STRETCH_S = 2.0
_SETTLED_S = 1.25
_RIDGE = 1e-9
_LEAST_PER_TAP = 8
# What is heard may pass the bound by its error; more means that the paths have changed since.
_PASSED_DB = 0.5


def spans(known: Flags, least: int) -> list[tuple[int, int]]:
    """Return starts and stops of the runs of at least so many true values."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], known, [False]]).astype(np.int8)))
    return [
        (int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True) if b - a >= least
    ]


def best_filter(
    reference: Floats, disturbance: Floats, path: Floats, n_taps: int, known: Flags
) -> Floats | None:
    """Return the causal filter that leaves the least of the disturbance where it is known.

    The normal equations of `metrics.fixed_filter_bound`, summed over the runs of samples that are
    known and that the reference explains (no guess of a lost frame in the filter's memory).

    Parameters
    ----------
    reference, disturbance : ndarray, shape (n,)
        x as the control filter got it and d̂.
    path : ndarray, shape (taps,)
        Ŝ.
    n_taps : int
        Of the control filter.
    known : ndarray of bool, shape (n,)

    Returns
    -------
    ndarray, shape (n_taps,), or None
        None for silence and where fewer than eight samples per tap are known.

    References
    ----------
    Elliott (2001), Signal Processing for Active Control, ch. 3.
    """
    known = known.copy()
    known[: min(len(known) // 4, n_taps + len(path))] = False  # what came before is not here
    runs = spans(known, n_taps // 8)
    if sum(b - a for a, b in runs) < _LEAST_PER_TAP * n_taps:
        return None
    filtered = signal.oaconvolve(reference, path)[: len(reference)]
    inputs, target = filtered[None, None, :], disturbance[None, :]
    matrix, cross = np.zeros((n_taps, n_taps)), np.zeros(n_taps)
    for start, stop in runs:
        matrix += covariance_matrix(inputs, n_taps, start=start, stop=stop)
        cross += cross_covariance(inputs, target, n_taps, start=start, stop=stop)
    if not (matrix.any() and cross.any()):
        return None
    return -solve_ridge(matrix, cross, _RIDGE)


def left_by(taps: Floats, reference: Floats, disturbance: Floats, path: Floats) -> Floats:
    """Return d̂ + ŝ∗w∗x, shape (n,); the first samples lack what came before."""
    played = signal.oaconvolve(signal.oaconvolve(reference, taps), path)
    left: Floats = disturbance + played[: len(disturbance)]
    return left


@dataclass(frozen=True, eq=False)
class _Fitted:
    taps: Floats
    error_db: float


class BoundKeeper:
    """Asks the pool now and then for the best fixed filter; the meter applies it to every second.

    A result is asked for every 4 s of sound; after one already where there was none, or where what
    is reached passes the bound: then the paths are others than those it was computed for. When the
    lag of the reference has moved, only what was heard since counts.

    Parameters
    ----------
    pool : SolverPool
    meter : Meter
    """

    def __init__(self, pool: SolverPool, meter: Meter) -> None:
        self._pool, self._meter = pool, meter
        self._ticket: Ticket[_Fitted | None] | None = None
        self._doubts = meter.doubts
        self._begin(_FIRST_S)

    def _begin(self, due_s: float) -> None:
        self._asked_s, self._due_s = 0.0, due_s
        self._taps: Floats | None = None

    def tick(self, looper: Device | None, now: float) -> None:
        """Take a result, or ask for the next one when it is due."""
        heard, doubts = self._meter.seconds, self._meter.doubts
        if self._ticket is not None and self._ticket.ready(now):
            ticket, self._ticket = self._ticket, None
            self._take(ticket.result())
        if heard < self._asked_s:
            self._begin(_FIRST_S)  # the meter has begun anew
        elif self._doubts != doubts:
            self._begin(max(_FIRST_S, heard + _SETTLED_S))
        self._doubts = doubts
        if looper is None or self._ticket is not None or heard < min(self._due_s, self._passed_s()):
            return
        self._asked_s, self._due_s = heard, heard + _EVERY_S
        x, _, _, d = np.nan_to_num(self._meter.window(_STRETCH_S))
        known = self._meter.explained(_STRETCH_S)
        job = _fit_job(x, d, self._meter.path, looper.description.taps, known, self._taps)
        self._ticket = self._pool.submit(job, now)

    def _take(self, fitted: _Fitted | None) -> None:
        if fitted is None or self._doubts != self._meter.doubts:
            self._due_s = self._asked_s + _AGAIN_S
        else:
            self._taps = fitted.taps
            self._meter.set_bound(fitted.taps, fitted.error_db)

    def _passed_s(self) -> float:
        """Return when to ask again because the bound is passed; inf while it is not."""
        passed_db = self._meter.passed_by_db()
        passed = passed_db is not None and passed_db > _PASSED_DB
        return self._asked_s + _AGAIN_S if passed else float("inf")


def _fit_job(
    x: Floats, d: Floats, path: Floats, n_taps: int, known: Flags, before: Floats | None
) -> Callable[[], _Fitted | None]:
    def job() -> _Fitted | None:
        taps = best_filter(x, d, path, n_taps, known)
        return None if taps is None else _Fitted(taps, _error_db(x, d, path, known, taps, before))

    return job


def _error_db(
    x: Floats, d: Floats, path: Floats, known: Flags, taps: Floats, before: Floats | None
) -> float:
    """Return how far the bound may be off, dB.

    A filter fitted to samples does better there than on others, by about taps over samples in
    either direction; the filter fitted before, to other samples, tells it outright.
    """
    judged = known.copy()
    judged[: len(taps) + len(path)] = False
    count = max(1, int(judged.sum()))
    expected = 20 * np.log10(1 + len(taps) / count)
    if before is None or len(before) != len(taps):
        return float(expected)
    fresh, old = (
        float(np.sum(left_by(w, x, d, path)[judged] ** 2)) + 1e-30 for w in (taps, before)
    )
    return float(max(expected, 10 * np.log10(old / fresh)))
