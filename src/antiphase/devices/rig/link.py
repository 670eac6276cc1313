"""A network with delay, jitter and loss for single packets, as they are sent."""

from __future__ import annotations

import numpy as np

from antiphase.simulation import Link

__all__ = ["LiveLink"]

_GRID_S = 0.001
_SPAN_S = 60.0
_LOSSES = 4096


class LiveLink:
    """One direction of a `simulation.Link`, asked packet by packet.

    The link's delay is drawn for each millisecond of a minute, which then repeats; losses are
    drawn per packet. Packets do not overtake each other unless the link reorders.

    Parameters
    ----------
    link : Link
    seed : int
        ≥ 0; the same seed and the same packets give the same fate.
    """

    def __init__(self, link: Link, seed: int = 0) -> None:
        self._link = link
        self._rng = np.random.default_rng([seed, 0x11FE])
        grid = np.linspace(0.0, _SPAN_S, round(_SPAN_S / _GRID_S), endpoint=False, dtype=np.float64)
        self._delay = link.delay_ms / 1000 + link.jitter.draw(grid, self._rng)
        self._lost = np.zeros(0, dtype=bool)
        self._next = 0
        self._last = -np.inf
        self.sent = self.lost = 0

    def arrival(self, now: float, *, may_lose: bool = True) -> float | None:
        """Return when a packet that is sent now arrives; None if it is lost.

        Parameters
        ----------
        now : float
            s, not falling from call to call.
        may_lose : bool
            False for a packet that is never lost; it takes no draw.
        """
        self.sent += 1
        if may_lose and self._draw_loss():
            self.lost += 1
            return None
        at = now + float(self._delay[int(now / _GRID_S) % len(self._delay)])
        if self._link.reorder_rate and self._rng.random() < self._link.reorder_rate:
            return at + self._link.reorder_ms / 1000
        self._last = max(at, self._last)
        return self._last

    def _draw_loss(self) -> bool:
        if self._next == len(self._lost):
            self._lost = self._link.loss.draw(_LOSSES, self._rng)
            self._next = 0
        self._next += 1
        return bool(self._lost[self._next - 1])
