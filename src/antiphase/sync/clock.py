"""Another device's sample clock, read from the timestamps and arrivals of its packets.

A packet can be late but never early: arrivals over timestamps lie above a line whose slope is the
ratio of the clocks. The line is the lower envelope of the points, which neither bursts of jitter
nor loss can lift.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from antiphase.errors import SignalError, require

__all__ = ["ClockLine", "ClockTracker", "Envelope", "lower_envelopes"]

Floats = npt.NDArray[np.float64]

_SHORTEST = 12
_EARLY = 2
_PATIENT = 4 * _SHORTEST
# Error of an envelope's slope: so many times the mean height of points above it over (points ·
# span), or the height of the sixth of the points next to it over span, whichever is more. The mean
# alone will not do: packets that pass two queues, or wait for a busy processor, seldom come with
# no delay at all, and few of them lie near the line.
_MEAN_ERROR = 30.0
_NEXT_ERROR = 5.0
_NEXT = 6
# Shorter windows overrule longer ones only where they differ by more than chance would have it
# among so many tries.
_BEYOND_CHANCE = 2.0
# Quartz is good to 100 ppm, sound cards and their drivers to a few hundred. While the data say less
# than this, the estimate is drawn towards nominal; it is wrong by a fifth of its stated error in
# the mean square, whatever the jitter.
_USUAL_DRIFT = 150e-6
_ERROR_IN_RMS = 5.0
# A step of all arrivals has to stand out from how late packets usually are.
_STEP_HEIGHTS = 3.0


@dataclass(frozen=True)
class ClockLine:
    """Earliest arrival of a sender's sample: ``arrival_s = at_s + (index − index_0)·period_s``.

    Attributes
    ----------
    index : float
        A sample index of the sender.
    at_s : float
        When a packet that starts there arrives if nothing holds it up, receiver's clock.
    period_s : float
        The sender's sample period in seconds of the receiver's clock.
    drift_ppm : float
        How much faster than nominal the sender's clock runs.
    error_ppm : float
        What `drift_ppm` may be wrong by (about 98 %).
    """

    index: float
    at_s: float
    period_s: float
    drift_ppm: float
    error_ppm: float

    def index_at(self, time_s: float) -> float:
        """Return the index whose packet arrives at the earliest at this time."""
        return self.index + (time_s - self.at_s) / self.period_s


@dataclass(frozen=True)
class Envelope:
    """Line ``height = level + slope·(x − u)`` below the newest points.

    Attributes
    ----------
    count : int
        How many points.
    u, level : float
        A point of the line.
    slope, error : float
        Slope, and by how much it may be wrong.
    """

    count: int
    u: float
    level: float
    slope: float
    error: float


def _edge(hull: list[tuple[float, float]], middle: float) -> tuple[float, float, float]:
    """Return a point and the slope of the edge over `middle`; hull runs from right to left."""
    for (right, high), (left, low) in pairwise(hull):
        if left <= middle:
            return left, low, (high - low) / (right - left)
    return (*hull[-1], 0.0)


def lower_envelopes(u: Floats, height: Floats) -> list[Envelope]:
    """Return the lower envelopes of the newest 12, 24, 48, … points.

    Of all lines below a set of points, the one with the least mean distance is the edge of their
    lower convex hull over the mean abscissa. Hulls grow from the newest point backwards, so one
    pass gives all windows.

    Parameters
    ----------
    u : ndarray, shape (n,)
        Rising.
    height : ndarray, shape (n,)

    References
    ----------
    Moon, Skelly & Towsley (1999), Estimation and removal of clock skew from network delay
    measurements.
    """
    n = len(u)
    sizes = {n}
    size = _SHORTEST
    while size < n:
        sizes.add(size)
        size *= 2
    hull: list[tuple[float, float]] = []
    found = []
    for count, (x, y) in enumerate(
        zip(u[::-1].tolist(), height[::-1].tolist(), strict=True), start=1
    ):
        while len(hull) >= 2:
            (x1, y1), (x2, y2) = hull[-2], hull[-1]
            if (y2 - y1) * (x - x1) > (y - y1) * (x2 - x1):
                break
            hull.pop()
        hull.append((x, y))
        if count in sizes and count >= 2:
            part = slice(n - count, n)
            at, level, slope = _edge(hull, float(u[part].mean()))
            above = height[part] - level - slope * (u[part] - at)
            k = min(_NEXT, count - 1)
            next_to_it = float(np.partition(above, k)[k]) * _NEXT / k
            width = max(_NEXT_ERROR * next_to_it, _MEAN_ERROR * float(np.mean(above)) / count)
            error = width / (u[-1] - x)
            found.append(Envelope(count, at, level, slope, error))
    return found


class ClockTracker:
    """Drift and offset of a sender's clock from packet timestamps and arrivals.

    The earliest packet of each `bucket_s` is kept. Lower envelopes over the newest 12, 24, 48, …
    of them give one estimate of the drift each, with an error by how close points come to the
    line; the longest window is taken whose estimate agrees with all shorter ones, so that a drift
    that changes is followed as soon as the data show it; from one bucket to
    the next it shrinks to no less than half, since a busy spell of the channel looks like a change
    for a moment. A lasting jump of all arrivals (a buffer that slipped, a route that changed) is
    taken out of the older points, so that the drift stays known, and counted in `steps`: at once
    where the new arrivals scatter less than they jumped, after 48 buckets where they don't.

    Parameters
    ----------
    fs : float
        Nominal rate of the timestamps, Hz, > 0.
    window_s : float
        Longest window, ≥ 1 s.
    bucket_s : float
        > 0.
    max_drift_ppm : float
        Estimates are kept within ± this, > 0; until 12 buckets are full the drift counts as 0.
    step_s : float
        Least jump of all arrivals that counts as one, > 0.

    Raises
    ------
    ParameterError
        If a parameter is outside its range.

    References
    ----------
    Moon, Skelly & Towsley (1999). Goldenshluger & Nemirovski (1997), On spatially adaptive
    estimation of nonparametric regression (choice of the window).
    """

    def __init__(
        self,
        fs: float,
        *,
        window_s: float = 30.0,
        bucket_s: float = 0.05,
        max_drift_ppm: float = 2000.0,
        step_s: float = 0.002,
    ) -> None:
        require(fs > 0, "fs", fs, "> 0 Hz")
        require(window_s >= 1, "window_s", window_s, "≥ 1 s")
        require(bucket_s > 0, "bucket_s", bucket_s, "> 0 s")
        require(max_drift_ppm > 0, "max_drift_ppm", max_drift_ppm, "> 0 ppm")
        require(step_s > 0, "step_s", step_s, "> 0 s")
        self._fs = fs
        self._bucket_s = bucket_s
        self._limit = max_drift_ppm * 1e-6
        self._step_s = step_s
        self._most = max(_SHORTEST, round(window_s / bucket_s))
        self.reset()

    def reset(self) -> None:
        """Forget all packets."""
        # Points (timestamp in nominal seconds, arrival − timestamp).
        self._points: deque[tuple[float, float]] = deque(maxlen=self._most)
        self._bucket: tuple[float, float] | None = None
        self._bucket_end = 0.0
        self._line: ClockLine | None = None
        self._freaks: list[tuple[float, float]] = []
        self._count = 0
        self._usual_height = 0.0
        self.steps = 0
        """Lasting jumps of all arrivals so far."""

    @property
    def line(self) -> ClockLine | None:
        """The clock as known now; None before the first packet."""
        return self._line

    def update(self, timestamp: int, arrival_s: float) -> None:
        """Take one packet, in order of arrival.

        Parameters
        ----------
        timestamp : int
            The sender's index of its first sample (not wrapped).
        arrival_s : float
            On the receiver's clock.

        Raises
        ------
        SignalError
            If the arrival is not finite.
        """
        if not np.isfinite(arrival_s):
            raise SignalError(f"arrival_s={arrival_s} must be finite; leave lost packets out")
        u = timestamp / self._fs
        point = (u, arrival_s - u)
        if self._bucket is None:
            self._bucket, self._bucket_end = point, u + self._bucket_s
            if self._line is None:
                self._line = ClockLine(timestamp, arrival_s, 1 / self._fs, 0.0, np.inf)
        elif u < self._bucket_end:
            if point[1] < self._bucket[1]:
                self._bucket = point
        else:
            self._close(self._bucket)
            self._bucket, self._bucket_end = point, u + self._bucket_s

    def _height(self, point: tuple[float, float]) -> float:
        """Return how far a point lies above the line, s; 0 where there is none."""
        line = self._line
        if line is None:
            return 0.0
        return point[0] + point[1] - line.at_s - (point[0] * self._fs - line.index) * line.period_s

    @property
    def _least_step(self) -> float:
        return max(self._step_s, _STEP_HEIGHTS * self._usual_height)

    def _close(self, point: tuple[float, float]) -> None:
        if len(self._points) >= _SHORTEST and self._height(point) < -self._least_step:
            # Earlier than can be: once is a freak, twice in a row a step.
            self._freaks.append(point)
            if len(self._freaks) < _EARLY:
                return
            self._step(min(self._height(freak) for freak in self._freaks), [])
            self._points.extend(self._freaks)
        else:
            self._points.append(point)
            self._look_for_late_step()
        self._freaks.clear()
        u, height = np.array(self._points).T
        if len(u) < _SHORTEST:
            lowest = int(np.argmin(height))
            self._set(float(u[lowest]), float(height[lowest]), 0.0, np.inf)
            return
        best = self._choose(lower_envelopes(u, height))
        newest = slice(-best.count, None)
        line = best.level + best.slope * (u[newest] - best.u)
        self._usual_height = float(np.mean(height[newest] - line))
        shrunk = best.slope / (1 + (best.error / (_ERROR_IN_RMS * _USUAL_DRIFT)) ** 2)
        slope = float(np.clip(shrunk, -self._limit, self._limit))
        now = float(u[-1])
        lowest_now = best.level + best.slope * (now - best.u)
        self._set(now, lowest_now, slope, best.error)

    def _look_for_late_step(self) -> None:
        # A busy channel is late too, but scattered; what stays late for long is a step anyway.
        for count in (_SHORTEST, _PATIENT):
            if len(self._points) < _SHORTEST + count:
                return
            recent = list(self._points)[-count:]
            heights = [self._height(point) for point in recent]
            late = min(heights)
            scatter = sum(heights) / count - late
            if late > self._least_step and (scatter < late or count == _PATIENT):
                self._step(late, recent)
                return

    def _step(self, step_s: float, newest: list[tuple[float, float]]) -> None:
        """Move all points but the newest by a step, so that the slope they tell stays known."""
        older = list(self._points)[: len(self._points) - len(newest)]
        moved = [(u, height + step_s) for u, height in older]
        self._points = deque(moved + newest, maxlen=self._most)
        self.steps += 1

    def _choose(self, envelopes: list[Envelope]) -> Envelope:
        # No clock is as wrong as a spell of a busy channel looks; and since every spell ends, the
        # window shrinks by halves only.
        able = [e for e in envelopes if abs(e.slope) <= self._limit] or envelopes[-1:]
        best = able[0]
        low, high = -np.inf, np.inf
        for longer in able:
            reach = _BEYOND_CHANCE * longer.error
            low, high = max(low, longer.slope - reach), min(high, longer.slope + reach)
            if low > high and 2 * best.count >= self._count:
                break
            best = longer
        self._count = best.count
        return best

    def _set(self, u: float, level: float, slope: float, error: float) -> None:
        self._line = ClockLine(
            index=u * self._fs,
            at_s=u + level,
            period_s=(1 + slope) / self._fs,
            drift_ppm=1e6 * (1 / (1 + slope) - 1),
            error_ppm=1e6 * error,
        )
