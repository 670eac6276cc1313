"""What an engine does beside its mode: the bound now and then, and an eye on its own load."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from antiphase.metrics import fixed_filter_bound
from antiphase.realtime.load import SolverPool, Ticket
from antiphase.realtime.meter import Meter
from antiphase.realtime.roster import Device

__all__ = ["BoundKeeper", "LoadGuard"]

Floats = npt.NDArray[np.float64]

_FIRST_S = 6.0
_EVERY_S = 8.0
_STRETCH_S = 4.0
_PATIENCE_S = 1.0
_FIRST_PAUSE_S = 10.0
_LONGEST_PAUSE_S = 300.0


@dataclass(frozen=True, eq=False)
class _Judged:
    disturbance: Floats
    error: Floats


class BoundKeeper:
    """Asks the pool now and then what the best fixed filter would have reached.

    Parameters
    ----------
    pool : SolverPool
    meter : Meter
    """

    def __init__(self, pool: SolverPool, meter: Meter) -> None:
        self._pool, self._meter = pool, meter
        self._ticket: Ticket[_Judged | None] | None = None
        self._heard = 0.0

    def tick(self, looper: Device | None, now: float) -> None:
        """Take a result, or ask for the next one when it is due."""
        if self._ticket is not None and self._ticket.ready(now):
            ticket, self._ticket = self._ticket, None
            judged = ticket.result()
            if judged is not None:
                self._meter.set_bound(judged.disturbance, judged.error)
        heard = self._meter.seconds
        if heard < self._heard:
            self._heard = 0.0  # the meter has begun anew
        wait = _EVERY_S if self._heard else _FIRST_S
        if looper is None or self._ticket is not None or heard - self._heard < wait:
            return
        self._heard = heard
        x, _, _, d = (np.nan_to_num(s) for s in self._meter.window(_STRETCH_S))
        job = _bound_job(x, d, self._meter.path, looper.description.taps)
        self._ticket = self._pool.submit(job, now)


def _bound_job(x: Floats, d: Floats, path: Floats, taps: int) -> Callable[[], _Judged | None]:
    start = min(len(x) // 4, taps + len(path))

    def job() -> _Judged | None:
        if not (x[start:].any() and d[start:].any() and len(x) > start + taps):
            return None
        bound = fixed_filter_bound(x, d, path, taps, start=start, ridge=1e-9)
        return _Judged(d[start:], bound.error[start:])

    return job


class LoadGuard:
    """Keeps one session from taking more of a core than its share.

    Parameters
    ----------
    share : float
        Of one core, over a second.
    """

    def __init__(self, share: float) -> None:
        self._share = share
        self._since: float | None = None
        self._spent = 0.0
        self._until = -np.inf
        self._reason = ""
        self._pause_s = _FIRST_PAUSE_S
        self.server_ms = 0.0
        """What a frame waits for in the server, ms: a running mean."""

    def spent(self, cpu_s: float, sound_s: float | None, now: float) -> bool:
        """Take what some work cost; True where it took longer than its sound lasts.

        Parameters
        ----------
        cpu_s : float
            Processor time.
        sound_s : float, optional
            Duration of the frame that was processed.
        now : float
        """
        if self._since is None:
            self._since = now
        self._spent += cpu_s
        if sound_s is not None:
            self.server_ms += 0.02 * (1000 * cpu_s - self.server_ms)
        elapsed = now - self._since
        if elapsed >= _PATIENCE_S:
            used = self._spent / elapsed
            if used > self._share:
                self.fault(
                    f"this session took {100 * used:.0f} % of a core where {100 * self._share:.0f} "
                    "% is its share; sound is passed on for now",
                    now,
                )
            self._since, self._spent = now, 0.0
        return sound_s is not None and cpu_s > sound_s

    def fault(self, reason: str, now: float) -> None:
        """Rest for a while, longer each time."""
        self._reason = reason
        self._until = now + self._pause_s
        self._pause_s = min(2 * self._pause_s, _LONGEST_PAUSE_S)

    def forgive(self) -> None:
        """Begin anew: somebody has asked for another mode."""
        self._until, self._pause_s = -np.inf, _FIRST_PAUSE_S

    def reason(self, now: float) -> str | None:
        """Return why the session must rest; None when it need not."""
        return self._reason if now < self._until else None
