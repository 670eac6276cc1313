"""Settings and state of the solver of split control."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from antiphase.control.remote_paths import ChangeRule
from antiphase.control.split_messages import Probe
from antiphase.errors import require

__all__ = ["Activity", "Energies", "SplitSettings", "SplitStatus"]


@dataclass(frozen=True)
class SplitSettings:
    """How the solver of split control works.

    Attributes
    ----------
    window_s : float, optional
        Time constant of the least-squares window; `least_squares_window_s` by default. 0.3–0.5 s
        in wind.
    ridge : float
        As in `LeastSquaresSolver`: it makes the first filters small while they are uncertain.
    iterations : int
        Conjugate-gradient steps per solve.
    first_push : float
        Samples seen before the first push, in taps of w.
    least_db : float
        A filter is pushed while it is foretold to reduce the noise by more than this, and silence
        otherwise ("do no harm").
    memory_s : float
        Time constant over which that is judged, s.
    fade_ms : float
        Cross-fade of a push, ms.
    lead_samples : int
        How far ahead of the newest block a push is to be applied; 0: as soon as it arrives.
    probe : Probe
        Played all the time.
    track : bool
        Follow the secondary path. Without it a moved listener is left to the device's guard.
    settle_s, follow_s : float
        How long after a change Ŝ is taken anew at each block, and then each second, s.
    rule : ChangeRule
        When the paths count as changed.
    """

    window_s: float | None = None
    ridge: float = 0.05
    iterations: int = 20
    first_push: float = 0.75
    least_db: float = 0.3
    memory_s: float = 0.3
    fade_ms: float = 10.0
    lead_samples: int = 0
    probe: Probe = field(default_factory=Probe)
    track: bool = True
    settle_s: float = 1.5
    follow_s: float = 10.0
    rule: ChangeRule = field(default_factory=ChangeRule)

    def __post_init__(self) -> None:
        """Check the ranges."""
        require(self.first_push >= 0, "first_push", self.first_push, "≥ 0")
        require(self.memory_s > 0, "memory_s", self.memory_s, "> 0 s")
        require(self.fade_ms >= 0, "fade_ms", self.fade_ms, "≥ 0 ms")
        require(self.lead_samples >= 0, "lead_samples", self.lead_samples, "≥ 0")
        require(self.settle_s > 0, "settle_s", self.settle_s, "> 0 s")
        require(self.iterations >= 1, "iterations", self.iterations, "at least 1")


@dataclass(frozen=True)
class SplitStatus:
    """What the solver knows.

    Attributes
    ----------
    version : int
        Pushed last.
    in_force : int
        Version the device plays, as far as is known.
    foretold_db : float
        Noise reduction that the newest filter would have had on samples it was not fitted to.
    estimated_db : float
        Noise reduction in force, by d̂ = e − ŝ∗y.
    changes : int
        Changes of the paths found.
    refused, unsound, resent, lost_blocks : int
        Nacks; solves without a usable filter; pushes sent twice; blocks that never came.
    """

    version: int
    in_force: int
    foretold_db: float
    estimated_db: float
    changes: int
    refused: int
    unsound: int
    resent: int
    lost_blocks: int


class Energies:
    """Leaky sums of the energies before and after.

    Parameters
    ----------
    memory : float
        Time constant in frames.
    """

    def __init__(self, memory: float) -> None:
        self._memory = memory
        self.before = self.after = 0.0

    def add(self, before: float, after: float, frames: int) -> None:
        """Take in the energies of some frames."""
        keep = math.exp(-frames / self._memory)
        self.before = keep * self.before + before
        self.after = keep * self.after + after

    def clear(self) -> None:
        """Forget all."""
        self.before = self.after = 0.0

    @property
    def reduction_db(self) -> float:
        """Before over after, dB; 0 while nothing is known."""
        if self.before <= 0:
            return 0.0
        return 10 * math.log10(self.before / max(self.after, 1e-12 * self.before))


class Activity:
    """Whether a reference is sound, by its power.

    It is silent below −100 dBFS, or 60 dB below its running peak, which forgets in 25 s.

    Parameters
    ----------
    fs : int
        Rate, Hz.
    """

    _LEAST, _SHARE, _PEAK_S = 1e-10, 1e-6, 25.0

    def __init__(self, fs: int) -> None:
        self._fs = fs
        self._peak = 0.0

    def take(self, reference: npt.NDArray[np.float64]) -> bool:
        """Take some frames, shape (n,); returns whether they sound."""
        power = float(np.mean(reference**2))
        self._peak = max(power, self._peak * math.exp(-len(reference) / (self._PEAK_S * self._fs)))
        return power >= max(self._LEAST, self._SHARE * self._peak)
