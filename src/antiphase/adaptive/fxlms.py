"""Filtered-x LMS: classical, normalised, and modified (reconstructed disturbance).

Sign: e = d + s∗y, w ← leakage·w − step·e·x′; the drive is played as it is. Timing: before x[n] is
taken in, w is adapted with e[n − 1 − error_delay] and the filtered reference x′ of that time.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from antiphase.adaptive.seam import NativeController, native_class
from antiphase.adaptive.step_rule import Robust, step_rule
from antiphase.arrays import Signal
from antiphase.errors import SignalError, require

__all__ = ["FilteredXController", "FxLMS", "FxNLMS", "ModifiedFxNLMS"]


def _path(taps: npt.ArrayLike, dtype: npt.DTypeLike) -> Signal:
    path = np.ascontiguousarray(taps, dtype=np.float64)
    if path.ndim == 3 and path.shape[:2] == (1, 1):
        path = path[0, 0]
    if path.ndim != 1 or path.size == 0:
        raise SignalError(
            f"secondary_path_estimate has shape {path.shape} but must be (taps,) with taps ≥ 1"
        )
    if not np.isfinite(path).all():
        raise SignalError("secondary_path_estimate holds NaN or Inf")
    return path.astype(dtype)


class FilteredXController(NativeController):
    """Base of the controllers that filter the reference with a model of the secondary path."""

    def __init__(
        self,
        kernel: str,
        n_taps: int,
        secondary_path_estimate: npt.ArrayLike,
        *orders: int,
        error_delay: int,
        rule: Any,  # noqa: ANN401 - a native object
        dtype: npt.DTypeLike,
    ) -> None:
        require(n_taps >= 1, "n_taps", n_taps, "at least 1")
        require(error_delay >= 0, "error_delay", error_delay, "at least 0")
        make = native_class(kernel, dtype)
        path = _path(secondary_path_estimate, dtype)
        super().__init__(make(path, n_taps, *orders, error_delay, rule), dtype)
        self._error_delay = error_delay

    @property
    def n_taps(self) -> int:
        """Length of w."""
        return int(self._core.n_taps)

    @property
    def error_delay(self) -> int:
        """Samples by which the error comes late, beyond the one that causality costs."""
        return self._error_delay

    @property
    def mu(self) -> float:
        """Step; assign to change it while running."""
        return float(self._core.mu)

    @mu.setter
    def mu(self, mu: float) -> None:
        require(mu > 0, "mu", mu, "> 0")
        self._core.mu = mu

    @property
    def secondary_path_estimate(self) -> Signal:
        """The model Ŝ, shape (taps,); assign one of the same length to follow a changing path.

        Samples of x′ that are already in the history keep the path they were made with.
        """
        taps: Signal = self._core.secondary_path_estimate
        return taps

    @secondary_path_estimate.setter
    def secondary_path_estimate(self, taps: npt.ArrayLike) -> None:
        self._core.secondary_path_estimate = _path(taps, self._dtype)


class FxLMS(FilteredXController):
    """Filtered-x LMS.

    ``x′ = ŝ∗x``, ``w ← leakage·w − mu·ψ(e)·x′``, ``drive[n] = w·x[n]``.

    Parameters
    ----------
    n_taps : int
        Length of w.
    secondary_path_estimate : array_like, shape (taps,)
        Ŝ, any length ≥ 1. Its phase error must stay below 90° in the band (60° for comfort).
    mu : float
        Step, > 0. Bound for white noise: mu < 2 / (σ_x′² (n_taps + D)) with D the delay of the
        secondary path in samples (plus `error_delay`); on resonant paths 10 to 50 times smaller.
    leakage : float
        Multiplies w at each sample, in (0, 1]; 1 is none. 1 − leakage ≤ 1e-6 keeps the depth.
    error_delay : int
        Samples by which the error comes late.
    robust : {"none", "huber", "sign"}
        ψ, for impulsive noise: see `step_rule.Robust`.
    dtype : {float32, float64}
        Number type of the kernel.

    Raises
    ------
    ParameterError
        If a parameter is outside its range.
    SignalError
        If the path is not a finite vector.

    References
    ----------
    Morgan (1980), An analysis of multiple correlation cancellation loops with a filter in the
    auxiliary path. Widrow, Shur & Shaffer (1981), On adaptive inverse control. Elliott &
    Nelson (1989) for the bound. Kuo & Morgan (1999), Active noise control: a tutorial review.
    """

    def __init__(
        self,
        n_taps: int,
        secondary_path_estimate: npt.ArrayLike,
        mu: float,
        *,
        leakage: float = 1.0,
        error_delay: int = 0,
        robust: Robust = "none",
        dtype: npt.DTypeLike = np.float32,
    ) -> None:
        super().__init__(
            "FxLms",
            n_taps,
            secondary_path_estimate,
            error_delay=error_delay,
            rule=step_rule(mu, leakage=leakage, normalised=False, robust=robust),
            dtype=dtype,
        )


class FxNLMS(FilteredXController):
    """Filtered-x LMS, normalised by the energy of x′.

    ``w ← leakage·w − mu·ψ(e)·x′ / (epsilon + E)`` with
    ``E = Σ x′²`` over `n_taps` samples.

    Parameters
    ----------
    n_taps : int
        Length of w.
    secondary_path_estimate : array_like, shape (taps,)
        As for `FxLMS`.
    mu : float
        Step in (0, 2). The bound is near 2 n_taps / (n_taps + D) on white noise and a pure
        delay of D samples, .02 to .05 on resonant ducts.
    leakage, error_delay, robust, dtype
        As for `FxLMS`.
    epsilon : float
        Regularisation in units of signal energy (not per tap), ≥ 0.
    energy_floor : float
        No update while E is below this share of its running peak, in [0, 1).

    Raises
    ------
    ParameterError
        If a parameter is outside its range.
    SignalError
        If the path is not a finite vector.

    References
    ----------
    Kuo & Morgan (1996), Active Noise Control Systems, ch. 3. Elliott (2001), Signal Processing for
    Active Control, ch. 3.
    """

    def __init__(
        self,
        n_taps: int,
        secondary_path_estimate: npt.ArrayLike,
        mu: float = 0.01,
        *,
        leakage: float = 1.0,
        epsilon: float = 1e-6,
        energy_floor: float = 1e-4,
        error_delay: int = 0,
        robust: Robust = "none",
        dtype: npt.DTypeLike = np.float32,
    ) -> None:
        super().__init__(
            "FxLms",
            n_taps,
            secondary_path_estimate,
            error_delay=error_delay,
            rule=step_rule(
                mu, leakage=leakage, epsilon=epsilon, energy_floor=energy_floor, robust=robust
            ),
            dtype=dtype,
        )


class ModifiedFxNLMS(FilteredXController):
    """Modified filtered-x NLMS: the update sees the reconstructed disturbance.

    ``d̂ = e − ŝ∗y``, ``ê = d̂ + w·x′`` with the current w,
    ``w ← leakage·w − mu·ψ(ê)·x′ / (epsilon + E)``.
    ê is the error that w would give had it always been in force: the delay of the secondary path is
    out of the adaptation loop.

    Parameters
    ----------
    n_taps : int
        Length of w.
    secondary_path_estimate : array_like, shape (taps,)
        Ŝ, any length ≥ 1. Both its gain and its phase matter here, since it also predicts s∗y.
    mu : float
        Step in (0, 2); with an exact Ŝ 2 is the bound of stability, as for NLMS. .05 is a good
        start on measured paths.
    leakage, epsilon, energy_floor, error_delay, robust, dtype
        As for `FxNLMS`.

    Raises
    ------
    ParameterError
        If a parameter is outside its range.
    SignalError
        If the path is not a finite vector.

    References
    ----------
    Bjarnason (1992), Active noise cancellation using a modified form of the filtered-X LMS
    algorithm. Rupp & Sayed (1998), Robust FxLMS algorithms with improved convergence performance.
    """

    def __init__(
        self,
        n_taps: int,
        secondary_path_estimate: npt.ArrayLike,
        mu: float = 0.05,
        *,
        leakage: float = 1.0,
        epsilon: float = 1e-6,
        energy_floor: float = 1e-4,
        error_delay: int = 0,
        robust: Robust = "none",
        dtype: npt.DTypeLike = np.float32,
    ) -> None:
        super().__init__(
            "ModifiedFxLms",
            n_taps,
            secondary_path_estimate,
            1,
            error_delay=error_delay,
            rule=step_rule(
                mu, leakage=leakage, epsilon=epsilon, energy_floor=energy_floor, robust=robust
            ),
            dtype=dtype,
        )
