"""The pure Python filters against the kernels of the package."""

from __future__ import annotations

import numpy as np
import pytest

from antiphase.adaptive import FxNLMS, NLMSFilter
from edge.filter import Rule, fxnlms, nlms
from tests.edge.events import block


@pytest.mark.parametrize(("n_taps", "leakage"), [(128, 1.0), (7, 1.0), (33, 0.9999)])
@pytest.mark.parametrize("size", [800, 37, 1])
def test_nlms_is_that_of_the_package(n_taps: int, leakage: float, size: int) -> None:
    """The residual agrees with the float64 kernel to 1e-9 in blocks of any size."""
    _, x, d = block(1600 if size > 1 else 300)
    expected = NLMSFilter(n_taps, 0.5, leakage=leakage, dtype=np.float64).process(x, d)
    weights, peak = [0.0] * n_taps, 0.0
    padded = np.concatenate([np.zeros(n_taps - 1), x]).tolist()
    rule = Rule(0.5, leakage, 1e-6)
    residual: list[float] = []
    for k in range(0, len(x), size):
        signal = padded[k : k + size + n_taps - 1]
        step = nlms(signal, d[k : k + size].tolist(), weights, rule, peak)
        weights, peak = step.weights, step.peak
        residual += step.output
    np.testing.assert_allclose(residual, expected, rtol=0, atol=1e-9)


@pytest.mark.parametrize("leakage", [1.0, 0.9999])
def test_fxnlms_is_that_of_the_package(leakage: float) -> None:
    """The drive agrees with the float64 kernel to 1e-9."""
    _, x, e = block(1000)
    path = np.array([0.0, 0.0, 0.8, 0.3, -0.1])
    n_taps = 40
    expected = FxNLMS(n_taps, path, 0.05, leakage=leakage, dtype=np.float64).process(x, e)
    past = np.concatenate([np.zeros(n_taps + len(path) - 1), x])
    filtered = np.convolve(past, path, mode="valid")[: len(x) + n_taps - 1]
    signal = past[len(path) :]
    step = fxnlms(
        signal.tolist(), filtered.tolist(), e.tolist(), [0.0] * n_taps, Rule(0.05, leakage, 1e-6)
    )
    np.testing.assert_allclose(step.output, expected, rtol=0, atol=1e-9)


def test_silence_teaches_nothing() -> None:
    """A silent reference leaves the weights alone and divides by nothing."""
    step = nlms([0.0] * 47, [0.5] * 32, [0.25] * 16, Rule(0.5, 1.0, 0.0))
    assert step.output == [0.5] * 32
    assert step.weights == [0.25] * 16


def test_quiet_floor_stops_the_update() -> None:
    """A reference 50 dB under its peak moves no weight."""
    _, x, d = block(64, level=0.001)
    step = nlms(np.pad(x, (15, 0)).tolist(), d.tolist(), [0.0] * 16, Rule(0.5, 1.0, 1e-6), 16.0)
    assert step.weights == [0.0] * 16
