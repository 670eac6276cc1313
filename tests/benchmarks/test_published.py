"""The published rows come out as published, so that the rows beside them can be trusted."""

from __future__ import annotations

import pytest

from benchmarks.data import available
from benchmarks.published.duct import NOISES, PUBLISHED, as_published, tuned

needs_bench_data = pytest.mark.skipif(not available(), reason="bench-data is not on this machine")


@needs_bench_data
@pytest.mark.parametrize("noise", NOISES)
def test_as_published(noise: str) -> None:
    """The published baseline gives the published figure to 0.1 dB."""
    assert as_published(noise) == pytest.approx(PUBLISHED["as_published"][noise], abs=0.1)


@needs_bench_data
@pytest.mark.parametrize("noise", NOISES)
def test_tuned(noise: str) -> None:
    """The tuned baseline on the physical plant gives the table's figure to 0.1 dB."""
    assert tuned(noise) == pytest.approx(PUBLISHED["tuned"][noise], abs=0.1)
