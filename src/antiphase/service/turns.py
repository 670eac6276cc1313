"""Who is next: many who each want to be served once a period, never all at once."""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable

__all__ = ["Turns", "next_on_grid"]

_SLACK = 1.25
_LONGEST_S = 0.04  # of a pause that is made good at once
_GOLDEN = 0.6180339887


def next_on_grid(now: float, period_s: float, phase: float) -> float:
    """Return the first of the times ``(k + phase)·period_s`` after now; now where there is none.

    Parameters
    ----------
    now, period_s : float
        s; a period of 0 has no grid.
    phase : float
        0 … 1.
    """
    if period_s <= 0:
        return now
    return (math.floor(now / period_s - phase) + 1 + phase) * period_s


class Turns:
    """Serves each once a period, at a time of its own, the one who is due longest first.

    After a pause those who have come due meanwhile are served at a fair rate, and go back to their
    own times: otherwise they would come due together ever after.

    Parameters
    ----------
    period_s : float
    """

    def __init__(self, period_s: float) -> None:
        self._period_s = period_s
        self._due: dict[str, float] = {}
        self._phase: dict[str, float] = {}
        self._queue: list[tuple[float, str]] = []
        self._credit, self._asked, self._count = 1.0, -math.inf, 0

    def phase(self, name: str) -> float:
        """Return where in the period one has its time, 0 … 1."""
        return self._phase[name]

    def add(self, name: str, now: float) -> None:
        """Let one take part, within a period from now on."""
        # Whatever their number, phases of this kind are spread evenly.
        self._count += 1
        self._phase[name] = self._count * _GOLDEN % 1.0
        self._plan(name, now)

    def remove(self, name: str) -> None:
        """Let one go; no fault if it does not take part."""
        self._due.pop(name, None)
        self._phase.pop(name, None)

    def _plan(self, name: str, after: float) -> None:
        self._due[name] = next_on_grid(after, self._period_s, self._phase[name])
        heapq.heappush(self._queue, (self._due[name], name))

    def take(self, now: float, wants: Callable[[str], bool] = lambda _: True) -> list[str]:
        """Return whose turn it is; who does not want it is passed over until the next.

        Parameters
        ----------
        now : float
            s; to be asked often.
        wants : callable
            Says whether one wants to be served.
        """
        rate = _SLACK * len(self._due) / self._period_s
        self._credit = min(self._credit, 1.0) + rate * min(now - self._asked, _LONGEST_S)
        self._asked = now
        served: list[str] = []
        while self._queue and self._queue[0][0] <= now:
            due, name = self._queue[0]
            if self._due.get(name) != due:
                heapq.heappop(self._queue)  # it has been removed
                continue
            wanted = wants(name)
            if wanted and self._credit < 1.0 and served:
                break
            heapq.heappop(self._queue)
            if wanted:
                self._credit = max(0.0, self._credit - 1.0)
                served.append(name)
            self._plan(name, now + self._period_s / 2 if wanted else now)
        return served
