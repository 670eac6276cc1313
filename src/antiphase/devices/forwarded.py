"""The reference that another device hears and the server forwards, on this device's clock."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import numpy.typing as npt

from antiphase.arrays import Signal
from antiphase.control import Message
from antiphase.devices.gaps import with_gaps
from antiphase.sync import PlayoutBuffer

__all__ = ["PLAYOUT_S", "ForwardedReference", "read_guide"]

Floats = npt.NDArray[np.float64]

PLAYOUT_S = 0.03
"""From the earliest arrival of a sample to its turn, s."""

# The line through the arrivals rests on the few packets that nothing held up and moves a little
# with each of them; a filter of half a second follows 20 ppm, a jump costs it that half second.
_SLEW_PPM = 20.0
_JUMP_S = 0.004
_TELL_S = 0.5
_MOST_PPM = 2000.0
_LONGEST_SKIP_S = 0.1


def read_guide(data: bytes | str) -> dict[str, Any] | None:
    """Return what the server's guide says on ``anc.control``; None for what is no such message."""
    try:
        message = json.loads(data)
    except ValueError:
        return None
    return message if isinstance(message, dict) and message.get("type") == "playout" else None


class ForwardedReference:
    """Plays packets out, marks what had to be guessed, obeys the server's guide.

    Parameters
    ----------
    fs : int
        Hz.
    delay_s : float
        From the earliest arrival of a sample to its turn.
    memory : int
        Samples for which a guessed one takes part in what is played: taps of the control filter.
    """

    def __init__(self, fs: int, delay_s: float, memory: int) -> None:
        self._fs = fs
        self._memory = memory
        self._delay_s = delay_s
        self._buffer = PlayoutBuffer(fs, delay_s, slew_ppm=_SLEW_PPM, jump_s=_JUMP_S)
        self._guessed: list[tuple[int, int]] = []
        self._told_at = -math.inf
        self.missing = 0
        """Samples that were not there when they were due."""

    def push(self, timestamp: int, arrival_s: float, pcm: Signal) -> None:
        """Take a packet; the arrival on this device's clock."""
        self._buffer.push(timestamp, arrival_s, pcm)

    def pull(self, n: int, time_s: float, at: int) -> Floats:
        """Return the samples due from `time_s` on, shape (n,); `at` is their index in blocks."""
        played = self._buffer.pull(n, time_s)
        if played.missing.any():
            self.missing += int(played.missing.sum())
            places = np.flatnonzero(played.missing)
            # What was guessed takes part in the disturbance foretold for as long as w remembers.
            self._guessed.append((at + int(places[0]), at + int(places[-1]) + 1 + self._memory))
        return played.signal

    def with_gaps(self, message: Message) -> Message:
        """Mark the frames of a block that the reference does not explain since it was guessed."""
        return with_gaps(message, self._guessed)

    def report(self, time_s: float) -> dict[str, Any] | None:
        """Return what the server should know, twice a second once the sender's clock is known."""
        line = self._buffer.tracker.line
        known = line is not None and math.isfinite(line.error_ppm)
        if not known or time_s - self._told_at < _TELL_S:
            return None
        self._told_at = time_s
        return {
            "type": "playout",
            "rate_ppm": round(self.rate_ppm, 3),
            "jumps": self.jumps,
            "delay_ms": round(1000 * self._delay_s, 2),
        }

    def obey(self, message: dict[str, Any]) -> None:
        """Play at the rate that the server reads from the sound; null: by timestamps."""
        rate, skip = message.get("rate_ppm"), message.get("skip")
        if isinstance(rate, int | float) and abs(rate) <= _MOST_PPM:
            self._buffer.guide_ppm = float(rate)
            if isinstance(skip, int | float) and 0 < abs(skip) <= _LONGEST_SKIP_S * self._fs:
                self._buffer.skip(float(skip))
        elif rate is None:
            self._buffer.guide_ppm = None

    @property
    def jumps(self) -> int:
        """Times the position was moved at once."""
        return self._buffer.jumps

    @property
    def rate_ppm(self) -> float:
        """Rate of the playout re nominal."""
        return 1e6 * (self._buffer.rate - 1)
