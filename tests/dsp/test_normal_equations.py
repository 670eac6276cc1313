"""Normal equations against the explicit data matrix."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from scipy import linalg

from antiphase.dsp.normal_equations import covariance_matrix, cross_covariance, solve_ridge
from antiphase.errors import ParameterError, SignalError

Floats = npt.NDArray[np.float64]


def data_matrix(inputs: Floats, n_taps: int) -> Floats:
    """Return [output, n, input · tap]: each row holds what the filter meets at that sample."""
    n = inputs.shape[2]
    rows = np.zeros((inputs.shape[0], n, inputs.shape[1], n_taps))
    for i in range(min(n_taps, n)):
        rows[:, i:, :, i] = inputs[:, :, : n - i].transpose(0, 2, 1)
    return rows.reshape(inputs.shape[0], n, -1)


@pytest.mark.parametrize(
    ("shape", "n_taps", "start", "stop"),
    [
        ((1, 1, 50), 7, 0, 50),
        ((1, 1, 50), 7, 20, 41),
        ((1, 1, 50), 7, 3, 50),
        ((2, 3, 40), 5, 0, 40),
        ((2, 3, 40), 5, 11, 33),
        ((1, 2, 6), 9, 2, 6),
        ((1, 1, 5), 1, 0, 5),
    ],
)
def test_equals_the_explicit_data_matrix(
    shape: tuple[int, int, int], n_taps: int, start: int, stop: int
) -> None:
    """R and p are the sums over the actual samples, history before the start included."""
    rng = np.random.default_rng(1)
    inputs, target = rng.standard_normal(shape), rng.standard_normal((shape[0], shape[2]))
    rows = data_matrix(inputs, n_taps)[:, start:stop]
    matrix = covariance_matrix(inputs, n_taps, start=start, stop=stop)
    cross = cross_covariance(inputs, target, n_taps, start=start, stop=stop)
    np.testing.assert_allclose(matrix, np.einsum("mni,mnj->ij", rows, rows), atol=1e-11)
    np.testing.assert_allclose(
        cross, np.einsum("mni,mn->i", rows, target[:, start:stop]), atol=1e-11
    )


def test_solution_is_that_of_scipy() -> None:
    """Without a ridge the solution is the least-squares one."""
    rng = np.random.default_rng(2)
    inputs, target = rng.standard_normal((1, 2, 300)), rng.standard_normal((1, 300))
    rows = data_matrix(inputs, 8)[0]
    ours = solve_ridge(covariance_matrix(inputs, 8), cross_covariance(inputs, target, 8), 0.0)
    np.testing.assert_allclose(ours, linalg.lstsq(rows, target[0])[0], atol=1e-12)


def test_tone_is_solved_with_a_raised_ridge() -> None:
    """A tone makes R singular to rounding; the solution stays finite and fits the tone."""
    tone = np.sin(0.3 * np.arange(4000))[None, None]
    matrix, cross = covariance_matrix(tone, 64), cross_covariance(tone, tone[0], 64)
    weights = solve_ridge(matrix.copy(), cross, 0.0)
    assert np.isfinite(weights).all()
    residual = tone[0, 0] - np.convolve(tone[0, 0], weights)[:4000]
    assert np.sum(residual[64:] ** 2) < 1e-6 * np.sum(tone**2)


def test_silence_gives_zero() -> None:
    """No excitation, no weights."""
    silent = np.zeros((1, 1, 100))
    weights = solve_ridge(covariance_matrix(silent, 4), np.zeros(4), 1e-12)
    np.testing.assert_array_equal(weights, np.zeros(4))


def test_what_is_no_covariance_is_refused() -> None:
    """A clearly indefinite matrix is not patched up by an ever larger ridge."""
    with pytest.raises(ParameterError, match="covariance"):
        solve_ridge(np.array([[1.0, 2.0], [2.0, 1.0]]), np.ones(2), 1e-12)


@pytest.mark.parametrize(
    ("shape", "n_taps", "start", "stop"),
    [((1, 1, 10), 2, 10, 10), ((1, 1, 10), 2, -1, 5), ((1, 1, 10), 2, 0, 11)],
)
def test_samples_outside_the_signal_are_refused(
    shape: tuple[int, int, int], n_taps: int, start: int, stop: int
) -> None:
    """The range summed over must lie inside the signal."""
    with pytest.raises(SignalError, match="must lie inside"):
        covariance_matrix(np.ones(shape), n_taps, start=start, stop=stop)


def test_sizes_are_checked() -> None:
    """Zero taps, missing axes and matrices beyond memory are refused by name."""
    with pytest.raises(ParameterError, match="n_taps=0"):
        covariance_matrix(np.ones((1, 1, 10)), 0)
    with pytest.raises(ParameterError, match="n_taps=9000 must be at most 8192 with 2 inputs"):
        covariance_matrix(np.ones((1, 2, 10)), 9000)
    with pytest.raises(SignalError, match="dimensions"):
        covariance_matrix(np.ones(10), 1)
