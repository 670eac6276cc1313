"""An eye on what a session costs: one that takes too much degrades alone."""

from __future__ import annotations

import numpy as np

__all__ = ["LoadGuard"]

_PATIENCE_S = 1.0
_FIRST_PAUSE_S = 10.0
_LONGEST_PAUSE_S = 300.0


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
