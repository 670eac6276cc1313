"""What silence tells: how loud the disturbance is for its reference, whatever Ŝ may be."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import signal

__all__ = ["Silence"]

Floats = npt.NDArray[np.float64]

_QUIET = 1e-3
_RUN_IN_S = 0.06
_LEAST_S = 0.25
_MOST_S = 4.0


class Silence:
    """Keeps the newest stretch in which nothing (but the probe) was played.

    There ``e = d``, so ``S_ee/S_xx`` is the gain of the primary path and of the ambient. With
    control on it foretells the level of d from the reference alone; ``d̂ = e − ŝ∗y`` that is off
    by more tells of a wrong Ŝ.

    Parameters
    ----------
    fs : int
        Hz.
    segment : int
        Of the spectra, samples.
    """

    def __init__(self, fs: int, segment: int) -> None:
        self._fs, self._segment = fs, segment
        self._now: Floats = np.zeros((2, 0))
        self._heard = 0
        self._gain: Floats | None = None

    def take(self, reference: Floats, played: Floats, error: Floats) -> None:
        """Take some samples, shapes (n,): x, ŝ∗y and e."""
        known = np.isfinite(error)
        energy = float(np.sum(error[known] ** 2))
        quiet = known.all() and float(played @ played) <= _QUIET * energy
        # The reference of another device is not there at the start.
        self._heard = self._heard + len(reference) if quiet and reference.any() else 0
        if self._heard - len(reference) < _RUN_IN_S * self._fs:
            self._now = np.zeros((2, 0))
            return
        joined = np.concatenate([self._now, np.stack([reference, error])], axis=1)
        self._now = joined[:, -round(_MOST_S * self._fs) :]
        if self._now.shape[1] >= max(_LEAST_S * self._fs, self._segment):
            ours, theirs = (signal.welch(s, self._fs, nperseg=self._segment)[1] for s in self._now)
            self._gain = theirs / np.maximum(ours, 1e-6 * float(ours.max()) + 1e-30)

    def foretell(self, density: Floats) -> Floats | None:
        """Return the density of d that goes with one of x; None before there was silence."""
        return None if self._gain is None else self._gain * density
