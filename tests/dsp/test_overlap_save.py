"""Partitioned convolution against scipy on the whole signal."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal as scipy_signal

from antiphase.dsp import FIRFilter, OverlapSave
from antiphase.errors import ParameterError


@settings(max_examples=40)
@given(
    st.lists(st.integers(0, 300), min_size=1, max_size=15),
    st.sampled_from([1, 31, 32, 33, 64, 700]),
    st.sampled_from([1, 8, 32]),
)
def test_equals_lfilter_for_any_split(splits: list[int], n_taps: int, block_size: int) -> None:
    """Without latency, whatever the partition, to 1e-12."""
    rng = np.random.default_rng(1)
    signal = rng.standard_normal((sum(splits), 2))
    taps = rng.standard_normal(n_taps) / np.sqrt(n_taps)
    filter_ = OverlapSave(taps, block_size, channels=2)
    pieces = np.split(signal, np.cumsum(splits)[:-1])
    joined = np.concatenate([filter_.process(piece) for piece in pieces])
    expected = scipy_signal.lfilter(taps, 1.0, signal, axis=0) if len(signal) else signal
    np.testing.assert_allclose(joined, expected, rtol=0, atol=1e-12)


def test_matrix_equals_the_direct_filter() -> None:
    """A matrix of long responses gives what `FIRFilter` gives."""
    rng = np.random.default_rng(2)
    taps, signal = rng.standard_normal((3, 2, 300)) / 17, rng.standard_normal((1000, 2))
    got = OverlapSave(taps, 64).process(signal)
    np.testing.assert_allclose(got, FIRFilter(taps).process(signal), rtol=0, atol=1e-12)


def test_first_tap_meets_the_newest_frame() -> None:
    """An impulse answers at once: latency 0."""
    filter_ = OverlapSave(np.arange(1.0, 101.0), 16)
    np.testing.assert_allclose(filter_.process([1.0]), [1.0])
    assert filter_.latency == 0
    assert filter_.block_size == 16


def test_bad_block_size_is_refused() -> None:
    """A partition needs a tap."""
    with pytest.raises(ParameterError, match="block_size=0"):
        OverlapSave(np.ones(4), 0)
