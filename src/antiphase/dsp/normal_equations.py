"""Normal equations of a multichannel FIR least-squares fit, from the samples themselves."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import fft, linalg

from antiphase.errors import ParameterError, SignalError, require

__all__ = ["covariance_matrix", "cross_covariance", "solve_ridge"]

Floats = npt.NDArray[np.float64]

_MOST_UNKNOWNS = 16384
_RIDGE_STEPS = 4


def _check(inputs: Floats, n_taps: int, start: int, stop: int) -> None:
    require(n_taps >= 1, "n_taps", n_taps, "at least 1")
    if inputs.ndim != 3:
        raise SignalError(f"inputs has {inputs.ndim} dimensions but must be [output, input, n]")
    require(
        inputs.shape[1] * n_taps <= _MOST_UNKNOWNS,
        "n_taps",
        n_taps,
        f"at most {_MOST_UNKNOWNS // inputs.shape[1]} with {inputs.shape[1]} inputs",
    )
    if not 0 <= start < stop <= inputs.shape[2]:
        raise SignalError(
            f"the samples {start}:{stop} must lie inside the {inputs.shape[2]} frames given"
        )


def _correlate(newest: Floats, delayed: Floats, n_taps: int, start: int, stop: int) -> Floats:
    """Return Σ over n in start:stop of newest[…, n]·delayed[…, n − lag] for lag < n_taps."""
    first = max(0, start - n_taps + 1)
    size = fft.next_fast_len(stop - first + n_taps, real=True)
    windowed = newest[..., first:stop].copy()
    windowed[..., : start - first] = 0.0
    spectrum = fft.rfft(windowed, size) * np.conj(fft.rfft(delayed[..., first:stop], size))
    lags: Floats = fft.irfft(spectrum, size)[..., :n_taps]
    return lags


def _edge(inputs: Floats, n_taps: int, end: int) -> Floats:
    """Return inputs[…, end − 1 − i] for i < n_taps, zero before the first sample."""
    edge = np.zeros((*inputs.shape[:-1], n_taps))
    known = min(n_taps, end)
    edge[..., :known] = inputs[..., end - known : end][..., ::-1]
    return edge


def covariance_matrix(
    inputs: Floats, n_taps: int, *, start: int = 0, stop: int | None = None
) -> Floats:
    """Return the covariance (not autocorrelation) matrix of delayed inputs.

    ``R[(a, i), (b, j)] = Σ_m Σ_{n=start}^{stop−1} u_ma[n − i]·u_mb[n − j]`` with u = 0 before the
    first sample: exactly what a filter that starts from rest meets. The first row and column of
    each block come from an FFT correlation; the rest from the displacement
    ``R[i+1, j+1] = R[i, j] + u[start−1−i]·u[start−1−j] − u[stop−1−i]·u[stop−1−j]``, so the cost is
    O(unknowns²) whatever the length of the signals.

    Parameters
    ----------
    inputs : ndarray, shape (outputs, inputs, n)
        u, what each input contributes to each output.
    n_taps : int
        Delays 0 … n_taps − 1 of each input; inputs · n_taps ≤ 16384.
    start, stop : int
        The samples summed over; the history before `start` counts.

    Returns
    -------
    ndarray, shape (inputs · n_taps, inputs · n_taps)
        Symmetric, positive semidefinite; input-major.

    Raises
    ------
    ParameterError, SignalError
        If a size does not fit.

    References
    ----------
    Kailath, Kung & Morf (1979), Displacement ranks of matrices and linear equations.
    """
    end = inputs.shape[-1] if stop is None else stop
    _check(inputs, n_taps, start, end)
    n_inputs = inputs.shape[1]
    matrix = np.empty((n_inputs, n_taps, n_inputs, n_taps))
    for a in range(n_inputs):
        for b in range(n_inputs):
            lags = _correlate(inputs[:, a], inputs[:, b], n_taps, start, end).sum(axis=0)
            matrix[a, 0, b, :] = lags
            matrix[b, :, a, 0] = lags
    before, last = _edge(inputs, n_taps, start), _edge(inputs, n_taps, end)
    for i in range(n_taps - 1):
        matrix[:, i + 1, :, 1:] = matrix[:, i, :, :-1]
        for m in range(inputs.shape[0]):
            if start:
                matrix[:, i + 1, :, 1:] += before[m, :, i, None, None] * before[m, None, :, :-1]
            matrix[:, i + 1, :, 1:] -= last[m, :, i, None, None] * last[m, None, :, :-1]
    return matrix.reshape(n_inputs * n_taps, n_inputs * n_taps)


def cross_covariance(
    inputs: Floats, target: Floats, n_taps: int, *, start: int = 0, stop: int | None = None
) -> Floats:
    """Return ``p[(a, i)] = Σ_m Σ_{n=start}^{stop−1} u_ma[n − i]·target_m[n]``.

    Parameters
    ----------
    inputs : ndarray, shape (outputs, inputs, n)
        As for `covariance_matrix`.
    target : ndarray, shape (outputs, n)
        What the inputs are to explain.
    n_taps, start, stop : int
        As for `covariance_matrix`.

    Returns
    -------
    ndarray, shape (inputs · n_taps,)
        Input-major.
    """
    end = inputs.shape[-1] if stop is None else stop
    _check(inputs, n_taps, start, end)
    lags: Floats = _correlate(target[:, None], inputs, n_taps, start, end).sum(axis=0).ravel()
    return lags


def solve_ridge(matrix: Floats, right: Floats, ridge: float) -> Floats:
    """Solve ``(R + ridge · mean(diag R) · I) w = p`` by Cholesky.

    The diagonal of `matrix` is overwritten. Where rounding makes R indefinite (a tone, a
    band-limited signal) the ridge is raised a hundredfold, at most four times.

    Parameters
    ----------
    matrix : ndarray, shape (n, n)
        R, symmetric, positive semidefinite.
    right : ndarray, shape (n,) or (n, columns)
        p.
    ridge : float
        In units of the mean diagonal, ≥ 0.

    Returns
    -------
    ndarray
        w, zero where R is zero.

    Raises
    ------
    ParameterError
        If R is not a covariance.
    """
    require(ridge >= 0, "ridge", ridge, "≥ 0")
    diagonal = np.diagonal(matrix).copy()
    scale = float(diagonal.mean())
    if scale <= 0:
        return np.zeros_like(right)
    at = np.arange(len(diagonal))
    for attempt in range(_RIDGE_STEPS + 1):
        load = ridge if attempt == 0 else max(ridge, 1e-15) * 100.0**attempt
        matrix[at, at] = diagonal + load * scale
        try:
            factor = linalg.cho_factor(matrix, lower=True, check_finite=False)
        except linalg.LinAlgError:
            continue
        solution: Floats = linalg.cho_solve(factor, right, check_finite=False)
        return solution
    raise ParameterError("matrix", "its Cholesky factor", "a covariance (positive semidefinite)")
