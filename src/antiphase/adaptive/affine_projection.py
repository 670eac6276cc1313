"""Affine projection: each update reuses the last `order` regressors, for correlated signals."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from antiphase.adaptive.fxlms import FilteredXController
from antiphase.adaptive.seam import NativeCanceller, native_class
from antiphase.adaptive.step_rule import step_rule
from antiphase.errors import require

__all__ = ["AffineProjectionFilter", "ModifiedFxAP"]


class AffineProjectionFilter(NativeCanceller):
    """Affine projection canceller.

    With X = [x[n] … x[n − order + 1]] and the errors e of these regressors under the current w:
    ``w ← leakage·w + mu·X·(XᵀX + epsilon·I)⁻¹·e``, ``residual[n] = e[0]``.
    XᵀX is updated recursively and solved by Cholesky's method in double.

    Parameters
    ----------
    n_taps : int
        Length of w.
    order : int
        Number of regressors, 1 … 16; 1 is NLMS.
    mu : float
        Step in (0, 2); 2 is the bound of stability.
    leakage : float
        Multiplies w at each sample, in (0, 1]; 1 is none.
    epsilon : float
        Regularisation in units of signal energy (not per tap), ≥ 0. Noise is amplified along
        directions whose energy is below it.
    energy_floor : float
        As for `NLMSFilter`.
    dtype : {float32, float64}
        Number type of the kernel.

    Raises
    ------
    ParameterError
        If a parameter is outside its range.

    References
    ----------
    Ozeki & Umeda (1984), An adaptive filtering algorithm using an orthogonal projection to an
    affine subspace and its properties. Gay & Tavathia (1995), The fast affine projection algorithm.
    """

    def __init__(
        self,
        n_taps: int,
        order: int = 4,
        mu: float = 0.5,
        *,
        leakage: float = 1.0,
        epsilon: float = 1e-6,
        energy_floor: float = 1e-4,
        dtype: npt.DTypeLike = np.float32,
    ) -> None:
        require(n_taps >= 1, "n_taps", n_taps, "at least 1")
        require(1 <= order <= 16, "order", order, "in 1 … 16")
        rule = step_rule(mu, leakage=leakage, epsilon=epsilon, energy_floor=energy_floor)
        super().__init__(native_class("AffineProjection", dtype)(n_taps, order, rule), dtype)


class ModifiedFxAP(FilteredXController):
    """Modified filtered-x affine projection.

    ``d̂ = e − ŝ∗y`` is kept for the last `order` samples; with X′ the filtered references of these
    times and ê = d̂ + X′ᵀw under the current w:
    ``w ← leakage·w − mu·X′·(X′ᵀX′ + epsilon·I)⁻¹·ê``.

    Parameters
    ----------
    n_taps : int
        Length of w.
    secondary_path_estimate : array_like, shape (taps,)
        Ŝ, any length ≥ 1; both its gain and its phase matter.
    order : int
        Number of regressors, 1 … 16; 1 is `ModifiedFxNLMS`.
    mu : float
        Step in (0, 2); with an exact Ŝ 2 is the bound of stability. On measured
        paths .2 with order 4 and an epsilon of 1e-3 of the mean energy of x′ over n_taps samples.
    leakage : float
        Multiplies w at each sample, in (0, 1]; 1 is none.
    epsilon : float
        Regularisation in units of signal energy (not per tap), ≥ 0.
    energy_floor : float
        As for `FxNLMS`.
    error_delay : int
        Samples by which the error comes late.
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
    Douglas (1995), The fast affine projection algorithm for active noise control. Bouchard (2003),
    Multichannel affine and fast affine projection algorithms for active noise control and acoustic
    equalization systems.
    """

    def __init__(
        self,
        n_taps: int,
        secondary_path_estimate: npt.ArrayLike,
        order: int = 4,
        mu: float = 0.2,
        *,
        leakage: float = 1.0,
        epsilon: float = 1e-6,
        energy_floor: float = 1e-4,
        error_delay: int = 0,
        dtype: npt.DTypeLike = np.float32,
    ) -> None:
        require(1 <= order <= 16, "order", order, "in 1 … 16")
        super().__init__(
            "ModifiedFxAp",
            n_taps,
            secondary_path_estimate,
            order,
            error_delay=error_delay,
            rule=step_rule(mu, leakage=leakage, epsilon=epsilon, energy_floor=energy_floor),
            dtype=dtype,
        )
