"""A device's sample clock."""

from __future__ import annotations

import pytest

from antiphase.devices.rig import LiveClock
from antiphase.errors import ParameterError


def test_a_clock_counts_at_its_own_rate() -> None:
    """100 ppm of 8 kHz are 0.8 samples more in a second."""
    clock = LiveClock(8000, start=5.0, drift_ppm=100)
    assert clock.count(6.0) == pytest.approx(8000.8)
    assert clock.count(4.0) < 0


def test_a_drift_that_changes_leaves_the_count_continuous() -> None:
    """Times and counts are inverse to each other before, at and after the change."""
    clock = LiveClock(8000, start=5.0, drift_ppm=1000)
    clock.set_drift(-500, 7.0)
    for now in (5.5, 7.0, 9.25):
        assert clock.time_of(clock.count(now)) == pytest.approx(now, abs=1e-12)
    assert clock.count(8.0) - clock.count(7.0) == pytest.approx(8000 * (1 - 500e-6))


def test_time_does_not_run_backwards() -> None:
    """A change before an earlier one is refused."""
    clock = LiveClock(8000, start=5.0)
    clock.set_drift(10, 7.0)
    with pytest.raises(ParameterError, match="now"):
        clock.set_drift(0, 6.0)
