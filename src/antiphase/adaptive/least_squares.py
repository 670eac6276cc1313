"""Recency-weighted least squares on the modified filtered-x problem, at a bounded cost per sample.

::

    d̂_m[n] = e_m[n] − Σ_k (ŝ_mk ∗ y_k)[n]                disturbance as reconstructed
    x′_mkj[n] = (ŝ_mk ∗ x_j)[n]                           filtered references
    w = argmin Σ_t f^(n−t) { Σ_m (d̂_m[t] + Σ_kj (w_kj ∗ x′_mkj)[t])² + Σ_k E_k·y_k[t]² }
               + G·|w − w₀|²                              with y_k = Σ_j w_kj ∗ x_j

The covariance of a delay line is known from its first rows, R_n[i+1, j+1] = R_{n−1}[i, j], so it is
kept exactly in O(n_taps) per sample; conjugate gradients that start from the filter at work then
follow its solution. See ``docs/theory/least_squares.md`` for the method and for what was tried.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from antiphase.adaptive.seam import NativeController, native_class
from antiphase.arrays import Signal
from antiphase.errors import SignalError, require

__all__ = ["LeastSquaresController", "LeastSquaresSolver", "least_squares_window_s"]


def least_squares_window_s(
    n_taps: int, fs: float, *, references: int = 1, loudspeakers: int = 1, errors: int = 1
) -> float:
    """Return the default time constant of the window: ten times the unknowns per equation.

    An exponential window of W samples leaves an excess error of about ``unknowns / (2·W·errors)``
    of the residual, so ``W = 10·unknowns / errors`` costs 5 % of it, 0.2 dB, and forgets as fast as
    that price allows; never less than 0.5 s, for noise of a narrow band fills fewer equations.

    Parameters
    ----------
    n_taps : int
        Taps of each control filter.
    fs : float
        Rate, Hz.
    references, loudspeakers, errors : int
        Channels; unknowns = n_taps · references · loudspeakers.

    Returns
    -------
    float
        Seconds.

    References
    ----------
    Haykin (2014), Adaptive Filter Theory, ch. 10 (misadjustment of an exponential window).
    """
    return max(0.5, 10 * n_taps * references * loudspeakers / (errors * fs))


_FADE_MS = 5.0


def _paths(estimate: npt.ArrayLike, dtype: npt.DTypeLike) -> npt.NDArray[np.floating[Any]]:
    """Return the estimate as (microphones, loudspeakers, taps)."""
    paths = np.asarray(estimate, dtype=dtype, order="C")
    if paths.ndim == 1:
        paths = paths[None, None, :]
    if paths.ndim != 3 or 0 in paths.shape:
        raise SignalError(
            f"secondary_path_estimate has the shape {np.shape(estimate)} but must be (taps,) or "
            "(microphones, loudspeakers, taps)"
        )
    if not np.isfinite(paths).all():
        raise SignalError("secondary_path_estimate holds NaN or Inf")
    return paths


def _forgetting(name: str, seconds: float, fs: float) -> float:
    require(seconds * fs >= 1, name, seconds, f"at least one sample, {1 / fs:.3g} s")
    return math.exp(-1 / (seconds * fs))


def _common(
    n_taps: int,
    paths: npt.NDArray[np.floating[Any]],
    fs: float,
    references: int,
    window_s: float | None,
    evidence_s: float,
    ridge: float,
    path_error_db: float,
) -> tuple[float, dict[str, object]]:
    """Check what both classes share; return the window and the kernel's arguments."""
    require(n_taps >= 1, "n_taps", n_taps, "at least 1")
    require(fs > 0, "fs", fs, "> 0")
    require(1 <= references <= 64, "references", references, "in 1 … 64")
    require(ridge >= 0, "ridge", ridge, "≥ 0")
    require(path_error_db <= 0, "path_error_db", path_error_db, "at most 0")
    errors, loudspeakers = paths.shape[:2]
    if window_s is None:
        window_s = least_squares_window_s(
            n_taps, fs, references=references, loudspeakers=loudspeakers, errors=errors
        )
    return window_s, {
        "n_taps": n_taps,
        "secondary_path_estimate": paths,
        "references": references,
        "forgetting": _forgetting("window_s", window_s, fs),
        "evidence_forgetting": _forgetting("evidence_s", evidence_s, fs),
        "ridge": ridge,
        "path_error": 10 ** (path_error_db / 10),
    }


class LeastSquaresController(NativeController):
    """Least-squares modified filtered-x controller, any number of channels.

    Each `update_ms` the solver takes the normal equations as they stand and goes `iterations`
    conjugate-gradient steps towards their solution from the filter at work; the steps are spread
    over the samples until the next start, so no block pays for a whole solve.

    Parameters
    ----------
    n_taps : int
        Length of each control filter.
    secondary_path_estimate : array_like, shape (taps,) or (microphones, loudspeakers, taps)
        Ŝ; its shape says how many loudspeakers and error microphones there are.
    fs : float
        Rate, Hz.
    references : int
        Reference microphones.
    window_s : float, optional
        Time constant of the exponential window, s; `least_squares_window_s` by default. Shorter
        tracks faster, longer leaves less excess error.
    path_error_db : float
        Energy of the error of Ŝ over that of Ŝ, dB, ≤ 0: what identification reported. It sets
        ``E_k = 10^(path_error_db/10)·Σ_m |ŝ_mk|²``, so that w minimises the expected error over
        paths that are wrong by that much at every frequency. −inf trusts Ŝ altogether.
    ridge : float
        κ in ``G = κ·(unknowns/errors)·P′·(σ_e²/σ_d̂²)``, P′ the mean power of a filtered reference:
        the ridge of a Gaussian prior on w with the variance that would make the anti-noise as
        strong as d̂, against the noise that the filter leaves now. It is large at the start, falls
        as the error falls, and rises again when control does harm. 0.01 … 0.3 differ by 0.2 dB.
    evidence_s : float
        Time constant of the powers σ_e² and σ_d̂², s.
    update_ms : float, optional
        From one start of the solver to the next; also its delay. By default 2.5 ms up to 1024
        unknowns and beyond that what keeps the solver's cost as it is there:
        2.5·(unknowns/1024)²·iterations/8.
    iterations : int, optional
        Conjugate-gradient steps per start, ≥ 1; 8·max(1, unknowns/1024) by default.
    error_delay : int
        Samples by which the errors handed in are older than the newest possible, ≥ 0.
    dtype : {float32, float64}
        Number type of the kernel; sums are float64 in both.

    Raises
    ------
    ParameterError, SignalError
        If a parameter is outside its range or a path has another shape.

    Notes
    -----
    Stability: with Ŝ = S the update is open loop (d̂ = d) and can't diverge. With ``Δ = S − Ŝ`` it
    sees ``d̂ = d + Δ∗y``, and for one loudspeaker and microphone each solution passes on
    ``|Δ·Ŝ| / (|Ŝ|² + E)`` of the last one's error, at most ``|Δ| / (2√E)``: it contracts at every
    frequency while the error of Ŝ is less than 6 dB larger than stated. Without E it would need
    |Δ| < |Ŝ| (60° at the right magnitude), which the dips of any measured path break.

    Multiply-adds per sample with K loudspeakers, J references, M microphones, L = n_taps and an
    interval of I samples: K²J²ML (covariance) + (iterations + 1)·(KJL)²/I (solver) + the filters.
    Memory is about (KJL)² numbers, and so is `state`.

    Do no harm: the drive is muted until, and whenever not, ``d̂ + ŝ∗(w∗x)`` has less power than d̂
    over `evidence_s`; it fades in and out within 5 ms. The filter goes on learning meanwhile, and
    what it wants to play is judged as if it were played, delays included.

    `adapting` False freezes w and goes on gathering the reference's covariance; what the error says
    meanwhile is not used. In silence (60 dB below the mean for n_taps samples) time stands still.

    References
    ----------
    Bjarnason (1992), modified filtered-x. Hestenes & Stiefel (1952), conjugate gradients. Chang &
    Willson (2000), Analysis of conjugate gradient algorithms for adaptive filtering. Elliott
    (2001), Signal Processing for Active Control, ch. 3 and 5.
    """

    def __init__(
        self,
        n_taps: int = 1024,
        *,
        secondary_path_estimate: npt.ArrayLike,
        fs: float,
        references: int = 1,
        window_s: float | None = None,
        path_error_db: float = -30.0,
        ridge: float = 0.05,
        evidence_s: float = 0.1,
        update_ms: float | None = None,
        iterations: int | None = None,
        error_delay: int = 0,
        dtype: npt.DTypeLike = np.float32,
    ) -> None:
        core = native_class("LeastSquares", dtype)
        paths = _paths(secondary_path_estimate, dtype)
        self._window_s, common = _common(
            n_taps, paths, fs, references, window_s, evidence_s, ridge, path_error_db
        )
        size = max(1.0, n_taps * references * paths.shape[1] / 1024)
        if iterations is None:
            iterations = round(8 * size)
        if update_ms is None:
            update_ms = 2.5 * size**2 * max(1.0, iterations / 8)
        interval = round(update_ms * fs / 1000)
        require(interval >= 1, "update_ms", update_ms, f"at least one sample, {1000 / fs:.3g} ms")
        require(iterations >= 1, "iterations", iterations, "at least 1")
        require(error_delay >= 0, "error_delay", error_delay, "at least 0")
        super().__init__(
            core(
                **common,
                update_interval=interval,
                iterations=iterations,
                fade=min(1.0, 1000 / (_FADE_MS * fs)),
                error_delay=error_delay,
            ),
            dtype,
        )

    @property
    def window_s(self) -> float:
        """Time constant of the window, s."""
        return self._window_s

    @property
    def helping(self) -> bool:
        """Whether the drive is let out: it would leave less than the disturbance at present."""
        return bool(self._core.helping)

    @property
    def unsound(self) -> int:
        """Solves whose result was not finite or whose equations were indefinite; w stayed."""
        return int(self._core.unsound)

    def restart(self) -> None:
        """Forget what was gathered, as after a change of path; keep w as the ridge's centre."""
        self._core.restart()


class LeastSquaresSolver:
    """The same fit for a control filter that runs elsewhere: told what was heard and played there.

    Parameters
    ----------
    n_taps, secondary_path_estimate, fs, references, window_s
    path_error_db, ridge, evidence_s, dtype
        As for `LeastSquaresController`.

    Raises
    ------
    ParameterError, SignalError
        If a parameter is outside its range or a path has another shape.

    Notes
    -----
    Blocks must follow each other without a gap in time. Lost frames are given as what was really
    played and heard, or as zeros, with NaN as their error: they then say nothing about w.
    """

    def __init__(
        self,
        n_taps: int = 1024,
        *,
        secondary_path_estimate: npt.ArrayLike,
        fs: float,
        references: int = 1,
        window_s: float | None = None,
        path_error_db: float = -30.0,
        ridge: float = 0.05,
        evidence_s: float = 0.1,
        dtype: npt.DTypeLike = np.float32,
    ) -> None:
        core = native_class("LeastSquaresSolver", dtype)
        paths = _paths(secondary_path_estimate, dtype)
        _, common = _common(
            n_taps, paths, fs, references, window_s, evidence_s, ridge, path_error_db
        )
        self._core = core(**common)
        self._dtype = np.dtype(dtype)

    def observe(self, reference: Signal, drive: Signal, error: Signal) -> None:
        """Take in what was heard and played over some frames.

        Parameters
        ----------
        reference : ndarray, shape (n,) or (n, references)
        drive : ndarray, shape (n,) or (n, loudspeakers)
            As played, whatever made it.
        error : ndarray, shape (n,) or (n, errors)
            Of the same instants; NaN where it is not known.

        Raises
        ------
        SignalError
            If shapes do not fit or reference or drive is not finite.
        """
        x, y, e = (np.asarray(s, dtype=self._dtype, order="C") for s in (reference, drive, error))
        for name, signal in (("reference", x), ("drive", y)):
            if not np.isfinite(signal).all():
                raise SignalError(f"{name} holds NaN or Inf; give 0 and set the error to NaN")
        self._core.observe(x, y, e)

    def solve(self, iterations: int = 32) -> bool:
        """Move `control_filter` towards the solution of the equations gathered.

        Parameters
        ----------
        iterations : int
            Conjugate-gradient steps from the filter at hand, ≥ 1.

        Returns
        -------
        bool
            False if nothing was heard yet or the equations gave no usable filter; it then stays.

        Raises
        ------
        ParameterError
            If `iterations` is below 1.
        """
        require(iterations >= 1, "iterations", iterations, "at least 1")
        return bool(self._core.solve(iterations))

    def restart(self) -> None:
        """Forget what was gathered, as after a change of path; keep w as the ridge's centre."""
        self._core.restart()

    def reset(self) -> None:
        """Forget everything."""
        self._core.reset()

    @property
    def samples(self) -> float:
        """Weight of the samples gathered: their number at first, at most the window's length."""
        return float(self._core.weight)

    @property
    def control_filter(self) -> Signal:
        """The filter solved last, (taps,) or (loudspeakers, references, taps); assign to set it."""
        taps: Signal = self._core.control_filter
        return taps

    @control_filter.setter
    def control_filter(self, taps: npt.ArrayLike) -> None:
        self._core.control_filter = np.asarray(taps, dtype=self._dtype)

    def state(self) -> bytes:
        """Return everything that `load_state` needs to go on from here."""
        return bytes(self._core.state())

    def load_state(self, state: bytes) -> None:
        """Take over a saved state.

        Raises
        ------
        StateError
            If it is of another class, length or number type; nothing is changed then.
        """
        self._core.load_state(state)
