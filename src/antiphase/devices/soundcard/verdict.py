"""What one device can do about the noise it hears: the planner's rules on a recording."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import signal

from antiphase.arrays import as_signal
from antiphase.metrics import band_reduction, fixed_filter_bound, noise_reduction_db
from antiphase.simulation.planner import cancellable_ranges, settled, tonal_least, tonal_part

__all__ = ["HerePlan", "plan_here"]

Floats = npt.NDArray[np.float64]

_USEFUL_DB = 3.0
_RIDGE = 1e-6


@dataclass(frozen=True)
class HerePlan:
    """What is cancellable here.

    Attributes
    ----------
    mode : {"split", "local"}
        With a reference of the device's own, or without.
    nr_db : float
        Bound: the best fixed filter on what was recorded.
    tones_db, broadband_db : float or None
        The same for what can be foretold 0.1 s ahead and for the rest; None where there is no such
        part.
    cancellable_hz : tuple of (float, float)
        Ranges in which loud third octaves fall by 6 dB or more.
    drive_peak : float
        Largest drive of that filter, full scale 1.
    verdict : str
        In a sentence.
    """

    mode: str
    nr_db: float
    tones_db: float | None
    broadband_db: float | None
    cancellable_hz: tuple[tuple[float, float], ...]
    drive_peak: float
    verdict: str


def plan_here(
    disturbance: npt.ArrayLike,
    reference: npt.ArrayLike | None,
    path: npt.ArrayLike,
    fs: float,
    *,
    n_taps: int = 512,
) -> HerePlan:
    """Return what a device can cancel.

    Parameters
    ----------
    disturbance : array_like, shape (n,)
        At the error microphone, control off, 3 s or more.
    reference : array_like, shape (n,), or None
        Of the same time; None with one microphone only: feedback, which knows its own disturbance
        one sample late.
    path : array_like, shape (taps,)
        Ŝ, the round trip of the sound card included.
    fs : float
        Hz.
    n_taps : int
        Length of the control filter.

    Returns
    -------
    HerePlan

    Raises
    ------
    SignalError
        If the recording is silent or too short.
    """
    d = as_signal("disturbance", disturbance, channels=1)
    s = as_signal("path", path, channels=1)
    x = d if reference is None else as_signal("reference", reference, channels=1)
    mode, delay = ("local", 1) if reference is None else ("split", 0)
    start = settled(fs)
    tones = tonal_part(d, fs)
    bound = fixed_filter_bound(x, d, s, n_taps, delay=delay, start=start, ridge=_RIDGE)
    heard = tones if reference is None else tonal_part(x, fs)
    late = np.concatenate([np.zeros(delay), heard[: len(heard) - delay]])
    w = np.ravel(bound.control_filter)
    tones_left = tones + signal.oaconvolve(signal.oaconvolve(late, w), s)[: len(d)]
    least = tonal_least(len(d)) * float(np.sum(d[start:] ** 2))

    def part(before: Floats, after: Floats) -> float | None:
        if np.sum(before[start:] ** 2) < least:
            return None
        return noise_reduction_db(before, after, start=start)

    nr_db = noise_reduction_db(d, bound.error, start=start)
    parts = part(tones, tones_left), part(d - tones, bound.error - tones_left)
    ranges = cancellable_ranges(band_reduction(d[start:], bound.error[start:], fs))
    played = signal.oaconvolve(x, w)[start : len(d)]
    words = _words(mode, nr_db, parts, ranges)
    return HerePlan(mode, nr_db, *parts, ranges, float(np.abs(played).max()), words)


def _words(
    mode: str,
    nr_db: float,
    parts: tuple[float | None, float | None],
    ranges: tuple[tuple[float, float], ...],
) -> str:
    found = []
    for name, verb, value in (("tones", "fall", parts[0]), ("broadband noise", "falls", parts[1])):
        if value is not None:
            falls = f"{name} {verb} by {value:.1f} dB"
            found.append(falls if value >= 1 else f"{name} can't be cancelled ({value:.1f} dB)")
    what = ", ".join(found) or "the noise has no part that stands out"
    if nr_db < _USEFUL_DB:
        most = max(nr_db, 0.0)
        return f"No anti-noise here: {mode} reaches {most:.1f} dB at most; {what}."
    where = " and ".join(f"{low:.0f}–{high:.0f} Hz" for low, high in ranges)
    cancellable = f", cancellable {where}" if where else ""
    return f"Up to {nr_db:.1f} dB with {mode} control{cancellable}; {what}."
