"""What a loudspeaker device plays of the drive that comes over the network: on time or never."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from antiphase.arrays import Signal
from antiphase.errors import require
from antiphase.sync import fill_gap

__all__ = ["DrivePlayout"]

Floats = npt.NDArray[np.float64]

_SIZE_S = 1.0
_LONGEST_FILL_S = 0.015
_HISTORY_S = 0.15
_ORDER = 32
_LATE_IN_A_ROW = 4
_MOST_SLACK_S = 0.06


class DrivePlayout:
    """Places drive frames on the device's own clock, always equally late.

    The first frame fixes the delay between a sample's timestamp and the instant at which it is
    played: `buffer_s` after its arrival. A sample that comes later than its instant is never
    played; the loudspeaker has gone on. Gaps up to 15 ms are bridged by linear prediction, longer
    ones are silence. When frames keep coming late, or the queue has grown beyond 60 ms, the delay
    is fixed anew and `version` counts up.

    Parameters
    ----------
    fs : float
        Hz, > 0.
    buffer_s : float
        In (0, 0.5].
    """

    def __init__(self, fs: float, buffer_s: float = 0.01) -> None:
        require(fs > 0, "fs", fs, "> 0 Hz")
        require(0 < buffer_s <= 0.5, "buffer_s", buffer_s, "in (0, 0.5] s")
        self._fs = fs
        self._buffer = math.ceil(buffer_s * fs)
        self._size = math.ceil(_SIZE_S * fs)
        self._history = round(_HISTORY_S * fs)
        self.late = self.missing = self.version = 0
        """Frames that came too late; samples that were not there; times the delay was fixed."""
        self.reset()

    def reset(self) -> None:
        """Forget the stream; what is queued is not played."""
        self._values: Floats = np.zeros(self._size)
        self._known = np.zeros(self._size, dtype=bool)
        self.offset: int | None = None
        """Device index minus timestamp; None before the first frame."""
        self._late_in_a_row = 0
        self._gap = 0

    def push(self, timestamp: int, pcm: Signal, at: float) -> None:
        """Take a frame.

        Parameters
        ----------
        timestamp : int
            Of its first sample, not wrapped.
        pcm : ndarray, shape (n,)
        at : float
            Device index of the moment of arrival.
        """
        due = math.ceil(at)
        if self.offset is None:
            self._anchor(timestamp, due)
        first = timestamp + (self.offset or 0)
        if first + len(pcm) <= due:
            self.late += 1
            self._late_in_a_row += 1
            if self._late_in_a_row < _LATE_IN_A_ROW:
                return
            self._anchor(timestamp, due)
            first = timestamp + (self.offset or 0)
        elif first - due > _MOST_SLACK_S * self._fs + self._buffer:
            self._anchor(timestamp, due)
            first = timestamp + (self.offset or 0)
        self._late_in_a_row = 0
        skip = max(0, due - first)
        places = np.arange(first + skip, first + len(pcm)) % self._size
        self._values[places] = pcm[skip:]
        self._known[places] = True

    def _anchor(self, timestamp: int, due: int) -> None:
        self.offset = due + self._buffer - timestamp
        self._known[:] = False
        self._late_in_a_row = 0
        self.version += 1

    def pull(self, first: int, n: int) -> Floats:
        """Return the samples to be played from device index `first` on, shape (n,); in order."""
        places = np.arange(first, first + n) % self._size
        unknown = ~self._known[places]
        if unknown.any():
            self._values[places[unknown]] = 0.0
            if self.offset is not None:
                self.missing += int(unknown.sum())
                self._bridge(first, n, unknown)
        self._gap = 0 if not unknown.any() else self._gap + n
        self._known[places] = False
        return self._values[places].copy()

    def _bridge(self, first: int, n: int, unknown: npt.NDArray[np.bool_]) -> None:
        """Predict what is missing; a stream that has stopped falls silent."""
        if self._gap + n > _LONGEST_FILL_S * self._fs:
            return
        start = int(np.argmax(unknown))
        length = int(unknown.sum())
        behind = np.arange(first + start - self._history, first + start) % self._size
        ahead = np.arange(first + start + length, first + start + length + _ORDER) % self._size
        known = self._known[ahead]
        count = len(known) if known.all() else int(np.argmin(known))
        guess = fill_gap(self._values[behind], length, self._values[ahead[:count]], order=_ORDER)
        self._values[np.arange(first + start, first + start + length) % self._size] = guess
