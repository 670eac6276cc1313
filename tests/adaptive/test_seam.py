"""The seams: what every wrapper of a kernel offers."""

from __future__ import annotations

import numpy as np
import pytest

from antiphase.adaptive import Canceller, NLMSFilter
from antiphase.adaptive.seam import native_class
from antiphase.errors import ParameterError, SignalError


def test_a_wrapped_kernel_is_a_canceller() -> None:
    """The wrapper satisfies the protocol that user-written filters satisfy too."""
    assert isinstance(NLMSFilter(8), Canceller)


def test_frozen_weights_go_on_filtering() -> None:
    """With `adapting` off the residual is the primary minus the fixed filter's output."""
    rng = np.random.default_rng(0)
    x, d = rng.standard_normal((2, 100))
    filter_ = NLMSFilter(4, dtype=np.float64)
    filter_.control_filter = [0.0, 1.0, 0.0, 0.0]
    filter_.adapting = False
    expected = d - np.concatenate([[0.0], x[:-1]])
    np.testing.assert_allclose(filter_.process(x, d), expected, atol=1e-12)
    np.testing.assert_array_equal(filter_.control_filter, [0, 1, 0, 0])


def test_out_is_filled_in_place() -> None:
    """A caller's array takes the result, so that nothing is allocated in a real-time loop."""
    rng = np.random.default_rng(0)
    x, d = rng.standard_normal((2, 64)).astype(np.float32)
    out = np.empty(64, np.float32)
    assert NLMSFilter(8).process(x, d, out) is out
    np.testing.assert_array_equal(out, NLMSFilter(8).process(x, d))


@pytest.mark.parametrize("shape", [(9,), (10, 2)])
def test_out_of_another_shape_is_refused(shape: tuple[int, ...]) -> None:
    """An output array that does not fit is refused before anything is computed."""
    x = np.zeros(10, np.float32)
    with pytest.raises(SignalError, match="out"):
        NLMSFilter(8).process(x, x, np.empty(shape, np.float32))


def test_unknown_number_types_are_refused() -> None:
    """Kernels exist for float32 and float64 only."""
    with pytest.raises(ParameterError, match="float32 or float64"):
        native_class("Lms", np.int32)
