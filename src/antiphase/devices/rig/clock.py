"""A device's sample clock in real or virtual time."""

from __future__ import annotations

from bisect import bisect_right

from antiphase.errors import require

__all__ = ["LiveClock"]


class LiveClock:
    """How many samples a device has taken by a given time.

    Parameters
    ----------
    fs : float
        Nominal rate, Hz, > 0.
    start : float
        Time of its sample 0, s.
    drift_ppm : float
        How much faster than nominal it runs, in (−100000, 100000).

    Raises
    ------
    ParameterError
        If a parameter is outside its range.
    """

    def __init__(self, fs: float, *, start: float = 0.0, drift_ppm: float = 0.0) -> None:
        require(fs > 0, "fs", fs, "> 0 Hz")
        self.fs = fs
        self._times = [start]
        self._counts = [0.0]
        self._rates = [self._rate(drift_ppm)]

    def _rate(self, drift_ppm: float) -> float:
        require(abs(drift_ppm) < 1e5, "drift_ppm", drift_ppm, "below 100000 ppm")
        return self.fs * (1 + 1e-6 * drift_ppm)

    @property
    def start(self) -> float:
        """Time of sample 0."""
        return self._times[0]

    def set_drift(self, drift_ppm: float, now: float) -> None:
        """Run at another rate from `now` on.

        Raises
        ------
        ParameterError
            If `now` lies before an earlier change.
        """
        require(now >= self._times[-1], "now", now, f"at least {self._times[-1]}")
        rate = self._rate(drift_ppm)
        self._counts.append(self.count(now))
        self._times.append(now)
        self._rates.append(rate)

    def count(self, now: float) -> float:
        """Return the samples taken by `now`, fractions included; negative before the start."""
        k = max(0, bisect_right(self._times, now) - 1)
        return self._counts[k] + (now - self._times[k]) * self._rates[k]

    def time_of(self, sample: float) -> float:
        """Return when a sample is taken."""
        k = max(0, bisect_right(self._counts, sample) - 1)
        return self._times[k] + (sample - self._counts[k]) / self._rates[k]
