"""Live figures of a device, from the blocks of what it heard and played."""

from __future__ import annotations

import math
from collections import deque

import numpy as np
import numpy.typing as npt
from scipy import signal

from antiphase.control import Block

__all__ = ["LiveFigures"]

_WINDOW_S = 1.0
_QUIET_DRIVE = 1e-9
_OFF_BLOCKS = 2
_HARM_DB = 2.0
_LOUD_DB = 6.0
_HARM_BLOCKS = 5


class LiveFigures:
    """Estimated attenuation of the last second, and the level when nothing was played.

    With control on, d can't be observed: it is estimated as ``d̂ = e − ŝ∗y``. What was heard while
    the drive was off is the proof beside it, as long as the noise itself stays the same.

    Parameters
    ----------
    path : array_like, shape (taps,)
        Ŝ.
    """

    def __init__(self, path: npt.ArrayLike) -> None:
        self._path = np.asarray(path, np.float64)
        self._state = np.zeros(max(len(self._path) - 1, 1))
        self._energies: deque[tuple[float, float, int]] = deque()
        self._silent = 0
        self._next: int | None = None
        self._louder = 0
        self.off_db: float | None = None
        """Level of the newest blocks with the drive off, dB re full scale."""

    def take(self, block: Block) -> None:
        """Take a block."""
        y = block.drive[:, 0].astype(np.float64)
        e = block.error[:, 0].astype(np.float64)
        if self._next is not None and block.first_sample != self._next:
            self._state[:] = 0.0
        self._next = block.first_sample + block.frames
        if len(self._path) == 1:
            anti = self._path[0] * y
        else:
            anti, self._state = signal.lfilter(self._path, [1.0], y, zi=self._state)
        self._silent = self._silent + 1 if float(np.max(np.abs(anti))) < _QUIET_DRIVE else 0
        if block.gaps:
            return
        after = float(e @ e)
        if self._silent >= _OFF_BLOCKS:
            self.off_db = _decibels(after, block.frames)
        self._louder = self._louder + 1 if self._harmful(after, float(anti @ anti), block) else 0
        self._energies.append((float((e - anti) @ (e - anti)), after, block.frames))
        while sum(n for *_, n in self._energies) > _WINDOW_S * block.fs:
            self._energies.popleft()

    def forget(self) -> None:
        """Show nothing until there are blocks again; the level with the drive off is kept."""
        self._energies.clear()
        self._louder = 0

    def _harmful(self, after: float, anti: float, block: Block) -> bool:
        off = self.off_db
        heard, played = (_decibels(energy, block.frames) for energy in (after, anti))
        return off is not None and heard > off + _HARM_DB and played > off - _LOUD_DB

    @property
    def harm(self) -> bool:
        """Whether half a second was 2 dB louder throughout than it was with the drive off.

        Only where the anti-noise itself is loud enough for that.
        """
        return self._louder >= _HARM_BLOCKS

    @property
    def level_db(self) -> float | None:
        """RMS of the error in the last second, dB re full scale."""
        frames = sum(n for *_, n in self._energies)
        return _decibels(sum(a for _, a, _ in self._energies), frames) if frames else None

    @property
    def estimated_db(self) -> float | None:
        """Estimated attenuation in the last second."""
        before, after = (sum(each[k] for each in self._energies) for k in (0, 1))
        if before <= 0:
            return None
        return 10 * math.log10(before / max(after, 1e-12 * before))

    @property
    def measured_db(self) -> float | None:
        """How much quieter it is than when the drive was off last."""
        if self.off_db is None or self.level_db is None:
            return None
        return self.off_db - self.level_db


def _decibels(energy: float, frames: int) -> float:
    return 10 * math.log10(energy / frames + 1e-12)
