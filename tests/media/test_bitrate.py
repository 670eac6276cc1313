"""Bitrate follows reported loss within its limits."""

from __future__ import annotations

import pytest

from antiphase.errors import ParameterError
from antiphase.media.bitrate import BitrateController, BitrateLimits


def test_loss_lowers_and_its_absence_raises_the_rate() -> None:
    """20 % loss takes a tenth off a second; without loss the rate climbs to the maximum."""
    rate = BitrateController(BitrateLimits(16000, 96000), 64000)
    assert rate.report(round(0.2 * 256), 0.0) == pytest.approx(57600, rel=0.01)
    for second in range(1, 30):
        rate.report(0, float(second))
    assert rate.bitrate == 96000


def test_heavy_loss_stops_at_the_minimum() -> None:
    """Nothing goes below the set floor."""
    rate = BitrateController(BitrateLimits(16000, 96000), 64000)
    for second in range(30):
        rate.report(255, float(second))
    assert rate.bitrate == 16000


def test_moderate_loss_leaves_the_rate() -> None:
    """Between 2 and 10 % nothing moves."""
    rate = BitrateController(BitrateLimits(), 64000)
    assert rate.report(round(0.05 * 256), 0.0) == 64000


def test_reports_in_one_second_count_once() -> None:
    """A burst of reports is one step, not many."""
    rate = BitrateController(BitrateLimits(), 64000)
    first = rate.report(128, 0.0)
    assert rate.report(128, 0.5) == first


def test_the_receivers_estimate_is_a_ceiling() -> None:
    """REMB caps the rate at once, never below the minimum."""
    rate = BitrateController(BitrateLimits(), 64000)
    assert rate.cap(40000) == 40000
    assert rate.report(0, 0.0) == 40000
    assert rate.cap(1000) == 16000


@pytest.mark.parametrize("limits", [(1000, 96000), (96000, 64000), (16000, 600000)])
def test_limits_in_the_wrong_order_are_refused(limits: tuple[int, int]) -> None:
    """Minimum and maximum must ascend within what Opus has."""
    with pytest.raises(ParameterError, match="minimum ≤ maximum"):
        BitrateLimits(*limits)
