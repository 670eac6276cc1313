"""Signals are checked on their way in."""

from __future__ import annotations

import numpy as np
import pytest

from antiphase.arrays import as_signal
from antiphase.errors import SignalError


def test_a_column_is_a_mono_signal() -> None:
    """Shape (n, 1) becomes (n,) where one channel is asked for."""
    assert as_signal("reference", np.zeros((5, 1)), channels=1).shape == (5,)


@pytest.mark.parametrize(
    ("value", "channels"),
    [(np.zeros((2, 2, 2)), None), (0.0, None), (np.zeros((5, 3)), 2), (np.zeros(5), 2)],
)
def test_wrong_shapes_are_refused(value: np.ndarray, channels: int | None) -> None:
    """Anything that is not frames of the channels asked for is refused."""
    with pytest.raises(SignalError, match="reference"):
        as_signal("reference", value, channels=channels)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_non_finite_samples_are_refused(bad: float) -> None:
    """NaN and Inf do not slip into a computation."""
    with pytest.raises(SignalError, match="NaN or Inf"):
        as_signal("reference", [0.0, bad])
