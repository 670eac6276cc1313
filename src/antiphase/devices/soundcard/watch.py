"""Whether a sound card still is what it was when it was opened, by when its blocks come."""

from __future__ import annotations

from collections import deque

from antiphase.devices.soundcard.card import CardFormat

__all__ = ["CardWatch"]

_STALL_S = 2.0
_WINDOW_S = 1.0
_WINDOWS = 4
_WRONG_RATE = 0.05
_ALIKE = 0.02


class CardWatch:
    """Counts what a card brings and what went wrong; says when it must be opened anew.

    Parameters
    ----------
    form : CardFormat
    now : float
        When it was opened, s.
    """

    def __init__(self, form: CardFormat, now: float) -> None:
        self._form = form
        self._last = self._begin = now
        self._frames = self._before = self._xruns_before = 0
        self._heard = False
        self._heard_at = now
        self._rates: deque[float] = deque(maxlen=_WINDOWS)
        self.xruns = 0
        """Times that the card itself reported an overflow or underflow."""

    def take(self, frames: int, now: float, *, xrun: bool = False, silent: bool = False) -> None:
        """Count a call of the card; `silent`: all its samples are exactly 0."""
        self._last = now
        if not silent:
            self._heard, self._heard_at = True, now
        self._frames += frames
        self.xruns += xrun

    def stalled(self, now: float) -> bool:
        """Whether the card has not called for 2 s."""
        return now - self._last > _STALL_S

    def fault(self, now: float) -> str | None:
        """Return why the card must be opened anew, None while all is well.

        A rate is another one when four seconds in a row agree on it; a second with an overflow, or
        on a busy machine, agrees with nothing.
        """
        if self.stalled(now):
            return f"no sound for {_STALL_S:g} s"
        if self._heard and now - self._heard_at > _STALL_S:
            return f"nothing but zeros for {_STALL_S:g} s from an input that had sound"
        if now - self._begin < _WINDOW_S:
            return None
        rate = (self._frames - self._before) / (now - self._begin)
        if self.xruns != self._xruns_before:
            self._rates.clear()
        else:
            self._rates.append(rate)
        self._begin, self._before, self._xruns_before = now, self._frames, self.xruns
        low, high = min(self._rates, default=0.0), max(self._rates, default=0.0)
        if len(self._rates) < _WINDOWS or high > (1 + _ALIKE) * low:
            return None
        if abs(rate / self._form.rate - 1) < _WRONG_RATE:
            return None
        return f"{rate:.0f} frames a second come, not {self._form.rate}"
