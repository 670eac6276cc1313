"""Parameters shared by all gradient rules, and what floor and robust errors are for."""

from __future__ import annotations

import numpy as np
import pytest

from antiphase.adaptive import LMSFilter, NLMSFilter
from antiphase.adaptive.step_rule import Robust, step_rule
from antiphase.errors import ParameterError
from tests.adaptive.textbook import Rule, affine_projection


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"mu": 2.0}, r"mu=2.0 must be in \(0, 2\)"),
        ({"mu": float("nan")}, "mu"),
        ({"mu": float("inf"), "normalised": False}, "finite"),
        ({"mu": 0.5, "leakage": 1.1}, "leakage"),
        ({"mu": 0.5, "epsilon": -1.0}, "epsilon"),
        ({"mu": 0.5, "energy_floor": 1.0}, "energy_floor"),
        ({"mu": 0.5, "robust": "median"}, "robust='median' must be none, huber or sign"),
    ],
)
def test_bad_parameters_say_what_to_change(kwargs: dict[str, float], message: str) -> None:
    """Each parameter outside its range is refused in one line that names it."""
    with pytest.raises(ParameterError, match=message):
        step_rule(**kwargs)  # type: ignore[arg-type]


@pytest.mark.parametrize("robust", ["huber", "sign"])
@pytest.mark.parametrize("normalised", [True, False])
def test_robust_forms_equal_the_equation(robust: Robust, normalised: bool) -> None:
    """The kernel follows the robust rules to rounding error, outliers included."""
    rng = np.random.default_rng(4)
    x, d = rng.standard_normal((2, 1000))
    d[::97] *= 1e3
    if normalised:
        ours = NLMSFilter(16, 0.3, epsilon=1e-3, robust=robust, leakage=0.999, dtype=np.float64)
        rule = Rule(0.3, 0.999, 1e-3, 1e-4, robust=robust)
    else:
        ours = LMSFilter(16, 0.01, robust=robust, dtype=np.float64)  # type: ignore[assignment]
        rule = Rule(0.01, normalised=False, robust=robust)
    expected = affine_projection(x, d, 16, 1, rule)
    np.testing.assert_allclose(ours.process(x, d), expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("robust", ["huber", "sign"])
def test_impulsive_noise_does_not_undo_what_was_learnt(robust: Robust) -> None:
    """With outliers of 60 dB in 1 % of the primary's samples the weights keep within −20 dB."""
    rng = np.random.default_rng(5)
    x = rng.standard_normal(30000)
    path = rng.standard_normal(32)
    d = np.convolve(x, path)[: len(x)]
    d[rng.random(len(d)) < 0.01] += 1e3 * np.linalg.norm(path)
    plain, tough = NLMSFilter(32, 0.1), NLMSFilter(32, 0.1, robust=robust)
    for filter_ in (plain, tough):
        filter_.process(x, d)
    wrong = [np.sum((f.control_filter - path) ** 2) / np.sum(path**2) for f in (plain, tough)]
    assert wrong[0] > 1
    assert wrong[1] < 1e-2


def test_quiet_reference_does_not_make_the_weights_wander() -> None:
    """Sensor noise 60 dB below the reference that was learnt adds no energy to a loud primary."""
    rng = np.random.default_rng(6)
    x = np.concatenate([rng.standard_normal(4000), 1e-3 * rng.standard_normal(100_000)])
    path = np.array([0.0, 1.0, 0.5, 0.0])
    d = np.convolve(x, path)[: len(x)]
    d[4000:] = rng.standard_normal(100_000)
    held, loose = NLMSFilter(64, 0.5), NLMSFilter(64, 0.5, energy_floor=0.0)
    residual = [f.process(x, d) for f in (held, loose)]
    gain_db = [10 * np.log10(np.mean(r[5000:] ** 2) / np.mean(d[5000:] ** 2)) for r in residual]
    norms = [np.linalg.norm(f.control_filter) for f in (held, loose)]
    assert gain_db[0] < 0.05
    assert norms[0] < 3
    assert gain_db[1] > 1
    assert norms[1] > 100


def test_the_floor_follows_a_source_that_stays_quiet() -> None:
    """After the peak is forgotten the filter learns at the lower level too."""
    rng = np.random.default_rng(7)
    x = np.concatenate([rng.standard_normal(2000), 1e-3 * rng.standard_normal(3_000_000)])
    d = np.concatenate([np.zeros(2000), x[2000:]])
    filter_ = NLMSFilter(16, 0.5)
    residual = filter_.process(x, d)
    assert np.mean(residual[-1000:] ** 2) < 1e-4 * np.mean(d[-1000:] ** 2)
