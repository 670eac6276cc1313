"""Prediction when the reference is late."""

from __future__ import annotations

import numpy as np

from .engine_loop import FS, LEAD, EngineLoop, paths


def test_hum_is_cancelled_however_late_it_is_heard() -> None:
    """Lines of 100 … 400 Hz, 10 ms too late: more than 20 dB all the same."""
    rng = np.random.default_rng(1)
    t = np.arange(10 * FS) / FS
    hum = 0.05 * sum(np.sin(2 * np.pi * 100 * k * t + k) for k in range(1, 5))
    source = hum + 1e-3 * rng.standard_normal(len(t))
    loop = EngineLoop(source, noise=0.02)
    late = np.concatenate([np.zeros(2 * LEAD), source[: -2 * LEAD]])
    loop.plant = type(loop.plant)(
        reference=late, disturbance=loop.disturbance, secondary_path=paths()[1]
    )
    loop.run(9)
    assert loop.engine.mode == "predictive"
    assert loop.reduction_db(2) > 20
