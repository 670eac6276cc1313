"""Counting of what was heard."""

from __future__ import annotations

import pytest

from benchmarks.infra_callers import Session


def test_the_longest_gap_counts_both_ends() -> None:
    """Silence before the first frame, between frames and after the last one counts."""
    session = Session("a", ["ws://127.0.0.1:1"])
    session.listener.heard = [0.5, 2.0, 2.5, 6.0, 6.1]
    assert session.longest_gap_s(1.0, 7.0) == pytest.approx(3.5)
    assert session.longest_gap_s(6.05, 9.0) == pytest.approx(2.9)
    assert session.longest_gap_s(10.0, 30.0) == pytest.approx(20.0)
