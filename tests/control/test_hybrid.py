"""The hybrid structure: the sum of its parts, better than each where each hears half the noise."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from scipy import signal

from antiphase.adaptive import FxLMS
from antiphase.control import FeedbackController, FixedController, HybridController
from antiphase.errors import ParameterError, SignalError
from antiphase.simulation import run_loop

Floats = npt.NDArray[np.float64]
S = np.array([0.0, 0.0, 0.8, 0.3, -0.1])


def level_db(error: Floats) -> float:
    return float(10 * np.log10(np.mean(error[-3000:] ** 2)))


def test_takes_both_what_the_reference_hears_and_what_can_be_foretold() -> None:
    """Noise from a heard source plus a tone that only the error microphone hears."""
    rng = np.random.default_rng(0)
    n = 16000
    x = rng.standard_normal(n)
    d = signal.lfilter(np.concatenate([np.zeros(6), rng.standard_normal(6)]), [1.0], x)
    d = d / d.std() + np.sqrt(2) * np.sin(2 * np.pi * 0.03 * np.arange(n))

    def error(controller: FxLMS | FeedbackController | HybridController) -> Floats:
        return run_loop(controller, reference=x, disturbance=d, secondary_path=S).error

    forward = level_db(error(FxLMS(16, S, 1e-3, dtype=np.float64)))
    back = level_db(error(FeedbackController(FxLMS(16, S, 3e-4, dtype=np.float64), S)))
    both = level_db(
        error(
            HybridController(
                FxLMS(16, S, 1e-3, dtype=np.float64), FxLMS(16, S, 3e-4, dtype=np.float64), S
            )
        )
    )
    assert forward == pytest.approx(0, abs=1.5)
    assert back > -4
    assert both < min(forward, back) - 8


def test_fixed_parts_add_up() -> None:
    """With the true Ŝ and fixed filters, y = w_f∗x + w_b∗d one sample late."""
    rng = np.random.default_rng(1)
    x, d = rng.standard_normal((2, 400))
    wf, wb = rng.standard_normal((2, 5))
    parts = [FixedController(w, dtype=np.float64) for w in (wf, wb)]
    result = run_loop(
        HybridController(parts[0], parts[1], S), reference=x, disturbance=d, secondary_path=S
    )
    late = np.concatenate([[0.0], signal.lfilter(wb, [1.0], d)[:-1]])
    np.testing.assert_allclose(result.drive, signal.lfilter(wf, [1.0], x) + late, atol=1e-9)


def test_the_control_filter_is_both_in_a_row() -> None:
    """A guard keeps and restores both parts through one array."""
    parts = [FixedController([1.0, 2.0]), FixedController([3.0])]
    hybrid = HybridController(parts[0], parts[1], S)
    np.testing.assert_array_equal(hybrid.control_filter, [1.0, 2.0, 3.0])
    hybrid.control_filter = [4.0, 5.0, 6.0]
    np.testing.assert_array_equal(parts[1].control_filter, [6.0])
    with pytest.raises(SignalError, match="control_filter has 2 taps but must have 3"):
        hybrid.control_filter = [1.0, 2.0]
    assert (hybrid.feedforward, hybrid.feedback) == tuple(parts)


def test_number_types_must_agree() -> None:
    """A float32 and a float64 part don't go together."""
    with pytest.raises(ParameterError, match="dtype"):
        HybridController(FixedController([1.0]), FixedController([1.0], dtype=np.float64), S)


def test_block_size_invariance_and_state() -> None:
    """Any split gives the same drive, and a loaded state goes on where it stopped."""
    rng = np.random.default_rng(2)
    x, e = rng.standard_normal((2, 300))

    def make() -> HybridController:
        parts = [FixedController(w, dtype=np.float64) for w in ([0.5, 0.2], [0.1])]
        return HybridController(parts[0], parts[1], S)

    whole = make().process(x, e)
    first, second = make(), make()
    start = first.process(x[:123], e[:123])
    second.load_state(first.state())
    np.testing.assert_array_equal(np.concatenate([start, second.process(x[123:], e[123:])]), whole)
