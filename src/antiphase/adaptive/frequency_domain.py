"""Partitioned-block frequency-domain adaptive filters: long filters whose cost grows with log n.

A filter of `n_taps` is cut into partitions of `block_size` taps. Once per block the spectra of the
last input blocks meet those of the partitions (overlap-save), and each bin adapts with a step of
its own, so that coloured noise converges almost as fast as white.

All classes take and give samples in blocks of any length; inside they collect `block_size` samples.
A power of two of 64 to 256 is a good block: smaller ones cost more per sample, larger ones adapt
more rarely.

The transform samples the spectrum at odd half-frequencies, (2k + ½)·fs / (2·block_size): its
convolution wraps with a minus sign, which overlap-save discards just as well, and no bin at 0 or
fs/2 needs a rule of its own.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from antiphase.adaptive.seam import NativeCanceller, NativeController, native_class
from antiphase.arrays import Signal, as_signal
from antiphase.errors import require

__all__ = [
    "Constraint",
    "DelaylessFxLMS",
    "FrequencyDomainKalmanFilter",
    "PartitionedBlockFilter",
    "PartitionedBlockFxLMS",
]

Constraint = Literal["full", "round_robin"]


def _check_blocks(n_taps: int, block_size: int, constraint: str) -> bool:
    """Check the layout; return whether every partition is constrained at every update."""
    power = block_size >= 16 and block_size & (block_size - 1) == 0
    require(power, "block_size", block_size, "a power of two of at least 16")
    whole = n_taps >= block_size and n_taps % block_size == 0
    require(whole, "n_taps", n_taps, f"a multiple of block_size={block_size}")
    known = constraint in ("full", "round_robin")
    require(known, "constraint", constraint, "'full' or 'round_robin'")
    return constraint == "full"


def _check_step(mu: float, leakage: float, epsilon: float, regularisation: float) -> None:
    require(0 < mu < 2, "mu", mu, "in (0, 2)")
    require(0 < leakage <= 1, "leakage", leakage, "in (0, 1]")
    require(epsilon >= 0, "epsilon", epsilon, "≥ 0")
    require(0 <= regularisation <= 1, "regularisation", regularisation, "in [0, 1]")


class PartitionedBlockFilter(NativeCanceller):
    """Partitioned-block frequency-domain NLMS canceller.

    In bin k, with X_p the spectrum of the input block p blocks ago (two blocks long) and E that of
    the residual block (zeros before it)::

        residual = primary − last block of IFFT(Σ_p W_p·X_p)
        W_p ← leakage·W_p + mu·E·X_p* / (S + 2·epsilon)

    after which the constraint sets the second half of the impulse responses of the W_p to 0. S is
    the energy ``Σ_p |X_p|²`` held at its recent peak (falling by 0.9 per block): with one or two
    partitions a bin is near 0 by chance now and then, and a step to match would diverge.

    The residual lags by exactly `block_size` samples (`latency`): ``out[n]`` is
    ``primary[n − block_size] − (w∗reference)[n − block_size]``, and zero before that; any split
    into calls gives the same. With white noise the mean error of w shrinks by the factor
    ``exp(−mu / (2·n_taps))`` per sample: half the rate of `NLMSFilter` at the same `mu`, but in all
    bins alike. Adaptation starts once the reference has filled the filter (n_taps samples): steps
    normalised by the energy of a beginning overshoot.

    Parameters
    ----------
    n_taps : int
        Length of w, a multiple of `block_size`.
    block_size : int
        Power of two ≥ 16.
    mu : float
        Step in (0, 2), the bound of stability of each bin.
    constraint : {"round_robin", "full"}
        "full" constrains all partitions at each update (two transforms each); "round_robin" one per
        update in turn: the same level at about a quarter of the cost.
    leakage : float
        Multiplies w at each update, that is once per block, in (0, 1]; 1 is none.
    epsilon : float
        Regularisation in units of reference energy over n_taps, ≥ 0, as for `NLMSFilter`.
    regularisation : float
        Share of the strongest bin's recent peak energy, in [0, 1]: weaker bins take the step of a
        bin of that energy. 0 lets every bin follow at its own speed, rounding and microphone noise
        included; 1 gives all bins one step (block NLMS). The peak is remembered for some 64 filter
        lengths, so a reference that fades away stops the adaptation.
    dtype : {float32, float64}
        Number type of the kernel.

    Raises
    ------
    ParameterError
        If a parameter is outside its range.

    References
    ----------
    Ferrara (1980), Fast implementation of LMS adaptive filters. Soo & Pang (1990), Multidelay block
    frequency domain adaptive filter. Shynk (1992), Frequency-domain and multirate adaptive
    filtering. Buchner, Benesty, Gänsler & Kellermann (2006) on robust forms.
    """

    def __init__(
        self,
        n_taps: int,
        block_size: int = 128,
        mu: float = 0.5,
        *,
        constraint: Constraint = "round_robin",
        leakage: float = 1.0,
        epsilon: float = 1e-6,
        regularisation: float = 1e-3,
        dtype: npt.DTypeLike = np.float32,
    ) -> None:
        constrain_all = _check_blocks(n_taps, block_size, constraint)
        _check_step(mu, leakage, epsilon, regularisation)
        core = native_class("PartitionedBlock", dtype)(
            n_taps, block_size, mu, leakage, epsilon, regularisation, constrain_all
        )
        super().__init__(core, dtype)


class FrequencyDomainKalmanFilter(NativeCanceller):
    """Partitioned-block frequency-domain Kalman filter with a diagonal state covariance.

    The weights of each bin and partition are a state to which each block adds a change of variance
    ``(1 − A²)·q_p``; the residual block observes it under the noise Ψ of whatever the
    reference does not explain::

        P_p ← A²·P_p + (1 − A²)·q_p
        D   = (Σ_p |X_p|²·P_p) ⊛ G + Ψ
        W_p ← W_p + P_p·X_p*·E / (2·D)
        P_p ← P_p − P_p²·|X_p|² / (4·D)

    G is the power response of the zero-padded residual's window, which holds half the energy and
    spreads strong bins over weak ones. Ψ is tracked as the part of |E|² above the first term of D.
    q_p is ``|W_p|²``, at most its mean over the bins weighted by the reference's energy. So the
    step is large while w is unknown, falls as it is learnt, and falls further at once when a talker
    starts: no double-talk detector, no step to choose.

    The usual form halves the first term of D instead of spreading it, takes q_p from the bin alone
    and shrinks W by A. On steep spectra under little noise that form diverges: bins that hear
    little but leakage grow by chance, by that become uncertain, and so let more chance in. The
    shrinking only limits the depth.

    The residual lags by exactly `block_size` samples, as for `PartitionedBlockFilter`.

    Parameters
    ----------
    n_taps : int
        Length of w, a multiple of `block_size`.
    block_size : int
        Power of two ≥ 16.
    transition : float
        A, per block, in (0, 1]: how well the path keeps. 1 is a path that never changes (the gain
        then falls towards 0); the path's time constant is ``block_size / (1 − A)`` samples.
    smoothing : float
        Of Ψ over blocks, in [0, 1).
    initial_covariance : float
        P at the start, > 0: the power |W|² expected of a bin of one partition. Too large is
        harmless.
    regularisation : float
        In [0, 1]: floor of the first term of D as a share of its strongest bin, against the leakage
        of strong bins into the reference's weak ones.
    constraint : {"round_robin", "full"}
        As for `PartitionedBlockFilter`.
    dtype : {float32, float64}
        Number type of the kernel.

    Raises
    ------
    ParameterError
        If a parameter is outside its range.

    References
    ----------
    Enzner & Vary (2006), Frequency-domain adaptive Kalman filter for acoustic echo control in
    hands-free telephones. Kuech, Mabande & Enzner (2014), State-space architecture of the
    partitioned-block-based acoustic echo controller.
    """

    def __init__(
        self,
        n_taps: int,
        block_size: int = 128,
        *,
        transition: float = 0.999,
        smoothing: float = 0.8,
        initial_covariance: float = 1.0,
        regularisation: float = 1e-3,
        constraint: Constraint = "round_robin",
        dtype: npt.DTypeLike = np.float32,
    ) -> None:
        constrain_all = _check_blocks(n_taps, block_size, constraint)
        require(0 < transition <= 1, "transition", transition, "in (0, 1]")
        require(0 <= smoothing < 1, "smoothing", smoothing, "in [0, 1)")
        require(initial_covariance > 0, "initial_covariance", initial_covariance, "> 0")
        require(0 <= regularisation <= 1, "regularisation", regularisation, "in [0, 1]")
        core = native_class("KalmanBlock", dtype)(
            n_taps,
            block_size,
            transition,
            smoothing,
            initial_covariance,
            regularisation,
            constrain_all,
        )
        super().__init__(core, dtype)

    @property
    def uncertainty(self) -> Signal:
        """Mean over the bins of P_p, shape (n_taps // block_size,): the filter's own error."""
        variance: Signal = self._core.uncertainty
        return variance


class _PartitionedFx(NativeController):
    """What the two filtered-x classes share; they differ in how the drive is made."""

    _delayless: bool

    def __init__(
        self,
        n_taps: int,
        secondary_path_estimate: npt.ArrayLike,
        block_size: int = 128,
        mu: float = 0.5,
        *,
        modified: bool = True,
        error_delay: int = 0,
        constraint: Constraint = "round_robin",
        leakage: float = 1.0,
        epsilon: float = 1e-6,
        regularisation: float = 1e-2,
        dtype: npt.DTypeLike = np.float32,
    ) -> None:
        constrain_all = _check_blocks(n_taps, block_size, constraint)
        _check_step(mu, leakage, epsilon, regularisation)
        require(error_delay >= 0, "error_delay", error_delay, "≥ 0")
        path = as_signal("secondary_path_estimate", secondary_path_estimate, channels=1)
        require(path.size > 0, "secondary_path_estimate", path.size, "at least 1 tap long")
        core = native_class("PartitionedFx", dtype)(
            n_taps,
            block_size,
            path.astype(dtype),
            mu,
            leakage,
            epsilon,
            regularisation,
            error_delay,
            constrain_all,
            self._delayless,
            modified,
        )
        super().__init__(core, dtype)

    @property
    def secondary_path_estimate(self) -> Signal:
        """The model ŝ in use; assign another of the same length to change it while running."""
        path: Signal = self._core.secondary_path_estimate
        return path

    @secondary_path_estimate.setter
    def secondary_path_estimate(self, path: npt.ArrayLike) -> None:
        self._core.secondary_path_estimate = np.asarray(path, dtype=self._dtype)


class PartitionedBlockFxLMS(_PartitionedFx):
    """Partitioned-block frequency-domain filtered-x NLMS controller.

    The cheapest controller for long filters, for plants whose causality margin can spare the block:
    ``drive[n] = (w∗reference)[n − block_size]``, so `latency` is `block_size` samples. The error
    that comes back belongs to that delayed drive, and the update pairs it with the filtered
    reference of the same age. Once per block, in bin k::

        W_p ← leakage·W_p − mu·E·X′_p* / (S′ + 2·epsilon)

    with X′_p the spectra of ``x′ = ŝ∗x``, delayed by ``block_size + 1 + error_delay``, S′ their
    held energy as in `PartitionedBlockFilter`, and E the spectrum of the error. The modified form
    replaces e by ``e − ŝ∗y + w∗x′``, the error that the present w would have left: that takes the
    delays of path and block out of the adaptation loop, so that the step need not shrink with them.

    Parameters
    ----------
    n_taps : int
        Length of w, a multiple of `block_size`.
    secondary_path_estimate : array_like, shape (taps,)
        Ŝ, of any length. Stable for phase errors below 90° at small steps.
    block_size : int
        Power of two ≥ 16.
    mu : float
        Step in (0, 2), the bound of stability of each bin in the modified form. Without
        `modified` the bound falls with the delays of path and block; 0.05 to 0.2 suit a measured
        duct.
    modified : bool
        Use the modified form; costs about 40 % more.
    error_delay : int
        Samples by which the newest known error is older than the last one.
    constraint : {"round_robin", "full"}
        As for `PartitionedBlockFilter`.
    leakage : float
        Multiplies w at each update, that is once per block, in (0, 1]; 1 is none.
    epsilon : float
        Regularisation in units of filtered-reference energy over n_taps, ≥ 0.
    regularisation : float
        In [0, 1]; see `PartitionedBlockFilter`. Where the optimum would not be causal, per-bin
        steps settle on a filter that is not quite the causal Wiener filter; towards 1 that bias
        vanishes and so does the gain in speed.
    dtype : {float32, float64}
        Number type of the kernel.

    Raises
    ------
    ParameterError
        If a parameter is outside its range.
    SignalError
        If `secondary_path_estimate` is not of shape (taps,) or not finite.

    References
    ----------
    Shen & Spanias (1996), Time- and frequency-domain X block least mean square algorithms for
    active noise control. Bjarnason (1995) on the modified form. Elliott & Rafaely (2000),
    Frequency-domain adaptation of causal digital filters, on the bias.
    """

    _delayless = False


class DelaylessFxLMS(_PartitionedFx):
    """Frequency-domain filtered-x NLMS without latency.

    Adapts as `PartitionedBlockFxLMS` does, but the first partition of w filters sample by sample in
    the time domain while the others, whose inputs are complete one block ahead, filter in the
    frequency domain: ``drive[n] = (w∗reference)[n]``, `latency` 0. w changes once per block, at its
    end. In bin k::

        W_p ← leakage·W_p − mu·E·X′_p* / (S′ + 2·epsilon)

    with X′_p the spectra of ``x′ = ŝ∗x`` delayed by ``1 + error_delay`` and S′ their held energy.

    Parameters
    ----------
    n_taps, secondary_path_estimate, block_size, mu, modified, error_delay, constraint, leakage
        As for `PartitionedBlockFxLMS`.
    epsilon, regularisation, dtype
        As for `PartitionedBlockFxLMS`.

    Raises
    ------
    ParameterError
        If a parameter is outside its range.
    SignalError
        If `secondary_path_estimate` is not of shape (taps,) or not finite.

    References
    ----------
    Morgan & Thi (1995), A delayless subband adaptive filter architecture. Gardner (1995), Efficient
    convolution without input-output delay. Bendel, Burshtein, Shalom & Weinstein (2001), Delayless
    frequency domain acoustic echo cancellation.
    """

    _delayless = True
