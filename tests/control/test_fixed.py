"""The fixed filter against scipy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import signal

from antiphase.adaptive import Controller
from antiphase.control import FixedController
from antiphase.errors import SignalError


def test_output_is_the_convolution() -> None:
    """One channel gives w∗x, whatever the error is."""
    rng = np.random.default_rng(0)
    w, x, e = rng.standard_normal(37), rng.standard_normal(500), rng.standard_normal(500)
    drive = FixedController(w, dtype=np.float64).process(x, e)
    np.testing.assert_allclose(drive, signal.lfilter(w, [1.0], x), atol=1e-12)


def test_many_channels_sum_over_references() -> None:
    """Each loudspeaker plays the sum of all references through its own filters."""
    rng = np.random.default_rng(1)
    w = rng.standard_normal((3, 2, 16))
    x = rng.standard_normal((200, 2))
    fixed = FixedController(w, errors=4, dtype=np.float64)
    drive = fixed.process(x, np.zeros((200, 4)))
    expected = sum(signal.lfilter(w[:, j, :].T[:, k], [1.0], x[:, j]) for j in (0, 1) for k in [0])
    np.testing.assert_allclose(drive[:, 0], expected, atol=1e-12)
    np.testing.assert_array_equal(fixed.control_filter, w)
    assert isinstance(fixed, Controller)


@pytest.mark.parametrize("shape", [(0,), (2, 3), (1, 1, 0)])
def test_filters_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    """An empty filter or one of two dimensions is refused with the shape it must have."""
    with pytest.raises(SignalError, match="control_filter has the shape"):
        FixedController(np.zeros(shape))


def test_state_goes_on_where_it_stopped() -> None:
    """A filter loaded with another's state continues as that one does."""
    rng = np.random.default_rng(2)
    x = rng.standard_normal(300).astype(np.float32)
    first, second = FixedController(rng.standard_normal(20)), FixedController(np.zeros(20))
    first.process(x[:99], x[:99])
    second.load_state(first.state())
    np.testing.assert_array_equal(second.process(x[99:], x[99:]), first.process(x[99:], x[99:]))
