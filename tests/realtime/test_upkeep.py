"""Each session's own share of the processor."""

from __future__ import annotations

from antiphase.realtime.upkeep import LoadGuard


def test_a_share_is_a_share() -> None:
    """Work below the share passes; above it the session rests, each time longer."""
    guard = LoadGuard(0.5)
    for k in range(300):
        assert not guard.spent(0.004, 0.01, 0.01 * k)
    assert guard.reason(3.0) is None
    for k in range(300, 450):
        guard.spent(0.008, 0.01, 0.01 * k)
    assert "80 % of a core" in str(guard.reason(4.5))
    assert guard.reason(16.0) is None
    guard.fault("again", 20.0)
    assert guard.reason(39.0) == "again"
    guard.forgive()
    assert guard.reason(39.0) is None


def test_a_frame_that_takes_longer_than_it_lasts_is_a_miss() -> None:
    """Ten milliseconds of sound must not take eleven."""
    guard = LoadGuard(2.0)
    assert guard.spent(0.011, 0.01, 0.0)
    assert not guard.spent(0.009, 0.01, 0.0)
