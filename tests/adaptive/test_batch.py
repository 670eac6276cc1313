"""Batches give what their filters give one by one."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from antiphase.adaptive import FilterBatch, FxNLMS, MultichannelFxLMS, NLMSFilter
from antiphase.errors import ParameterError, SignalError


def test_equals_one_by_one() -> None:
    """Each session's residual is that of its own filter, over several calls."""
    x, d = np.random.default_rng(0).standard_normal((2, 5, 300)).astype(np.float32)
    batch = FilterBatch([NLMSFilter(8 + k, 0.5) for k in range(5)])
    alone = [NLMSFilter(8 + k, 0.5) for k in range(5)]
    for part in (slice(0, 96), slice(96, 104), slice(104, 300)):
        together = batch.process(x[:, part].copy(), d[:, part].copy())
        for k, filter_ in enumerate(alone):
            np.testing.assert_array_equal(together[k], filter_.process(x[k, part], d[k, part]))


def test_controllers_of_several_channels() -> None:
    """Controllers batch too, and keep the order of frames and channels."""
    paths = np.random.default_rng(1).standard_normal((2, 2, 6))
    x, e = np.random.default_rng(0).standard_normal((2, 3, 100, 2)).astype(np.float32)

    def make() -> MultichannelFxLMS:
        return MultichannelFxLMS(8, paths, 1e-3, references=2)

    together = FilterBatch([make() for _ in range(3)]).process(x, e)
    for k in range(3):
        np.testing.assert_array_equal(together[k], make().process(x[k], e[k]))


def test_out_is_filled_in_place() -> None:
    """A caller's array takes the results."""
    x, e = np.random.default_rng(0).standard_normal((2, 2, 64)).astype(np.float32)
    out = np.empty((2, 64), np.float32)
    batch = FilterBatch([FxNLMS(8, [1.0]) for _ in range(2)])
    assert batch.process(x, e, out) is out
    assert np.abs(out).max() > 0


def test_threads_run_batches_of_their_own() -> None:
    """Two threads give what one after the other gives."""
    x, d = np.random.default_rng(0).standard_normal((2, 20, 4800)).astype(np.float32)
    batches = [FilterBatch([NLMSFilter(64) for _ in range(20)]) for _ in range(3)]
    results = [np.empty_like(x) for _ in range(3)]
    threads = [
        threading.Thread(target=batch.process, args=(x, d, out))
        for batch, out in zip(batches[:2], results, strict=False)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    batches[2].process(x, d, results[2])
    np.testing.assert_array_equal(results[0], results[2])
    np.testing.assert_array_equal(results[1], results[2])


def test_unfit_filters_are_refused() -> None:
    """None, the same twice, and mixed number types are refused in words."""
    one = NLMSFilter(8)
    wide = MultichannelFxLMS(8, np.ones((2, 2, 3)), 1e-3)
    for filters, message in (
        ([], "at least one"),
        ([FxNLMS(8, [1.0]), wide], "same channels"),
        ([one, one], "all different"),
        ([one, NLMSFilter(8, dtype=np.float64)], "one number type"),
    ):
        with pytest.raises(ParameterError, match=message):
            FilterBatch(filters)


def test_unfit_signals_are_refused() -> None:
    """Sessions, frames and channels must fit the filters."""
    batch = FilterBatch([NLMSFilter(8), NLMSFilter(8)])
    x = np.zeros((2, 10), np.float32)
    for shape in ((3, 10), (2, 9), (10,), (2, 10, 2)):
        with pytest.raises(SignalError):
            batch.process(x, np.zeros(shape, np.float32))
    with pytest.raises(SignalError, match="out"):
        batch.process(x, x, np.zeros((2, 9), np.float32))
