"""True levels."""

from __future__ import annotations

import numpy as np
import pytest

from antiphase.devices.rig import LevelRecord


def test_the_newest_second_counts() -> None:
    """20 dB of a second are 20 dB, whatever was before; a kept run knows its spans."""
    record = LevelRecord(1000, keep=True)
    noise = np.random.default_rng(1).standard_normal(100)
    assert record.nr_db == 0.0
    for k in range(30):
        record.take(noise, noise if k < 20 else 0.1 * noise, 0 * noise)
    assert record.nr_db == pytest.approx(20.0)
    assert record.window_nr_db(0, 2) == pytest.approx(0.0)
    assert len(record.drive) == len(record.sound) == len(record.disturbance) == 3000


def test_a_record_that_is_not_kept_does_not_grow() -> None:
    """Hours of it take the memory of a second."""
    record = LevelRecord(1000)
    for _ in range(100):
        record.take(np.ones(50), np.ones(50), np.ones(50))
    assert len(record.sound) <= 1050
