"""Primary and secondary path from what a device heard and played, and whether they have changed."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import signal

from antiphase.adaptive import LeastSquaresSolver
from antiphase.errors import SignalError, require

__all__ = ["ChangeRule", "JointPaths"]

Floats = npt.NDArray[np.float64]

_FIRST_DOUBT = 0.1  # the first Ŝ was measured: its error counts as 20 dB below that of P̂ = 0


@dataclass(frozen=True)
class ChangeRule:
    """When an error that the paths do not explain means that the paths have changed.

    A stretch is suspicious when its unexplained energy exceeds ``share`` of what the reference
    should have made *in that stretch* plus ``factor`` times what is usually unexplained. Both
    terms are needed: blows and syllables raise the first with the sound that they make, and
    between them only the second is there.

    Attributes
    ----------
    share : float
        Of the energy of p̂∗x.
    factor : float
        Of the usual unexplained energy (the median of the last `memory` stretches).
    stretch_s : float
        Length of a stretch, s.
    in_a_row : int
        Suspicious stretches that make a change.
    memory : int
        Stretches that make the usual level.
    """

    share: float = 0.02
    factor: float = 4.0
    stretch_s: float = 0.025
    in_a_row: int = 2
    memory: int = 40

    def __post_init__(self) -> None:
        """Check the ranges."""
        require(self.share > 0, "share", self.share, "> 0")
        require(self.factor > 1, "factor", self.factor, "> 1")
        require(self.stretch_s > 0, "stretch_s", self.stretch_s, "> 0 s")
        require(self.in_a_row >= 1, "in_a_row", self.in_a_row, "at least 1")
        require(self.memory >= 1, "memory", self.memory, "at least 1")


class JointPaths:
    """Least squares for P and S at once: ``e = p∗x + s∗y + rest``.

    While w stays as it is y follows from x, and only the probe tells s from p; each exchange of the
    filter, and each silence, tells far more. What nothing excites stays where the ridge holds it:
    at the paths known before.

    Parameters
    ----------
    secondary_path : array_like, shape (taps,)
        Ŝ at the start; its length is that of both paths.
    fs : float
        Rate, Hz.
    window_s : float
        Time constant of the exponential window, s.
    settle_s : float
        How long after a change all paths are in doubt, s.
    rule : ChangeRule

    Raises
    ------
    ParameterError, SignalError
        If a parameter is outside its range.

    Notes
    -----
    The ridge is that of a Gaussian prior around the last paths: noise = the unexplained power,
    variance = paths whose deviation would make `doubt` times the power of p∗x. Covariance as in
    `LeastSquaresSolver`, 4·taps multiply-adds per sample.
    """

    def __init__(
        self,
        secondary_path: npt.ArrayLike,
        fs: float,
        *,
        window_s: float = 10.0,
        settle_s: float = 1.5,
        rule: ChangeRule | None = None,
    ) -> None:
        path = np.asarray(secondary_path, np.float64)
        if path.ndim != 1 or len(path) == 0:
            raise SignalError(f"secondary_path has shape {path.shape} but must be (taps,)")
        self._n_taps = len(path)
        self._fs = fs
        self._settle_s = settle_s
        self._rule = ChangeRule() if rule is None else rule
        self._solver = LeastSquaresSolver(
            self._n_taps,
            secondary_path_estimate=np.ones(1),
            fs=fs,
            references=2,
            window_s=window_s,
            ridge=1.0,
            evidence_s=0.02,
            dtype=np.float64,
        )
        # The ridge is the same for all unknowns: a smaller drive makes its path the surer one.
        self._doubt = _FIRST_DOUBT
        start = np.stack([np.zeros(self._n_taps), -path / self._doubt])[None]
        self._solver.control_filter = start
        self._path = path
        self._primary = np.zeros(self._n_taps)
        self._history = np.zeros((2, self._n_taps - 1))
        self._scale: float | None = None
        self._usual: list[float] = []
        self._suspects = 0
        self._seen = 0
        self._noise: float | None = None
        self._before: Floats | None = None
        self._fresh: Floats | None = None
        self._prior = start
        self.changes = 0

    @property
    def secondary_path(self) -> Floats:
        """Ŝ, shape (taps,)."""
        return self._path.copy()

    @property
    def primary_path(self) -> Floats:
        """P̂, shape (taps,)."""
        return self._primary.copy()

    @property
    def samples(self) -> int:
        """Samples seen since the last change."""
        return self._seen

    @property
    def usual(self) -> float:
        """Power that the paths usually leave unexplained; inf before anything is known."""
        return float(np.median(self._usual)) if self._usual else math.inf

    def observe(self, reference: Floats, drive: Floats, error: Floats) -> int | None:
        """Take in some frames.

        Parameters
        ----------
        reference, drive, error : ndarray, shape (n,)
            Error NaN where it is not known.

        Returns
        -------
        int or None
            Where in these frames the paths have changed, if they have: what came before was
            forgotten and what came after is kept.
        """
        if self._scale is None:
            known = np.isfinite(error)
            levels = [float(np.sqrt(np.sum(s[known] ** 2))) for s in (reference, error)]
            if min(levels) == 0:
                return None
            self._scale = levels[1] / levels[0]
        inputs = np.concatenate([self._history, np.stack([reference, drive])], axis=1)
        made = self._filter(inputs[0], self._primary)
        played = self._filter(inputs[1], self._path)
        rest = error - made - played
        changed = self._judge(rest, made)
        keep = inputs.shape[1] - (self._n_taps - 1)
        if changed is not None:
            self._restart(inputs[:, changed : changed + self._n_taps - 1])
            reference, drive = reference[changed:], drive[changed:]
            error, rest, made = error[changed:], rest[changed:], made[changed:]
        self._history = inputs[:, keep:]
        doubtful = self._seen < self._settle_s * self._fs
        if self._fresh is not None and doubtful:
            self._fresh = np.concatenate([self._fresh, np.stack([reference, drive, error])], axis=1)
            self._fit_fresh(float(np.mean(made**2)) if len(made) else 0.0)
        else:
            if self._fresh is not None:
                # From here on what nothing excites stays at the paths found since the change.
                self._fresh = None
                self._solver.control_filter = self._solver.control_filter
            self._learn(reference, drive, error, rest, made, doubtful=doubtful)
        return changed

    def _fit_fresh(self, power: float) -> None:
        """Fit anew to all since the change.

        The solver takes its inputs as zero before its first sample; what was played and heard
        before still sounds in the first errors and is taken out with the paths as known so far.
        """
        if self._fresh is None or self._scale is None or self._before is None:
            return
        x, y, e = self._fresh
        count = min(self._n_taps - 1, len(e))
        quiet = np.zeros(count)
        e = e.copy()
        for past, path in zip(self._before, (self._primary, self._path), strict=True):
            e[:count] -= self._filter(np.concatenate([past, quiet]), path)
        ratio = self._ratio(self._noise or 0.0, max(power, 1e-30))
        self._solver.reset()
        self._solver.control_filter = self._prior
        inputs = np.stack([x * self._scale, y * self._doubt], axis=1)
        self._solver.observe(inputs, np.nan_to_num((ratio - 1) * e), ratio * e)
        self._seen = len(e)
        self._solve(200)

    @staticmethod
    def _ratio(noise: float, deviation: float) -> float:
        """Root of the ridge, which the solver takes as error power over d̂ power."""
        return math.sqrt(min(1.0, max(1e-8, noise / deviation)))

    def _solve(self, iterations: int) -> None:
        if self._scale is not None and self._solver.solve(iterations):
            taps = -self._solver.control_filter.reshape(2, self._n_taps)
            self._primary, self._path = taps[0] * self._scale, taps[1] * self._doubt

    def _filter(self, x: Floats, path: Floats) -> Floats:
        whole: Floats = signal.oaconvolve(x, path)[self._n_taps - 1 : len(x)]
        return whole

    def _judge(self, rest: Floats, made: Floats) -> int | None:
        stretch = max(1, round(self._rule.stretch_s * self._fs))
        for start in range(0, len(rest) - stretch + 1, stretch):
            part = slice(start, start + stretch)
            heard = rest[part][np.isfinite(rest[part])]
            if len(heard) < stretch // 2:
                continue
            left = float(np.mean(heard**2))
            allowed = self._rule.share * float(np.mean(made[part] ** 2))
            known = len(self._usual) >= self._rule.memory // 4
            if known and left > allowed + self._rule.factor * self.usual:
                self._suspects += 1
                if self._suspects >= self._rule.in_a_row:
                    return start + stretch
            else:
                self._suspects = 0
                self._usual = [*self._usual[-self._rule.memory + 1 :], left]
        return None

    def _restart(self, before: Floats) -> None:
        self.changes += 1
        self._before = before
        self._fresh = np.zeros((3, 0))
        self._prior = np.array(self._solver.control_filter, ndmin=3)
        self._prior[0, 1] *= self._doubt
        self._doubt = 1.0
        self._noise = self.usual
        self._solver.restart()
        self._usual = []
        self._suspects = 0
        self._seen = 0

    def _learn(
        self,
        reference: Floats,
        drive: Floats,
        error: Floats,
        rest: Floats,
        made: Floats,
        *,
        doubtful: bool,
    ) -> None:
        if len(error) == 0 or self._scale is None:
            return
        known = np.isfinite(error)
        left = float(np.mean(rest[known] ** 2)) if known.any() else 0.0
        power = float(np.mean(made**2)) + 1e-30
        noise = min(left, self.usual)
        deviation = max(power, left) if doubtful else max(0.1 * power, left)
        ratio = self._ratio(noise, deviation + 1e-30)
        inputs = np.stack([reference * self._scale, drive * self._doubt], axis=1)
        self._solver.observe(inputs, np.nan_to_num((ratio - 1) * error), ratio * error)
        self._seen += len(error)
        self._solve(10)
