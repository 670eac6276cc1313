"""Streaming FIR against scipy on the whole signal."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal as scipy_signal

from antiphase.dsp import FIRFilter
from antiphase.errors import ParameterError


@settings(max_examples=40)
@given(
    st.lists(st.integers(0, 400), min_size=1, max_size=12),
    st.sampled_from([1, 2, 63, 64, 65, 500, 3000]),
    st.integers(1, 3),
)
def test_equals_lfilter_for_any_split(splits: list[int], n_taps: int, channels: int) -> None:
    """Streaming equals `scipy.signal.lfilter` on the whole signal to 1e-12 (CASES 14, 20)."""
    rng = np.random.default_rng(1)
    signal = rng.standard_normal((sum(splits), channels))
    taps = rng.standard_normal(n_taps) / np.sqrt(n_taps)
    filter_ = FIRFilter(taps, channels=channels)
    parts = np.split(signal, np.cumsum(splits)[:-1])
    joined = np.concatenate([filter_.process(part) for part in parts])
    expected = scipy_signal.lfilter(taps, 1.0, signal, axis=0) if len(signal) else signal
    np.testing.assert_allclose(joined, expected, rtol=0, atol=1e-12)


def test_long_blocks_with_long_filters_agree_too() -> None:
    """The FFT branch gives what the direct one gives."""
    rng = np.random.default_rng(2)
    signal, taps = rng.standard_normal(50_000), rng.standard_normal(4000) / 63
    whole = FIRFilter(taps).process(signal)
    np.testing.assert_allclose(whole, scipy_signal.lfilter(taps, 1.0, signal), rtol=0, atol=1e-12)


def test_matrix_mixes_inputs_into_outputs() -> None:
    """A matrix [output, input, taps] adds each input through its own response."""
    rng = np.random.default_rng(3)
    taps, signal = rng.standard_normal((3, 2, 30)), rng.standard_normal((200, 2))
    expected = [
        sum(scipy_signal.lfilter(taps[m, j], 1.0, signal[:, j]) for j in range(2)) for m in range(3)
    ]
    filter_ = FIRFilter(taps)
    joined = np.concatenate([filter_.process(signal[:77]), filter_.process(signal[77:])])
    np.testing.assert_allclose(joined, np.transpose(expected), rtol=0, atol=1e-12)
    assert filter_.channels == 2


def test_taps_can_be_exchanged_without_losing_history() -> None:
    """New taps act on the frames that came before the exchange."""
    filter_ = FIRFilter([1.0, 0.0, 0.0])
    filter_.process([1.0, 2.0, 3.0])
    filter_.taps = np.array([0.0, 0.0, 1.0])
    np.testing.assert_array_equal(filter_.process([4.0, 5.0]), [2.0, 3.0])
    np.testing.assert_array_equal(filter_.taps, [0.0, 0.0, 1.0])
    with pytest.raises(ParameterError, match=r"taps\.shape"):
        filter_.taps = np.ones(4)


@pytest.mark.parametrize(
    ("taps", "channels", "message"),
    [
        (np.zeros((2, 2)), 1, "taps.ndim=2 must be 1"),
        (np.zeros(0), 1, "taps.size=0"),
        ([np.nan], 1, "taps='NaN or Inf' must be finite"),
        ([1.0], 0, "channels=0 must be at least 1"),
        (np.zeros((1, 2, 4)), 3, "channels=3 must be 2"),
    ],
)
def test_bad_taps_are_refused(taps: object, channels: int, message: str) -> None:
    """Each wrong shape is refused in one line."""
    with pytest.raises(ParameterError, match=message):
        FIRFilter(taps, channels=channels)  # type: ignore[arg-type]
