"""The bound now and then; each session's own share of the processor."""

from __future__ import annotations

import numpy as np
import pytest

from antiphase.realtime.load import InlinePool
from antiphase.realtime.meter import Meter
from antiphase.realtime.roster import Device
from antiphase.realtime.upkeep import BoundKeeper, LoadGuard

from .engine_loop import FS, paths, speaker


def test_the_bound_is_that_of_the_noise_floor() -> None:
    """White noise with a floor 20 dB below gives 20 dB, once there are six seconds."""
    rng = np.random.default_rng(1)
    primary, secondary = paths()
    x = rng.standard_normal(7 * FS)
    d = np.convolve(x, primary)[: len(x)]
    d += 0.1 * np.std(d) * rng.standard_normal(len(d))
    meter = Meter(FS, secondary)
    keeper = BoundKeeper(InlinePool(), meter)
    device = Device("d", speaker(secondary))
    for start in range(0, len(x), 800):
        part = slice(start, start + 800)
        meter.take(x[part], np.zeros(800), d[part])
        keeper.tick(device, start / FS)
        keeper.tick(None, start / FS)
    assert meter.bound_db == pytest.approx(20, abs=1.5)


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
