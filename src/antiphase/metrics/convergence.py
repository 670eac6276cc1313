"""How soon a run gets quiet, and whether it got loud."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from antiphase.errors import require
from antiphase.metrics.attenuation import noise_reduction_db, windowed_reduction_db

__all__ = ["count_divergences", "diverged", "seconds_to_final", "seconds_to_level"]


def seconds_to_level(
    disturbance: npt.ArrayLike,
    error: npt.ArrayLike,
    fs: float,
    level_db: float,
    *,
    window_s: float = 0.1,
    hold_s: float = 1.0,
) -> float | None:
    """Return when a run first reaches a level and holds it.

    The start of the first window (of a grid of `window_s`) from which the mean noise reduction over
    the following `hold_s` is at least `level_db`.

    Parameters
    ----------
    disturbance, error : array_like, shape (n,) or (n, mics)
        d and e.
    fs : float
        Sample rate in Hz.
    level_db : float
        Wanted noise reduction, dB.
    window_s, hold_s : float
        Grid and hold in seconds; the hold must lie inside the run.

    Returns
    -------
    float or None
        Seconds from the start of the run; None when the level isn't held before it ends.
    """
    require(hold_s >= window_s, "hold_s", hold_s, f"at least window_s={window_s}")
    starts, level = windowed_reduction_db(disturbance, error, fs, window_s=hold_s, hop_s=window_s)
    held = np.flatnonzero(level >= level_db)
    return float(starts[held[0]]) if len(held) else None


def seconds_to_final(
    disturbance: npt.ArrayLike,
    error: npt.ArrayLike,
    fs: float,
    *,
    within_db: float = 1.0,
    final_s: float = 1.0,
) -> float | None:
    """Return when a run is first within `within_db` of what it ends with, and holds it.

    Parameters
    ----------
    disturbance, error : array_like, shape (n,) or (n, mics)
        d and e.
    fs : float
        Sample rate in Hz.
    within_db : float
        Distance to the final noise reduction, dB, ≥ 0.
    final_s : float
        The last seconds whose mean is the final noise reduction.

    Returns
    -------
    float or None
        Seconds as for `seconds_to_level`; None for runs shorter than `final_s`.
    """
    require(within_db >= 0, "within_db", within_db, "≥ 0")
    last = round(final_s * fs)
    require(last >= 1, "final_s", final_s, "at least one sample long")
    n = len(np.asarray(error))
    if n < last:
        return None
    final = noise_reduction_db(disturbance, error, start=n - last)
    return seconds_to_level(disturbance, error, fs, final - within_db)


def diverged(
    disturbance: npt.ArrayLike, error: npt.ArrayLike, fs: float, *, worse_db: float = 1.0
) -> bool:
    """Return whether control made any second louder, the first one apart.

    Parameters
    ----------
    disturbance, error : array_like, shape (n,) or (n, mics)
        d and e; an error that isn't finite has diverged.
    fs : float
        Sample rate in Hz.
    worse_db : float
        By how much, dB: > `worse_db` over any 1 s (in steps of 0.1 s) after the first second.

    Returns
    -------
    bool
        True if it diverged.
    """
    e = np.asarray(error, dtype=np.float64)
    if not np.isfinite(e).all():
        return True
    first = round(fs)
    if len(e) < 2 * first:
        return False
    d = np.asarray(disturbance, dtype=np.float64)
    _, level = windowed_reduction_db(d[first:], e[first:], fs, window_s=1.0, hop_s=0.1)
    return bool((level < -worse_db).any())


def count_divergences(runs: Iterable[tuple[npt.ArrayLike, npt.ArrayLike]], fs: float) -> int:
    """Return how many of several runs (seeds, paths) diverged.

    Parameters
    ----------
    runs : iterable of (disturbance, error)
        The runs, one at a time.
    fs : float
        Sample rate in Hz.

    Returns
    -------
    int
        Number of runs for which `diverged` is true.
    """
    return sum(diverged(d, e, fs) for d, e in runs)
