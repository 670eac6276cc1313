"""Multichannel filtered-x control: J references, K loudspeakers, M error microphones."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.linalg import solve_toeplitz

from antiphase.adaptive.seam import NativeController, native_class
from antiphase.adaptive.step_rule import step_rule
from antiphase.arrays import Signal, as_signal
from antiphase.errors import SignalError, require

__all__ = ["MultichannelFxLMS", "MultichannelModifiedFx", "prewhitening_filters"]

_STEPS = {"plain": 0, "channel": 1, "projection": 2}


def _path(secondary_path_estimate: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Return ŝ as [mic, loudspeaker, taps]."""
    path = np.asarray(secondary_path_estimate, dtype=np.float64)
    if path.ndim not in (1, 3) or path.size == 0:
        raise SignalError(
            f"secondary_path_estimate has the shape {path.shape} but must be (taps,) or "
            "(microphones, loudspeakers, taps)"
        )
    if not np.isfinite(path).all():
        raise SignalError("secondary_path_estimate holds NaN or Inf")
    return path.reshape(-1, path.shape[1] if path.ndim == 3 else 1, path.shape[-1])


def prewhitening_filters(
    reference: npt.ArrayLike,
    order: int,
    *,
    secondary_path_estimate: npt.ArrayLike | None = None,
    floor: float = 1e-4,
) -> npt.NDArray[np.float64]:
    """Return one causal whitening filter per reference, by linear prediction.

    ``a = [1, −c_1 … −c_order]`` minimises the energy of ``a∗x`` (of ``a∗x′`` with a path).

    Parameters
    ----------
    reference : array_like, shape (n,) or (n, references)
        A recording of the references, n > order.
    order : int
        Length of the predictor, ≥ 0 (0: no whitening).
    secondary_path_estimate : array_like, optional
        Shape (taps,) or (microphones, loudspeakers, taps). Whiten the filtered references, on
        average over microphones and loudspeakers: those are what the step sees.
    floor : float
        White noise added to the autocorrelation, relative to the power, > 0: limits the gain where
        the reference has no energy to about 1/floor in power.

    Returns
    -------
    ndarray, shape (references, order + 1)
        Scaled so that the whitened signal has the power of the signal it was made from.

    Raises
    ------
    ParameterError
        If `order` or `floor` is outside its range.
    SignalError
        If a reference is silent, not finite or too short.

    References
    ----------
    Elliott & Cook (2000), A preconditioned LMS algorithm for rapid adaptation of feedforward
    controllers. Makhoul (1975), Linear prediction: a tutorial review.
    """
    require(order >= 0, "order", order, "≥ 0")
    require(floor > 0, "floor", floor, "> 0")
    x = as_signal("reference", reference)
    x = x.reshape(len(x), -1)
    path = np.ones((1, 1, 1)) if secondary_path_estimate is None else _path(secondary_path_estimate)
    if len(x) <= order:
        raise SignalError(f"reference has {len(x)} frames but must have more than order={order}")
    size = 1 << (2 * len(x) + path.shape[2]).bit_length()
    shaping = np.sum(np.abs(np.fft.rfft(path, size)) ** 2, axis=(0, 1))
    filters = np.zeros((x.shape[1], order + 1))
    for a, signal in zip(filters, x.T, strict=True):
        spectrum = np.abs(np.fft.rfft(signal, size)) ** 2 * shaping
        r = np.fft.irfft(spectrum, size)[: order + 1]
        if r[0] <= 0:
            raise SignalError("reference is silent; a whitening filter needs its spectrum")
        r /= r[0]
        r[0] += floor
        a[0] = 1
        if order:
            a[1:] = -solve_toeplitz(r[:-1], r[1:])
        a[:] = a / np.sqrt(r @ a / r[0])
    return filters


class _Multichannel(NativeController):
    """What both controllers share: the model, the step, checks."""

    def __init__(
        self,
        name: str,
        n_taps: int,
        secondary_path_estimate: npt.ArrayLike,
        *,
        references: int,
        error_delay: int,
        step: str,
        rule: object,
        dtype: npt.DTypeLike,
        **extra: object,
    ) -> None:
        require(n_taps >= 1, "n_taps", n_taps, "at least 1")
        require(1 <= references <= 64, "references", references, "in 1 … 64")
        require(error_delay >= 0, "error_delay", error_delay, "≥ 0")
        path = _path(secondary_path_estimate)
        for word, size in zip(("microphones", "loudspeakers"), path.shape[:2], strict=True):
            require(size <= 64, word, size, "in 1 … 64")
        core = native_class(name, dtype)(
            references=references,
            n_taps=n_taps,
            secondary_path_estimate=path.astype(dtype),
            error_delay=error_delay,
            step=_STEPS[step],
            rule=rule,
            **extra,
        )
        super().__init__(core, dtype)

    @property
    def mu(self) -> float:
        """The step."""
        return float(self._core.mu)

    @property
    def secondary_path_estimate(self) -> Signal:
        """The model ŝ in use; assign another of the same shape to change it while running."""
        path: Signal = self._core.secondary_path_estimate
        return path

    @secondary_path_estimate.setter
    def secondary_path_estimate(self, path: npt.ArrayLike) -> None:
        self._core.secondary_path_estimate = np.ascontiguousarray(path, dtype=self._dtype)


class MultichannelFxLMS(_Multichannel):
    """Multichannel FxLMS, plain or normalised, J references × K loudspeakers × M microphones.

    ``y_k[n] = Σ_j w_kj·x_j[n]``, with steps mu_kj and the gradient in one of two forms:

    - `form` ``"reference"``: ``w_kj ← leakage·w_kj − mu_kj·Σ_m e_m[n]·x′_mkj[n]``,
      ``x′_mkj = ŝ_mk∗x_j``; J·K·M·(L + N) multiply-adds per sample;
    - `form` ``"error"`` (adjoint): ``w_kj ← leakage·w_kj − mu_kj·f_k[n]·x_j[n − L + 1]``,
      ``f_k[n] = Σ_m Σ_l ŝ_mk[l]·e_m[n − L + 1 + l]``; K·M·L + J·K·N multiply-adds. The same
      gradient, L − 1 samples later: a lower limit of the step for a fraction of the work.

    Parameters
    ----------
    n_taps : int
        Length N of each control filter.
    secondary_path_estimate : array_like, shape (taps,) or (microphones, loudspeakers, taps)
        ŝ; L is its number of taps.
    mu : float
        Step. Normalised: in (0, 2), mu_kj = mu / (epsilon + C·Σ_m |x′_mkj|²) with C = J·K
        channels (form ``"error"``: |x_j|² · max_f Σ_m |Ŝ_mk|² in place of Σ_m |x′_mkj|²). Plain:
        > 0, mu_kj = mu; stable below about 2 / (λ_max · (N + delay of the paths)).
    references : int
        J.
    normalised : bool
        Per-channel normalisation.
    form : {"reference", "error"}
        See above.
    leakage : float
        Multiplies all w at each sample, in (0, 1]; 1 is none.
    epsilon : float
        Regularisation of the normalisation, in units of signal energy, ≥ 0.
    energy_floor : float
        No step while the energy of the regressors is below this share of its running peak, in
        [0, 1): the filters do not wander on a reference that has gone quiet (normalised forms).
    error_delay : int
        Samples by which the errors arrive late, ≥ 0.
    dtype : {float32, float64}
        Number type of the kernel.

    Raises
    ------
    ParameterError
        If a parameter is outside its range.
    SignalError
        If the shape of a path or filter does not fit.

    Notes
    -----
    Needs a phase error of Ŝ below 90° (a positive real part of ŜᴴS, for K·M > 1). The delay of the
    secondary path bounds the step far below 2: with d samples of it a normalised step above about
    2·N/(N + d) is unstable on white noise (Elliott & Nelson 1993), and resonances lower that
    further, to .02–.05 in ducts.

    References
    ----------
    Elliott, Stothers & Nelson (1987), A multiple error LMS algorithm and its application to the
    active control of sound and vibration. Wan (1996), Adjoint LMS: an efficient alternative to the
    filtered-x LMS and multiple error LMS algorithms.
    """

    def __init__(
        self,
        n_taps: int,
        secondary_path_estimate: npt.ArrayLike,
        mu: float,
        *,
        references: int = 1,
        normalised: bool = True,
        form: Literal["reference", "error"] = "reference",
        leakage: float = 1.0,
        epsilon: float = 1e-6,
        energy_floor: float = 1e-4,
        error_delay: int = 0,
        dtype: npt.DTypeLike = np.float32,
    ) -> None:
        require(form in ("reference", "error"), "form", form, '"reference" or "error"')
        rule = step_rule(
            mu,
            leakage=leakage,
            epsilon=epsilon,
            energy_floor=energy_floor,
            normalised=normalised,
        )
        super().__init__(
            "MultichannelAdjoint" if form == "error" else "MultichannelFx",
            n_taps,
            secondary_path_estimate,
            references=references,
            error_delay=error_delay,
            step="channel" if normalised else "plain",
            rule=rule,
            dtype=dtype,
        )


class MultichannelModifiedFx(_Multichannel):
    """Multichannel modified filtered-x: the disturbance at each microphone is reconstructed.

    ``d̂_m = e_m − Σ_k ŝ_mk∗y_k``, ``ε_m = d̂_m + Σ_kj w_kj·x′_mkj``: the errors that the present
    filters would leave. The delay of the secondary paths is then not in the adaptation loop. With X
    the matrix of the M regressors x′_m of all filters stacked:

    - `step` ``"projection"``: ``w ← leakage·w − mu·Xᵀ·(X·Xᵀ + r·I)⁻¹·ε``,
      ``r = epsilon + regularisation·trace(X·Xᵀ)/M``: the smallest change that takes mu of every ε_m
      away, whatever the coupling between microphones (a regularised inverse of the secondary path
      matrix, in the time domain and without delay);
    - `step` ``"channel"``: ``w_kj ← leakage·w_kj − mu_kj·Σ_m ε_m·x′_mkj``,
      ``mu_kj = mu / (epsilon + J·K·Σ_m |x′_mkj|²)``.

    Parameters
    ----------
    n_taps : int
        Length N of each control filter.
    secondary_path_estimate : array_like, shape (taps,) or (microphones, loudspeakers, taps)
        ŝ, L taps. Cost per sample ≈ J·K·M·(L + 2·N) + K·M·L + J·K·N multiply-adds.
    mu : float
        Step in (0, 2): with a perfect model both steps are stable in the whole range.
    references : int
        J.
    step : {"channel", "projection"}
        See above. The projection pays where microphones are strongly coupled and little is left
        over; where the residual is uncontrollable noise its weak directions only add misadjustment.
    regularisation : float
        Of the projection, relative to the mean energy per microphone, > 0. Larger is more robust
        and slower in the weak directions of the paths.
    prewhitening : array_like, shape (references, Q + 1), optional
        Whitening filters a_j of the filtered references (see `prewhitening_filters`). The step goes
        along ``a_j(−)∗a_j∗x′``, about R⁻¹·x′, in place of x′ (LMS-Newton), and |a_j∗x′|² replaces
        |x′|² in its size: fast where the noise is coloured, of no use where it is flat in a band.
        Acts Q samples late on the adaptation, not at all on the drive, and leaves the optimum where
        it was but for the ends of w. Adds 2·J·K·M·(Q + 1) multiply-adds.
    leakage, epsilon, energy_floor, error_delay, dtype
        As for `MultichannelFxLMS`.

    Raises
    ------
    ParameterError
        If a parameter is outside its range.
    SignalError
        If the shape of a path or filter does not fit.

    References
    ----------
    Bjarnason (1992), Active noise cancellation using a modified form of the filtered-x LMS
    algorithm. Farhang-Boroujeny (1997), Fast LMS/Newton algorithms based on autoregressive modeling
    and their application to acoustic echo cancellation. Ozeki & Umeda (1984), An adaptive filtering
    algorithm using an orthogonal projection to an affine subspace and its properties. Bouchard
    (2003), Multichannel affine and fast affine projection algorithms for active noise control and
    acoustic equalization systems.
    """

    def __init__(
        self,
        n_taps: int,
        secondary_path_estimate: npt.ArrayLike,
        mu: float = 0.1,
        *,
        references: int = 1,
        step: Literal["channel", "projection"] = "channel",
        regularisation: float = 1e-2,
        prewhitening: npt.ArrayLike | None = None,
        leakage: float = 1.0,
        epsilon: float = 1e-6,
        energy_floor: float = 1e-4,
        error_delay: int = 0,
        dtype: npt.DTypeLike = np.float32,
    ) -> None:
        require(step in ("projection", "channel"), "step", step, '"projection" or "channel"')
        rule = step_rule(mu, leakage=leakage, epsilon=epsilon, energy_floor=energy_floor)
        require(regularisation > 0, "regularisation", regularisation, "> 0")
        whitening = None
        if prewhitening is not None:
            whitening = np.ascontiguousarray(prewhitening, dtype=dtype)
            if whitening.ndim != 2 or whitening.shape[0] != references or whitening.size == 0:
                raise SignalError(
                    f"prewhitening has the shape {whitening.shape} but must be ({references}, taps)"
                )
        super().__init__(
            "MultichannelFx",
            n_taps,
            secondary_path_estimate,
            references=references,
            error_delay=error_delay,
            step=step,
            rule=rule,
            dtype=dtype,
            modified=True,
            regularisation=regularisation,
            prewhitening=whitening,
        )
