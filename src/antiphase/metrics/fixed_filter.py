"""The bound of a causal, time-invariant control filter: the least-squares optimum of the run."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import signal

from antiphase.arrays import as_signal
from antiphase.dsp.normal_equations import covariance_matrix, cross_covariance, solve_ridge
from antiphase.errors import SignalError, require
from antiphase.metrics.attenuation import noise_reduction_db

__all__ = ["Bound", "fixed_filter_bound"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Bound:
    """What the best fixed control filter reaches on a run.

    Attributes
    ----------
    nr_db : float
        Noise reduction in dB over the samples the filter was fitted to.
    control_filter : ndarray, shape (n_taps,) or (loudspeakers, references, n_taps)
        The filter, in the sign convention e = d + s∗(w∗x).
    error : ndarray, shape (n,) or (n, mics)
        What it leaves, over the whole run.
    """

    nr_db: float
    control_filter: Floats
    error: Floats


def _as_columns(name: str, value: npt.ArrayLike) -> Floats:
    frames = as_signal(name, value)
    return frames[:, None] if frames.ndim == 1 else frames


def _as_paths(secondary_path: npt.ArrayLike, n_mics: int) -> Floats:
    """Return the secondary paths as [mic, loudspeaker, taps]."""
    paths = np.asarray(secondary_path, dtype=np.float64)
    if paths.ndim == 1:
        paths = paths[None, None, :]
    if paths.ndim != 3 or paths.shape[0] != n_mics or paths.shape[2] == 0:
        raise SignalError(
            f"secondary_path has shape {np.shape(secondary_path)} but must be (taps,) or "
            f"[mic, loudspeaker, taps] with {n_mics} microphones"
        )
    if not np.isfinite(paths).all():
        raise SignalError("secondary_path holds NaN or Inf")
    return paths


def _shift(reference: Floats, delay: int) -> Floats:
    """Return reference[n − delay], zero where it isn't known."""
    shifted = np.zeros_like(reference)
    if abs(delay) < len(reference):
        if delay >= 0:
            shifted[delay:] = reference[: len(reference) - delay]
        else:
            shifted[:delay] = reference[-delay:]
    return shifted


def _filtered_reference(reference: Floats, paths: Floats) -> Floats:
    """Return x′ as [mic, loudspeaker · reference, n]."""
    n_mics, n_loudspeakers, _ = paths.shape
    filtered = np.empty((n_mics, n_loudspeakers, reference.shape[1], len(reference)))
    for at in np.ndindex(filtered.shape[:3]):
        m, k, j = at
        filtered[at] = signal.oaconvolve(reference[:, j], paths[m, k])[: len(reference)]
    return filtered.reshape(n_mics, -1, len(reference))


def fixed_filter_bound(
    reference: npt.ArrayLike,
    disturbance: npt.ArrayLike,
    secondary_path: npt.ArrayLike,
    n_taps: int,
    *,
    delay: int = 0,
    start: int = 0,
    stop: int | None = None,
    reference_noise: npt.ArrayLike | None = None,
    ridge: float = 1e-12,
) -> Bound:
    """Return the bound of a causal time-invariant control filter on these very samples.

    Minimises ``Σ_m Σ_{n=start}^{stop−1} (d_m[n] + Σ_{k,j,i} w_kj[i]·x′_mkj[n − i])²`` with
    x′_mkj = s_mk ∗ x_j: the solution of the **covariance** normal equations ``R w = −p`` (sums over
    the actual samples, start-up from rest included), not of their autocorrelation approximation.
    No filter of the same length and delay that stays the same from `start` to `stop` can do better
    there. An adaptive filter can, on noise that is not stationary.

    Parameters
    ----------
    reference : array_like, shape (n,) or (n, references)
        x.
    disturbance : array_like, shape (n,) or (n, mics)
        d.
    secondary_path : array_like, shape (taps,) or [mic, loudspeaker, taps]
        The true S.
    n_taps : int
        Length of w; loudspeakers · references · n_taps ≤ 16384.
    delay : int
        Samples by which the reference reaches the controller later than given (network, codec,
        buffers); negative when it comes earlier. With a negative delay the last −`delay` samples,
        whose reference isn't known, are left out of the sum.
    start, stop : int
        The samples the filter is fitted to and judged on; all by default.
    reference_noise : array_like, same shape as `reference`, optional
        Sensor noise that the controller hears with the reference (it also reaches the loudspeaker).
    ridge : float
        Diagonal load in units of the mean of diag R, ≥ 0. The default costs < 0.01 dB up to 60 dB.

    Returns
    -------
    Bound
        Noise reduction over start:stop, the filter and the whole error.

    Raises
    ------
    ParameterError, SignalError
        If a size does not fit.

    Notes
    -----
    Time O(n log n + unknowns³/3): 4096 taps take seconds. The mean over the run hides the start: on
    sample ranges that exclude the start-up give `start`.

    References
    ----------
    Wiener (1949), Extrapolation, Interpolation, and Smoothing of Stationary Time Series. Elliott
    (2001), Signal Processing for Active Control, ch. 3 and 5.
    """
    x, d = _as_columns("reference", reference), _as_columns("disturbance", disturbance)
    if len(x) != len(d):
        raise SignalError(f"disturbance has {len(d)} frames but reference has {len(x)}")
    if reference_noise is not None:
        noise = _as_columns("reference_noise", reference_noise)
        if noise.shape != x.shape:
            raise SignalError(f"reference_noise has shape {noise.shape}, reference {x.shape}")
        x = x + noise
    paths = _as_paths(secondary_path, d.shape[1])
    end = len(d) if stop is None else stop
    end = min(end, len(d) + min(delay, 0))
    require(0 <= start < end, "start", start, f"in [0, {max(end, 0)})")

    filtered = _filtered_reference(_shift(x, delay), paths)
    target = np.ascontiguousarray(d.T)
    matrix = covariance_matrix(filtered, n_taps, start=start, stop=end)
    cross = cross_covariance(filtered, target, n_taps, start=start, stop=end)
    weights = -solve_ridge(matrix, cross, ridge)

    taps = weights.reshape(filtered.shape[1], n_taps)
    error = d.copy()
    for a, m in np.ndindex(len(taps), d.shape[1]):
        error[:, m] += signal.oaconvolve(filtered[m, a], taps[a])[: len(d)]
    single = paths.shape[1] == 1 and x.shape[1] == 1
    shape = (n_taps,) if single else (paths.shape[1], x.shape[1], n_taps)
    return Bound(
        nr_db=noise_reduction_db(d, error, start=start, stop=end),
        control_filter=taps.reshape(shape),
        error=error[:, 0] if np.ndim(disturbance) == 1 else error,
    )
