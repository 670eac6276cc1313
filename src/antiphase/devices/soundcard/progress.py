"""Whether control gets anywhere, and where it does not, why: one line for who listens."""

from __future__ import annotations

from collections import deque
from typing import Any

from antiphase.control import GuardStatus, SplitDevice
from antiphase.devices.soundcard.card import CardFormat
from antiphase.devices.soundcard.local import LocalDevice
from antiphase.devices.soundcard.loop import Controlled

__all__ = ["ControlWatch", "why_silent"]

_WINDOW_S = 15.0
_STEP_S = 0.25
_MUTED = 0.5
_LATE = 0.02
_WORKS = 0.1
_USEFUL_DB = 3.0
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 30.0, 600.0


class ControlWatch:
    """Says when a guard that mutes again and again calls for another measurement.

    The guard tries again by itself, from nothing, but with the same Ŝ: where that is wrong each try
    ends like the last. Another measurement is asked for when most of 15 s were muted though blocks
    came in time; it plays sweeps, so the pause before the next doubles, from 30 s to 10 minutes,
    until 15 s pass in which control is left in peace.

    Parameters
    ----------
    form : CardFormat
        Of the card.
    """

    def __init__(self, form: CardFormat) -> None:
        self._fs, self._block = form.fs, form.block / form.factor
        self._seen: deque[tuple[float, float, float]] = deque(maxlen=round(_WINDOW_S / _STEP_S) + 1)
        self._pause_s = self._wait_until = 0.0

    def begin(self) -> None:
        """Control begins anew: nothing is known about it."""
        self._seen.clear()

    def take(self, guard: GuardStatus, late: int) -> None:
        """Note how things stand.

        Parameters
        ----------
        guard : GuardStatus
        late : int
            Blocks of the card so far that were lost or not played.
        """
        if not self._seen or guard.frames - self._seen[-1][0] >= _STEP_S * self._fs:
            self._seen.append((guard.frames, guard.muted_frames, late * self._block))

    def _shares(self) -> tuple[float, float]:
        if len(self._seen) < 2:
            return 0.0, 0.0
        (begin, *before), (end, *after) = self._seen[0], self._seen[-1]
        muted, late = ((b - a) / (end - begin) for a, b in zip(before, after, strict=True))
        return muted, late

    @property
    def late_share(self) -> float:
        """Share of the last 15 s whose blocks were lost or not played in time."""
        return self._shares()[1]

    @property
    def overloaded(self) -> bool:
        """Whether so many blocks come late that control can't be judged."""
        return self.late_share > _LATE

    def stuck(self, now: float) -> bool:
        """Return whether it is time to measure anew, once for each time.

        Parameters
        ----------
        now : float
            s.
        """
        if len(self._seen) < (self._seen.maxlen or 0) or self.overloaded:
            return False
        muted, _ = self._shares()
        if muted < _WORKS:
            self._pause_s = self._wait_until = 0.0
        if muted < _MUTED or now < self._wait_until:
            return False
        self._pause_s = min(max(2 * self._pause_s, _FIRST_PAUSE_S), _LONGEST_PAUSE_S)
        self._wait_until = now + self._pause_s
        return True


def why_silent(
    status: dict[str, Any],
    controlled: Controlled | None,
    *,
    late_share: float = 0.0,
    failure: str = "",
) -> str:
    """Return why nothing, or little, is cancelled now and what to do; empty where control works.

    Parameters
    ----------
    status : dict
        Of `DeviceAgent.status`.
    controlled : SplitDevice or LocalDevice or None
        What runs.
    late_share : float
        Of the blocks, 0 … 1.
    failure : str
        Of the newest measurement, empty if it gave something.
    """
    if status["muted"]:
        return "muted by hand: press m"
    if not status["control"]:
        return "control is switched off: press c, or switch it on in the session"
    if status["state"] != "running" or controlled is None:
        return _no_control(str(status["state"]), failure)
    if late_share > _LATE:
        return (
            f"{100 * late_share:.0f} % of the blocks come too late and are silence: close other "
            "programs, or choose longer blocks (--block)"
        )
    good = (status["attenuation_db"]["measured"] or 0.0) >= _USEFUL_DB
    return "" if good else _no_gain(status, controlled)


def _no_control(state: str, failure: str) -> str:
    if state == "waiting":
        return "waiting for the sound card, tried each second"
    again = f", again since the last one failed ({failure})" if failure else ""
    return f"silent until the measurement is done{again}"


def _no_gain(status: dict[str, Any], controlled: Controlled) -> str:
    """Return why control that runs in time gains nothing."""
    guard, split = controlled.guard, isinstance(controlled, SplitDevice)
    if guard.state == "muted":
        way = "or with the next filter" if split else "measured anew where that does not help"
        return f"muted by the guard: it grew louder or gained nothing; again within 30 s, {way}"
    if isinstance(controlled, SplitDevice) and controlled.taps_version == 0:
        return "waiting for the server's first filter"
    if isinstance(controlled, LocalDevice) and controlled.now < controlled.settle:
        return "listening for half a second before control begins"
    if guard.idle:
        return "too quiet here to learn from"
    if not split and (status["attenuation_db"]["bound"] or 0.0) < _USEFUL_DB:
        return "what was measured can't be cancelled from here; measure again when it changes"
    return "learning"
