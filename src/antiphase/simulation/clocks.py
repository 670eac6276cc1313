"""Clocks of other devices: offset, drift that may change, buffers that slip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from antiphase.arrays import as_signal
from antiphase.dsp import SincInterpolator
from antiphase.errors import SignalError, require

__all__ = ["DriftingClock", "sample_on"]

Floats = npt.NDArray[np.float64]

_HALF_WIDTH = 32


@dataclass(frozen=True)
class DriftingClock:
    """A sender's sample clock, seen from the receiver's.

    Parameters
    ----------
    offset_s : float
        When, on the receiver's clock, the sender takes its sample 0.
    drift_ppm : float or sequence of (start_s, ppm)
        How much faster it runs; a list changes it mid-run (times rise; the first holds before too).
    slips : sequence of (at_s, samples)
        At that time the device's buffer loses so many samples (negative: inserts so many, repeating
        what it has) and its timestamps do not tell.

    Raises
    ------
    ParameterError
        If times fall or a drift reaches 10 %.
    """

    offset_s: float = 0.0
    drift_ppm: float | Sequence[tuple[float, float]] = 0.0
    slips: Sequence[tuple[float, int]] = ()

    def __post_init__(self) -> None:
        starts = np.array([start for start, _ in self._rates()])
        require(bool((np.diff(starts) > 0).all()), "drift_ppm", self.drift_ppm, "in order of time")
        worst = max(abs(ppm) for _, ppm in self._rates())
        require(worst < 1e5, "drift_ppm", worst, "below 100000 ppm")

    def _rates(self) -> list[tuple[float, float]]:
        if isinstance(self.drift_ppm, (int, float)):
            return [(0.0, float(self.drift_ppm))]
        return [(float(start), float(ppm)) for start, ppm in self.drift_ppm]

    def capture_s(self, n: int, fs: float) -> Floats:
        """Return when the sender takes each of its first n samples, shape (n,).

        `fs` is the nominal rate in Hz, > 0.
        """
        require(n >= 1, "n", n, "at least 1")
        require(fs > 0, "fs", fs, "> 0 Hz")
        rates = self._rates()
        knots_s, knots = [self.offset_s], [0.0]
        for (_, ppm), following in zip(rates, [*rates[1:], None], strict=True):
            speed = fs * (1 + ppm * 1e-6)
            until = following[0] if following else knots_s[-1] + 2 * n / speed
            if until > knots_s[-1]:
                knots.append(knots[-1] + (until - knots_s[-1]) * speed)
                knots_s.append(until)
        index = np.arange(n, dtype=np.float64)
        for at_s, samples in self.slips:
            first = int(np.ceil(np.interp(at_s, knots_s, knots)))
            index[first:] += samples
        return np.asarray(np.interp(index, knots, knots_s), dtype=np.float64)


def sample_on(signal: npt.ArrayLike, fs: float, clock: DriftingClock) -> tuple[Floats, Floats]:
    """Return what a sender on another clock records of a signal.

    Parameters
    ----------
    signal : array_like, shape (n,)
        As it would be recorded on the receiver's clock at `fs`.
    fs : float
        Nominal rate of both clocks, Hz.
    clock : DriftingClock

    Returns
    -------
    samples : ndarray, shape (m,)
        As many as the sender takes while the signal lasts; silence before it starts.
    capture_s : ndarray, shape (m,)
        When it takes each.

    Raises
    ------
    SignalError
        If the signal is not one finite channel, or ends before the sender starts.
    """
    whole = as_signal("signal", signal, channels=1)
    most = int(1.2 * len(whole)) + sum(abs(samples) for _, samples in clock.slips) + 1
    capture = clock.capture_s(most, fs)
    capture = capture[capture * fs <= len(whole) - 1]
    if not len(capture):
        raise SignalError("the signal ends before the sender's clock starts")
    padded = np.pad(whole, _HALF_WIDTH)[:, None]
    at = np.maximum(capture * fs, -1.0)
    # Rounding of the clock's arithmetic must not make two equal clocks interpolate.
    at = np.where(np.abs(at - np.rint(at)) < 1e-7, np.rint(at), at)
    floor = np.floor(at).astype(np.int64)
    samples = SincInterpolator(_HALF_WIDTH).at(padded, floor + _HALF_WIDTH, at - floor)[:, 0]
    return samples, capture
