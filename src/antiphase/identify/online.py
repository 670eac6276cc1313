"""Identification of the secondary path while control runs: auxiliary noise, scheduled."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import signal

from antiphase.arrays import as_signal
from antiphase.dsp.normal_equations import covariance_matrix, cross_covariance, solve_ridge
from antiphase.errors import SignalError, require

__all__ = ["OnlineIdentification", "ProbeSchedule"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class ProbeSchedule:
    """How loud the probe is and how long the model remembers.

    Attributes
    ----------
    level_db : float
        Probe while the model fits, re the running RMS of the error, dB.
    alert_db : float
        Probe while it doesn't (at the start, after a path change), same unit, ≥ level_db.
    good_db : float
        Expected model error, dB, below which the model fits.
    change_db : float
        Jump of the unexplained error, dB, > 0, that counts as a path change when two blocks in a
        row show it.
    memory_s : float
        Time constant of the least-squares window, seconds. The step of the update is one over the
        samples in the window: large after a start or a change, small in between.
    floor_rms : float
        Least RMS of the probe, ≥ 0, so that it starts in silence.
    """

    level_db: float = -40.0
    alert_db: float = -25.0
    good_db: float = -15.0
    change_db: float = 6.0
    memory_s: float = 4.0
    floor_rms: float = 1e-4

    def __post_init__(self) -> None:
        """Check the ranges."""
        require(self.alert_db >= self.level_db, "alert_db", self.alert_db, "≥ level_db")
        require(self.change_db > 0, "change_db", self.change_db, "> 0")
        require(self.memory_s > 0, "memory_s", self.memory_s, "> 0")
        require(self.floor_rms >= 0, "floor_rms", self.floor_rms, "≥ 0")


class OnlineIdentification:
    """Learn the secondary path from a quiet noise added to the drive.

    The error is explained by both of its causes at once,
    ``e = p∗x + s∗y + rest``, by least squares over an exponential window on the covariance
    equations. The part p∗x plays the role of the third filter of Zhang et al.: it takes the
    disturbance out of the error, so that the probe may be quiet. y is the whole drive as played;
    the probe in it makes s and p distinguishable, and p stays the same while w adapts.

    Use: play ``control + probe`` for one block, then call `update` with what was measured
    meanwhile; `probe` is then the next block's.

    Parameters
    ----------
    n_taps : int
        Length of ŝ.
    n_taps_primary : int
        Length of p̂.
    fs : float
        Sample rate in Hz.
    block_size : int
        Samples per call of `update`.
    schedule : ProbeSchedule
        Level of the probe and memory.
    seed : int
        Of the probe.

    Raises
    ------
    ParameterError
        If a parameter is outside its range.

    Notes
    -----
    Expected model error ``n_taps·σ_rest² / (N·σ_probe²·‖s‖²)`` for N samples in the window. Cost
    per block O((n_taps + n_taps_primary)³/3).

    References
    ----------
    Eriksson & Allie (1989), Use of random noise for on-line transducer modeling in an adaptive
    active attenuation system. Zhang, Lan & Ser (2001), Cross-updated active noise control system
    with online secondary path modeling; (2003) the same with auxiliary noise power scheduling.
    Akhtar, Abe & Kawamata (2006), A new variable step size LMS algorithm-based method for improved
    online secondary path modeling. The joint least-squares form here is our own.
    """

    def __init__(
        self,
        n_taps: int,
        n_taps_primary: int,
        fs: float,
        *,
        block_size: int = 1024,
        schedule: ProbeSchedule | None = None,
        seed: int = 0,
    ) -> None:
        require(n_taps >= 1, "n_taps", n_taps, "at least 1")
        require(n_taps_primary >= 1, "n_taps_primary", n_taps_primary, "at least 1")
        require(block_size >= 1, "block_size", block_size, "at least 1")
        require(fs > 0, "fs", fs, "> 0")
        self.n_taps, self.n_taps_primary = n_taps, n_taps_primary
        self.fs, self.block_size = fs, block_size
        self.schedule = ProbeSchedule() if schedule is None else schedule
        self._seed = seed
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        span = max(self.n_taps, self.n_taps_primary)
        self._history = np.zeros((2, span - 1))
        self._span = span
        self._taps = np.zeros(self.n_taps)
        self._primary = np.zeros(self.n_taps_primary)
        self._random = np.random.default_rng(self._seed)
        self._samples: float = 0.0
        self._excitation: float = 0.0
        self._power: float | None = None
        self._rest = 0.0
        self._suspect = 0
        self.changes = 0
        self.rejected = 0
        self._forget_all()
        self._draw()

    @property
    def probe(self) -> Floats:
        """The noise to add to the drive of the next block, shape (block_size,)."""
        return self._probe.copy()

    @property
    def taps(self) -> Floats:
        """The estimate ŝ, shape (n_taps,); zeros until the first update."""
        return self._taps.copy()

    @property
    def primary_taps(self) -> Floats:
        """The path p̂ from reference to error without control, shape (n_taps_primary,)."""
        return self._primary.copy()

    @property
    def error_db(self) -> float:
        """Expected error of ŝ re ŝ, dB; +inf before anything is known."""
        energy = float(np.sum(self._taps**2))
        if self._excitation <= 0 or energy <= 0:
            return math.inf
        return 10 * math.log10(max(self.n_taps * self._rest / (self._excitation * energy), 1e-30))

    @property
    def fits(self) -> bool:
        """Whether the model is good enough for the quiet probe."""
        return self.error_db < self.schedule.good_db and not self._suspect

    def update(self, reference: npt.ArrayLike, drive: npt.ArrayLike, error: npt.ArrayLike) -> None:
        """Take in what was measured while the last `probe` was played.

        Parameters
        ----------
        reference, drive, error : array_like, shape (block_size,)
            x, y exactly as played (probe included) and e.

        Raises
        ------
        SignalError
            If a length differs. A block with NaN or Inf is counted in `rejected` and changes
            nothing but the history, which counts as silent there.
        """
        x, y, e = (
            as_signal(name, value, channels=1, finite=False)
            for name, value in (("reference", reference), ("drive", drive), ("error", error))
        )
        for name, block in (("reference", x), ("drive", y), ("error", e)):
            if len(block) != self.block_size:
                raise SignalError(f"{name} has {len(block)} frames but must have {self.block_size}")
        inputs = np.stack([y, x])
        good = bool(np.isfinite(inputs).all() and np.isfinite(e).all())
        joined = np.concatenate([self._history, np.where(np.isfinite(inputs), inputs, 0.0)], axis=1)
        self._history = joined[:, joined.shape[1] - (self._span - 1) :]
        if good:
            share = 1.0 if self._power is None else min(1.0, 2 * self.block_size / self.fs)
            self._power = (1 - share) * (self._power or 0.0) + share * float(np.mean(e**2))
            self._learn(joined, e)
        else:
            self.rejected += 1
        self._draw()

    def _learn(self, inputs: Floats, error: Floats) -> None:
        block, start = self.block_size, self._span - 1
        self._watch(float(np.mean((error - self._model(inputs)) ** 2)))
        fresh = self._samples == 0
        keep = math.exp(-block / (self.schedule.memory_s * self.fs))
        self._matrix *= keep
        self._cross *= keep
        self._samples = self._samples * keep + block
        probe_energy = float(np.sum(self._probe**2))
        self._excitation = self._excitation * keep + probe_energy

        padded = np.concatenate([np.zeros(start), error])
        matrix = covariance_matrix(inputs[None], self._span, start=start)
        cross = cross_covariance(inputs[None], padded[None], self._span, start=start)
        wanted = np.r_[0 : self.n_taps, self._span : self._span + self.n_taps_primary]
        self._matrix += matrix[np.ix_(wanted, wanted)]
        self._cross += cross[wanted]
        if self._samples < 1.5 * len(wanted):
            return
        solution = solve_ridge(self._matrix.copy(), self._cross, 1e-10)
        self._taps, self._primary = solution[: self.n_taps], solution[self.n_taps :]
        after = float(np.mean((error - self._model(inputs)) ** 2))
        # The fit takes one degree of freedom per unknown out of what is left.
        after /= max(1 - len(wanted) / self._samples, 0.1)
        self._rest = after if fresh or self._rest == 0 else 0.7 * self._rest + 0.3 * after

    def _model(self, inputs: Floats) -> Floats:
        start = self._span - 1
        total: Floats = (
            signal.oaconvolve(inputs[0], self._taps)[start : inputs.shape[1]]
            + signal.oaconvolve(inputs[1], self._primary)[start : inputs.shape[1]]
        )
        return total

    def _watch(self, unexplained: float) -> None:
        """Start a new window when the model stops explaining the error."""
        jump = 10 ** (self.schedule.change_db / 10)
        known = self._samples > 0 and self._taps.any()
        self._suspect = self._suspect + 1 if known and unexplained > jump * self._rest else 0
        if self._suspect >= 2:
            self.changes += 1
            self._forget_all()

    def _forget_all(self) -> None:
        unknowns = self.n_taps + self.n_taps_primary
        self._matrix = np.zeros((unknowns, unknowns))
        self._cross = np.zeros(unknowns)
        self._samples = self._excitation = 0.0
        self._suspect = 0

    def _draw(self) -> None:
        level = self.schedule.level_db if self.fits else self.schedule.alert_db
        rms = max(math.sqrt(self._power or 0.0) * 10 ** (level / 20), self.schedule.floor_rms)
        self._probe = rms * self._random.standard_normal(self.block_size)
