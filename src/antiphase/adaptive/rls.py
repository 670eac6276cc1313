"""Recursive least squares, for cancelling and (modified filtered-x) for control."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from antiphase.adaptive.seam import NativeCanceller, NativeController, native_class
from antiphase.arrays import Signal, as_signal
from antiphase.errors import require

__all__ = ["FxRLS", "RLSFilter"]


def _check(n_taps: int, forgetting: float, loading: float, delta: float) -> None:
    require(n_taps >= 1, "n_taps", n_taps, "at least 1")
    require(0 < forgetting <= 1, "forgetting", forgetting, "in (0, 1]")
    require(0 <= loading < 1, "loading", loading, "in [0, 1)")
    require(delta > 0, "delta", delta, "> 0")


class RLSFilter(NativeCanceller):
    """Recursive least squares on a factored inverse correlation matrix.

    Minimises ``Σ_k forgetting^(n−k)·(primary[k] − w·x[k])²`` at each sample n:
    ``residual[n] = primary[n] − w·x[n]``, ``g = P·x / (forgetting + x·P·x)``,
    ``w ← w + residual[n]·g``, ``P ← (P − g·(P·x)ᵀ) / forgetting``.

    Parameters
    ----------
    n_taps : int
        Length N of w. Cost per sample ≈ 1.5·N² multiply-adds.
    forgetting : float
        λ in (0, 1]: the window is 1/(1 − λ) samples long. In noise the residual rises by
        N·(1 − λ)/2 of itself; choose 1/(1 − λ) ≥ 5·N.
    loading : float
        Lower limit, in [0, 1), of each linear-prediction error energy relative to the energy of
        the reference, which bounds P where the reference does not excite the filter (tones,
        narrow bands). 0 is the textbook recursion, with an absolute limit only.
    delta : float
        Diagonal of the correlation matrix at the start, > 0, in units of signal energy. The
        default leaves the start to `loading`, which needs no knowledge of the level.
    dtype : {float32, float64}
        Number type of the kernel.

    Raises
    ------
    ParameterError
        If a parameter is outside its range.

    Notes
    -----
    P is kept as U·D·Uᵀ with unit triangular U, so it stays positive definite in float32 for any
    input: the recursion with P itself loses that after some 15,000 samples of a pure tone. The
    entries of D are inverse prediction error energies, and bounding them bounds P. Weights and P
    are held while the reference in the window is silent or more than 70 dB below its running peak
    (which fades with 100 window lengths), so pauses are not learnt.

    References
    ----------
    Bierman (1977), Factorization Methods for Discrete Sequential Estimation. Haykin (2014),
    Adaptive Filter Theory, ch. 10. Liavas & Regalia (1999), On the numerical stability and accuracy
    of the conventional recursive least squares algorithm.
    """

    def __init__(
        self,
        n_taps: int,
        forgetting: float = 0.999,
        *,
        loading: float = 1e-5,
        delta: float = 1e-12,
        dtype: npt.DTypeLike = np.float32,
    ) -> None:
        _check(n_taps, forgetting, loading, delta)
        super().__init__(native_class("Rls", dtype)(n_taps, forgetting, loading, delta), dtype)


class FxRLS(NativeController):
    """Modified filtered-x recursive least squares.

    With x′ = ŝ∗x and d̂ = e − ŝ∗y, minimises ``Σ_k forgetting^(n−k)·(d̂[k] + w·x′[k])²``: the
    error that w would have left had it been in force all along. The path's delay is therefore not
    in the adaptation loop, and no step has to be chosen.

    Parameters
    ----------
    n_taps : int
        Length N of the control filter. Cost per sample ≈ 1.5·N² + 2·N + 2·L multiply-adds.
    secondary_path_estimate : array_like, shape (taps,)
        ŝ, drive → anti-noise.
    forgetting : float
        λ in (0, 1], as for `RLSFilter`; 1/(1 − λ) ≥ 5·N keeps the excess error below 10 %.
    loading, delta : float
        As for `RLSFilter`.
    error_delay : int
        Samples by which the error arrives late, ≥ 0.
    dtype : {float32, float64}
        Number type of the kernel.

    Raises
    ------
    ParameterError
        If a parameter is outside its range.
    SignalError
        If `secondary_path_estimate` is not of shape (taps,) or not finite.

    Notes
    -----
    Stable for a model that is positive real with respect to the path (phase error of ŝ well below
    90°; below 60° in practice, as for every least-squares controller).

    References
    ----------
    Bouchard & Quednau (2000), Multichannel recursive-least-squares algorithms and fast-transversal-
    filter algorithms for active noise control and sound reproduction systems. Bjarnason (1992),
    Active noise cancellation using a modified form of the filtered-x LMS algorithm.
    """

    def __init__(
        self,
        n_taps: int,
        secondary_path_estimate: npt.ArrayLike,
        forgetting: float = 0.9998,
        *,
        loading: float = 1e-5,
        delta: float = 1e-12,
        error_delay: int = 0,
        dtype: npt.DTypeLike = np.float32,
    ) -> None:
        _check(n_taps, forgetting, loading, delta)
        require(error_delay >= 0, "error_delay", error_delay, "≥ 0")
        path = as_signal("secondary_path_estimate", secondary_path_estimate, channels=1)
        require(path.size > 0, "secondary_path_estimate", path.size, "at least 1 tap long")
        kind = native_class("FxRls", dtype)
        core = kind(n_taps, path.astype(dtype), forgetting, loading, delta, error_delay)
        super().__init__(core, dtype)

    @property
    def secondary_path_estimate(self) -> Signal:
        """The model ŝ in use; assign another of the same length to change it while running."""
        path: Signal = self._core.secondary_path_estimate
        return path

    @secondary_path_estimate.setter
    def secondary_path_estimate(self, path: npt.ArrayLike) -> None:
        self._core.secondary_path_estimate = np.asarray(path, dtype=self._dtype)
