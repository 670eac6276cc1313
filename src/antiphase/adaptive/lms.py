"""Least mean squares in its plain, leaky and normalised forms, for cancelling (mode `clean`)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from antiphase.adaptive.seam import NativeCanceller, native_class
from antiphase.adaptive.step_rule import Robust, step_rule
from antiphase.errors import require

__all__ = ["LMSFilter", "NLMSFilter"]


class LMSFilter(NativeCanceller):
    """Least mean squares.

    ``residual[n] = primary[n] − w·x[n]``, ``w ← leakage·w + mu·ψ(residual[n])·x[n]`` with x[n] the
    last `n_taps` reference samples. Computed in blocks of eight samples, with the same result as
    sample by sample.

    Parameters
    ----------
    n_taps : int
        Length of w.
    mu : float
        Step, > 0. Stable in the mean for mu < 2 / λ_max; safe for mu < 2 / (n_taps · σ_x²).
    leakage : float
        Multiplies w at each sample, in (0, 1]; 1 is none. Costs depth: 1 − 1e-5 limits white-noise
        cancellation to about 46 dB.
    robust : {"none", "huber", "sign"}
        ψ, for impulsive noise in the primary: see `step_rule.Robust`.
    dtype : {float32, float64}
        Number type of the kernel.

    Raises
    ------
    ParameterError
        If a parameter is outside its range.

    References
    ----------
    Widrow & Hoff (1960), Adaptive switching circuits. Haykin (2014), Adaptive Filter Theory, ch. 6.
    Mathews & Cho (1987), Improved convergence analysis of stochastic gradient adaptive filters
    using the sign algorithm.
    """

    def __init__(
        self,
        n_taps: int,
        mu: float,
        *,
        leakage: float = 1.0,
        robust: Robust = "none",
        dtype: npt.DTypeLike = np.float32,
    ) -> None:
        require(n_taps >= 1, "n_taps", n_taps, "at least 1")
        rule = step_rule(mu, leakage=leakage, normalised=False, robust=robust)
        super().__init__(native_class("Lms", dtype)(n_taps, 1, rule), dtype)


class NLMSFilter(NativeCanceller):
    """Normalised least mean squares.

    ``residual[n] = primary[n] − w·x[n]``,
    ``w ← leakage·w + mu·ψ(residual[n])·x[n] / (epsilon + E)`` with ``E = x[n]·x[n]``.
    Computed in blocks of eight samples, with the same result as sample by sample.

    Parameters
    ----------
    n_taps : int
        Length of w.
    mu : float
        Step in (0, 2); 2 is the bound of stability, 1 the fastest convergence without noise.
    leakage : float
        As for `LMSFilter`.
    epsilon : float
        Regularisation in units of signal energy (not per tap), ≥ 0; keeps the step finite when the
        reference is silent.
    energy_floor : float
        No update while E is below this share of its running peak, in [0, 1): a reference that goes
        quiet to its sensor noise does not make the weights wander.
    robust : {"none", "huber", "sign"}
        As for `LMSFilter`.
    dtype : {float32, float64}
        Number type of the kernel.

    Raises
    ------
    ParameterError
        If a parameter is outside its range.

    References
    ----------
    Nagumo & Noda (1967), A learning method for system identification. Haykin (2014), ch. 7. Zou,
    Chan & Ng (2000), Least mean M-estimate algorithms for robust adaptive filtering in impulse
    noise.
    """

    def __init__(
        self,
        n_taps: int,
        mu: float = 0.5,
        *,
        leakage: float = 1.0,
        epsilon: float = 1e-6,
        energy_floor: float = 1e-4,
        robust: Robust = "none",
        dtype: npt.DTypeLike = np.float32,
    ) -> None:
        require(n_taps >= 1, "n_taps", n_taps, "at least 1")
        rule = step_rule(
            mu, leakage=leakage, epsilon=epsilon, energy_floor=energy_floor, robust=robust
        )
        super().__init__(native_class("Lms", dtype)(n_taps, 1, rule), dtype)
