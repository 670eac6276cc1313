"""Steers how a device plays out a reference that is forwarded to it, by what its microphone hears.

Arrivals of packets tell two clocks apart only as well as the network is steady; under load that is
tens of ppm for many seconds. The lag between reference and disturbance does not depend on any
packet, and a thousandth of it is plain to see.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from antiphase.sync import ClockLine, LagChange, LagTracker, SyncLoop

__all__ = ["PlayoutGuide"]

Floats = npt.NDArray[np.float64]

_SETTLE_S = 0.5
_MOST_PPM = 2000.0
# What a line says it may be wrong by is five times what it is wrong by on average.
_SURE_PPM = 150.0
_PATIENCE_S = 3.0
_NEWS_PPM = 60.0
_CLEAR = 0.4
# An estimate is for the middle of its average, and blocks and the way take a hop or two more: from
# a turn of the lag to that of its estimates it is up to six hops. With .3 the loop swings for
# seconds after a clock has changed, with .2 it may swing for ever where drive and error are far
# apart. Where the clocks are known there is little to correct.
_GAIN, _GAIN_OF_KNOWN = 0.2, 0.1
# A skip shows in the estimates when the segments from before have left the average, the round trip
# to the device included.
_BLIND_HOPS = 7
_SAME_SLIP = 1.0
# Samples: by which the lag moves from one estimate to the next when the place changes, and when it
# has come to rest; what a buffer slips by at least (as in `SyncLoop`).
_PLACE_STEP, _STILL, _SLIP = 0.4, 0.1, 12.0


class PlayoutGuide:
    """Tells a device at which rate to play its buffer, so that the lag stays what it was.

    The device begins by timestamps and says at which rate (`told`). Packets that reach it have
    waited in two queues, each stream that reaches the server in one: where both clocks are known
    here the device is told that rate at once. Once it has settled the lag is anchored, and from
    then on every estimate of its change becomes a rate. A device that had to move its buffer by
    itself says so in `jumps`: the lag is anchored anew. A clock that changes is first seen in the
    lag; once timestamps tell its new rate that is taken whole, and what has slipped is skipped.

    Parameters
    ----------
    fs : int
        Rate of the device's blocks, Hz.
    """

    def __init__(self, fs: int) -> None:
        self._fs = fs
        self._tracker = LagTracker()
        self._loop: SyncLoop | None = None
        self._told_ppm: float | None = None
        self._jumps = 0
        self.breaks = self._seen_breaks = 0
        """Times the lag was moved, or held for the first time: what came before had another."""
        self._begin()

    def _begin(self) -> None:
        self._tracker.reset()
        self._loop = None
        self._heard = self._waited = self._blind = 0
        self._slip: float | None = None
        self._said = False
        self._known: ClockLine | None = None
        self._lag = self._accepted = 0.0
        self._moving = 0

    @property
    def guiding(self) -> bool:
        """Whether the device follows the audio."""
        return self._loop is not None

    def has_moved(self) -> bool:
        """Whether the lag is another than when this was asked last."""
        before, self._seen_breaks = self._seen_breaks, self.breaks
        return before != self.breaks

    def told(self, message: dict[str, Any]) -> None:
        """Take ``{"type": "playout", "rate_ppm": …, "jumps": …}``; anything else is ignored."""
        rate, jumps = message.get("rate_ppm"), message.get("jumps")
        if not isinstance(rate, int | float) or not isinstance(jumps, int):
            return
        if not math.isfinite(rate) or abs(rate) > _MOST_PPM:
            return
        self._told_ppm = float(rate)
        if jumps != self._jumps:
            self._jumps = jumps
            self.breaks += 1
            self._begin()

    def take(
        self, reference: Floats, disturbance: Floats, line: ClockLine | None = None
    ) -> dict[str, Any] | None:
        """Take samples of the same instants; return what to tell the device, if anything.

        Parameters
        ----------
        reference, disturbance : ndarray, shape (n,)
            x as it was played out, and d̂.
        line : ClockLine, optional
            The reference's clock against the device's, as the server knows them.
        """
        if self._told_ppm is None:
            return None
        self._waited += len(reference)
        if line is not None and line.error_ppm > _SURE_PPM:
            if self._waited < _PATIENCE_S * self._fs:
                return None
            line = None
        self._heard += len(reference)
        if self._heard < _SETTLE_S * self._fs:
            return None if line is None else self._say(line.drift_ppm)
        changes = self._tracker.process(np.nan_to_num(reference), np.nan_to_num(disturbance))
        skip = sum(self._follow(change, line) for change in changes)
        if self._loop is None:
            return None if line is None else self._say(line.drift_ppm)
        return self._say(self._loop.rate_ppm, skip) if changes else None

    def _follow(self, change: LagChange, line: ClockLine | None) -> float:
        """Take an estimate; return the samples to skip."""
        step = 0.0 if self._loop is None else change.samples - self._lag
        self._lag = change.samples
        change = replace(change, samples=change.samples - self._accepted)
        news = self._is_news(line)
        if self._loop is None or news:
            known_ppm = self._told_ppm if line is None else line.drift_ppm
            gain = _GAIN if line is None else _GAIN_OF_KNOWN
            self._loop = SyncLoop(self._tracker.hop, drift_ppm=known_ppm or 0.0, gain=gain)
        if news and change.clarity > _CLEAR and self._blind == 0:
            self._blind = _BLIND_HOPS
            return -change.samples
        if self._has_moved(step, change, self._loop):
            return 0.0
        return self._judge(self._loop, change, line)

    def _has_moved(self, step: float, change: LagChange, loop: SyncLoop) -> bool:
        """Whether the place has changed, not a clock: the lag that comes of it is the right one.

        Who moves by 20 cm moves the lag by 5 samples within some estimates, and then it rests; no
        clock does either.
        """
        own = 1e-6 * (loop.rate_ppm - loop.drift_ppm) * self._tracker.hop
        self._moving = max(0, self._moving - 1)
        if abs(change.samples) > _SLIP:
            self._moving = 0
        elif min(abs(step), abs(step - own)) > _PLACE_STEP and not self._moving:
            self._moving = _BLIND_HOPS
        elif self._moving and abs(step) < _STILL:
            self._moving, self._accepted = 0, self._lag
            self.breaks += 1
            return True
        return self._moving > 0

    def _is_news(self, line: ClockLine | None) -> bool:
        """Whether timestamps tell another rate than before: a clock that has changed."""
        if line is None or line.error_ppm > _NEWS_PPM:
            return False
        before, self._known = self._known, line
        if before is None:
            return False
        return abs(line.drift_ppm - before.drift_ppm) > line.error_ppm + before.error_ppm

    def _say(self, rate_ppm: float, skip: float = 0.0) -> dict[str, Any]:
        skip = round(skip, 2)
        self._jumps += bool(skip)
        self.breaks += bool(skip) or not self._said
        self._said = True
        rate = float(np.clip(rate_ppm, -_MOST_PPM, _MOST_PPM))
        return {"type": "playout", "rate_ppm": round(rate, 3), "skip": skip}

    def _judge(self, loop: SyncLoop, change: LagChange, line: ClockLine | None) -> float:
        """Return the samples to skip, once two estimates in a row agree on a slip."""
        if self._blind > 0:
            self._blind -= 1
            return 0.0
        seen, slip = self._slip, loop.update(change, line)
        self._slip = slip or None
        if not slip or seen is None or abs(seen - slip) > _SAME_SLIP:
            return 0.0
        self._slip, self._blind = None, _BLIND_HOPS
        return slip

    def hold(self, line: ClockLine | None) -> dict[str, Any] | None:
        """Do without sound, which tells no lag (yet): by the two clocks, or as the device will."""
        if line is None or line.error_ppm > _SURE_PPM or self._loop is not None:
            return self.release()
        return self._say(line.drift_ppm)

    def release(self) -> dict[str, Any] | None:
        """Let the device follow its timestamps again; return what to tell it, if anything."""
        if not self._said:
            return None
        self.breaks += 1
        self._begin()
        return {"type": "playout", "rate_ppm": None, "skip": 0.0}
