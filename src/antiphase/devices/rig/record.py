"""True levels of a run: what it would have sounded like, what it did, what was played."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from antiphase.metrics import noise_reduction_db

__all__ = ["LevelRecord"]

Floats = npt.NDArray[np.float64]


class LevelRecord:
    """Keeps disturbance, true error and drive of the last second, or of the whole run.

    Parameters
    ----------
    fs : float
        Hz.
    keep : bool
        Whether to keep the whole run.
    """

    def __init__(self, fs: float, *, keep: bool = False) -> None:
        self._fs = fs
        self._keep = keep
        self._parts: list[tuple[Floats, Floats, Floats]] = []
        self._frames = 0

    def take(self, disturbance: Floats, sound: Floats, drive: Floats) -> None:
        """Take a block of the same instants, shapes (n,)."""
        self._parts.append((disturbance, sound, drive))
        self._frames += len(sound)
        if not self._keep:
            while self._frames - len(self._parts[0][0]) >= self._fs:
                self._frames -= len(self._parts.pop(0)[0])

    def _all(self) -> tuple[Floats, Floats, Floats]:
        if not self._parts:
            return np.zeros(0), np.zeros(0), np.zeros(0)
        d, e, y = (np.concatenate(part) for part in zip(*self._parts, strict=True))
        return d, e, y

    @property
    def disturbance(self) -> Floats:
        """What is kept of d."""
        return self._all()[0]

    @property
    def sound(self) -> Floats:
        """What is kept of the true e."""
        return self._all()[1]

    @property
    def drive(self) -> Floats:
        """What is kept of y."""
        return self._all()[2]

    @property
    def nr_db(self) -> float:
        """True noise reduction of the last second; 0 before anything was heard."""
        count = math.ceil(self._fs / max(1, len(self._parts[-1][0]))) if self._parts else 0
        before = sum(float(d @ d) for d, _, _ in self._parts[-count:]) if count else 0.0
        after = sum(float(e @ e) for _, e, _ in self._parts[-count:]) if count else 0.0
        return 10 * math.log10(before / max(after, 1e-12 * before)) if before > 0 else 0.0

    def window_nr_db(self, start_s: float, stop_s: float) -> float:
        """Return the true noise reduction of a span of a run that was kept whole."""
        d, e, _ = self._all()
        return noise_reduction_db(
            d, e, start=round(start_s * self._fs), stop=round(stop_s * self._fs)
        )
