"""Affine projection against its equation, its reason to exist, and published duct results."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import lfilter

from antiphase.adaptive import AffineProjectionFilter, ModifiedFxAP, ModifiedFxNLMS, NLMSFilter
from antiphase.errors import ParameterError
from antiphase.simulation import run_loop
from benchmarks import data
from tests.adaptive.textbook import Rule, affine_projection, modified_fx

Floats = npt.NDArray[np.float64]
F64 = np.float64


def coloured(n: int, seed: int = 1) -> tuple[Floats, Floats]:
    """AR(1) reference and a primary that is 20 taps of it plus a little noise."""
    rng = np.random.default_rng(seed)
    x = lfilter([1.0], [1.0, -0.9], rng.standard_normal(n))
    path = rng.standard_normal(20) * 0.8 ** np.arange(20)
    return x, np.convolve(x, path)[:n] + 1e-3 * rng.standard_normal(n)


@pytest.mark.parametrize("order", [1, 2, 4, 9, 16])
@pytest.mark.parametrize("n_taps", [1, 13, 32])
@pytest.mark.parametrize("leakage", [1.0, 0.9995])
def test_canceller_equals_the_equation(order: int, n_taps: int, leakage: float) -> None:
    """The residual follows the equation to rounding error, for every kind of order and length."""
    x, d = coloured(600)
    ours = AffineProjectionFilter(n_taps, order, 0.4, leakage=leakage, epsilon=0.5, dtype=F64)
    expected = affine_projection(x, d, n_taps, order, Rule(0.4, leakage, 0.5, 1e-4))
    np.testing.assert_allclose(ours.process(x, d), expected, atol=1e-9)


@pytest.mark.parametrize("order", [2, 16])
@pytest.mark.parametrize("delay", [0, 5])
def test_controller_equals_the_equation(order: int, delay: int) -> None:
    """The drive of the modified filtered-x form follows the equation at low and high order."""
    x, e = coloured(600)
    s = np.array([0.5, 1.0, -0.3])
    ours = ModifiedFxAP(20, s, order, 0.3, epsilon=0.5, error_delay=delay, dtype=F64)
    expected = modified_fx(x, e, s, 20, order, delay, Rule(0.3, 1.0, 0.5, 1e-4))
    np.testing.assert_allclose(
        ours.process(x, e), expected, rtol=1e-8, atol=1e-9 * np.abs(expected).max()
    )


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(1, 200), min_size=1, max_size=12), st.integers(1, 16))
def test_block_size_invariance(splits: list[int], order: int) -> None:
    """Any split into blocks gives the same residual."""
    x, d = coloured(sum(splits))
    whole = AffineProjectionFilter(17, order, epsilon=1e-2, dtype=F64).process(x, d)
    parts = AffineProjectionFilter(17, order, epsilon=1e-2, dtype=F64)
    edges = np.cumsum(splits)[:-1]
    pieces = zip(np.split(x, edges), np.split(d, edges), strict=True)
    joined = np.concatenate([parts.process(a, b) for a, b in pieces])
    np.testing.assert_allclose(joined, whole, rtol=0, atol=1e-11 * max(1, np.abs(whole).max()))


def test_order_one_is_nlms() -> None:
    """With one regressor the rule is NLMS."""
    x, d = coloured(500)
    s = np.array([0.0, 1.0, 0.5])
    pairs = (
        (AffineProjectionFilter(20, 1, 0.5, dtype=F64), NLMSFilter(20, 0.5, dtype=F64)),
        (ModifiedFxAP(20, s, 1, 0.05, dtype=F64), ModifiedFxNLMS(20, s, 0.05, dtype=F64)),
    )
    for affine, nlms in pairs:
        np.testing.assert_allclose(affine.process(x, d), nlms.process(x, d), rtol=1e-9, atol=1e-9)


def test_correlated_noise_is_learnt_faster_than_by_nlms() -> None:
    """On an AR(1) reference order 4 is 10 dB deeper than NLMS after the same time."""
    x, d = coloured(500)
    levels = [
        np.mean(AffineProjectionFilter(20, order, 0.5, dtype=F64).process(x, d)[-200:] ** 2)
        for order in (1, 4)
    ]
    assert levels[1] < 0.1 * levels[0]


@pytest.mark.parametrize("order", [2, 16])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_singular_references_stay_finite(order: int, dtype: npt.DTypeLike) -> None:
    """A tone spans two dimensions, a constant one: no order blows up without epsilon."""
    n = 60_000
    for x in (np.sin(0.1 * np.arange(n)), np.ones(n)):
        filter_ = AffineProjectionFilter(32, order, 0.5, epsilon=0.0, dtype=dtype)
        residual = filter_.process(x, np.roll(x, 3))
        assert np.isfinite(residual).all()
        assert np.abs(residual[1000:]).max() < 1e-2
        filter_.process(np.zeros(n), np.zeros(n))
        assert np.linalg.norm(filter_.control_filter) < 20


@pytest.mark.parametrize("order", [0, 17])
def test_orders_outside_the_range_are_refused(order: int) -> None:
    """The order is 1 … 16."""
    with pytest.raises(ParameterError, match="order"):
        AffineProjectionFilter(8, order)
    with pytest.raises(ParameterError, match="order"):
        ModifiedFxAP(8, [1.0], order)


@pytest.mark.skipif(not data.available(), reason="bench-data is not on this machine")
@pytest.mark.parametrize(
    ("noise", "affine", "nlms"),
    [("drill", -13.29, -11.51), ("aircraft", -14.30, -14.26), ("motorbike", -17.15, -16.13)],
)
def test_duct_results(noise: str, affine: float, nlms: float) -> None:
    """On the measured duct both modified forms reach the level of an independent prototype."""
    duct = data.load("duct")
    x, s = duct[noise], duct["secondary_path"]
    d = lfilter(duct["primary_path"], [1.0], x)
    # What matches: 1e-3 of the mean energy of x′ over the filter's length.
    epsilon = 1e-3 * 1024 * float(np.var(lfilter(s, [1.0], x)))
    for controller, expected, tolerance in (
        (ModifiedFxAP(1024, s, 4, 0.2, epsilon=epsilon), affine, 0.05),
        (ModifiedFxNLMS(1024, s, 0.05, epsilon=epsilon), nlms, 0.05),
    ):
        e = run_loop(controller, reference=x, disturbance=d, secondary_path=s).error
        nmse = 10 * np.log10(np.sum(e**2) / np.sum(d**2))
        assert nmse == pytest.approx(expected, abs=tolerance)
