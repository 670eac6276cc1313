"""Least mean squares in its plain, leaky and normalised forms, for cancelling (mode `clean`)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from antiphase.adaptive.seam import NativeCanceller, native_class
from antiphase.errors import require

__all__ = ["LMSFilter", "NLMSFilter"]


def _check(n_taps: int, leakage: float) -> None:
    require(n_taps >= 1, "n_taps", n_taps, "at least 1")
    require(0 < leakage <= 1, "leakage", leakage, "in (0, 1]")


class LMSFilter(NativeCanceller):
    """Least mean squares.

    ``residual[n] = primary[n] − w·x[n]``, ``w ← leakage·w + mu·residual[n]·x[n]`` with x[n] the
    last `n_taps` reference samples.

    Parameters
    ----------
    n_taps : int
        Length of w.
    mu : float
        Step, > 0. Stable in the mean for mu < 2 / λ_max; safe for mu < 2 / (n_taps · σ_x²).
    leakage : float
        Multiplies w at each sample, in (0, 1]; 1 is none. Costs depth: 1 − 1e-5 limits white-noise
        cancellation to about 46 dB.
    dtype : {float32, float64}
        Number type of the kernel.

    Raises
    ------
    ParameterError
        If a parameter is outside its range.

    References
    ----------
    Widrow & Hoff (1960), Adaptive switching circuits. Haykin (2014), Adaptive Filter Theory, ch. 6.
    """

    def __init__(
        self,
        n_taps: int,
        mu: float,
        *,
        leakage: float = 1.0,
        dtype: npt.DTypeLike = np.float32,
    ) -> None:
        _check(n_taps, leakage)
        require(mu > 0, "mu", mu, "> 0")
        super().__init__(native_class("Lms", dtype)(n_taps, mu, leakage, 0.0, False), dtype)


class NLMSFilter(NativeCanceller):
    """Normalised least mean squares.

    ``residual[n] = primary[n] − w·x[n]``,
    ``w ← leakage·w + mu·residual[n]·x[n] / (epsilon + x[n]·x[n])``.

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
    dtype : {float32, float64}
        Number type of the kernel.

    Raises
    ------
    ParameterError
        If a parameter is outside its range.

    References
    ----------
    Nagumo & Noda (1967), A learning method for system identification. Haykin (2014), ch. 7.
    """

    def __init__(
        self,
        n_taps: int,
        mu: float = 0.5,
        *,
        leakage: float = 1.0,
        epsilon: float = 1e-6,
        dtype: npt.DTypeLike = np.float32,
    ) -> None:
        _check(n_taps, leakage)
        require(0 < mu < 2, "mu", mu, "in (0, 2)")
        require(epsilon >= 0, "epsilon", epsilon, "≥ 0")
        super().__init__(native_class("Lms", dtype)(n_taps, mu, leakage, epsilon, True), dtype)
