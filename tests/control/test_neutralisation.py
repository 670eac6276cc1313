"""Neutralisation against the plant's own feedback path."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from scipy import signal

from antiphase.control import FixedController, NeutralisedController
from antiphase.errors import ParameterError
from antiphase.simulation import run_loop

Floats = npt.NDArray[np.float64]


def test_the_controller_hears_the_reference_as_if_no_loudspeaker_played() -> None:
    """With the true feedback path, two references and three loudspeakers, y = w∗x exactly."""
    rng = np.random.default_rng(0)
    f = rng.standard_normal((2, 3, 12))
    f[:, :, 0] = 0
    w = 0.3 * rng.standard_normal((3, 2, 8))
    x = rng.standard_normal((400, 2))
    controller = NeutralisedController(FixedController(w, dtype=np.float64), f)
    result = run_loop(
        controller,
        reference=x,
        disturbance=np.zeros(400),
        secondary_path=np.ones((1, 3, 1)),
        feedback_path=f,
    )
    for k in range(3):
        expected = sum(signal.lfilter(w[k, j], [1.0], x[:, j]) for j in range(2))
        np.testing.assert_allclose(result.drive[:, k], expected, atol=1e-10)


def test_a_loop_that_howls_is_made_quiet() -> None:
    """A feedback gain of 1.5 diverges without neutralisation and stays small with it (CASES 7)."""
    rng = np.random.default_rng(1)
    x = rng.standard_normal(2000)
    f = np.concatenate([np.zeros(5), [1.5]])

    def loudest(controller: FixedController | NeutralisedController) -> float:
        result = run_loop(
            controller,
            reference=x,
            disturbance=x,
            secondary_path=[1.0],
            feedback_path=f,
        )
        return float(np.abs(result.drive).max())

    plain = FixedController([1.0], dtype=np.float64)
    assert loudest(plain) > 1e6
    estimate = f + np.concatenate([[0.0], 0.05 * rng.standard_normal(5)])
    assert loudest(NeutralisedController(plain, estimate)) < 20


def test_an_estimate_without_delay_is_refused() -> None:
    """f̂[0] ≠ 0 would need the drive before the reference it depends on."""
    with pytest.raises(ParameterError, match="at least one sample"):
        NeutralisedController(FixedController([1.0]), [0.1, 0.2])


def test_block_size_invariance_and_state() -> None:
    """Any split gives the same drive, and a loaded state goes on where it stopped."""
    rng = np.random.default_rng(2)
    x = rng.standard_normal(300)
    f = np.concatenate([[0.0], 0.2 * rng.standard_normal(9)])

    def make() -> NeutralisedController:
        return NeutralisedController(FixedController([0.5, 0.2], dtype=np.float64), f)

    whole = make().process(x, x)
    first, second = make(), make()
    start = np.concatenate([first.process(x[:1], x[:1]), first.process(x[1:123], x[1:123])])
    second.load_state(first.state())
    rest = second.process(x[123:], x[123:])
    np.testing.assert_array_equal(np.concatenate([start, rest]), whole)


def test_the_control_filter_is_that_of_the_controller_inside() -> None:
    """Reading and setting go through."""
    inner = FixedController([0.5, 0.25])
    outer = NeutralisedController(inner, [0.0, 0.1])
    outer.control_filter = [1.0, 2.0]
    np.testing.assert_array_equal(inner.control_filter, [1.0, 2.0])
    assert outer.controller is inner
