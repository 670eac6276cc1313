"""Least squares do no harm: late, unrelated and vouched references leave the sound as it was."""

from __future__ import annotations

import numpy as np
from scipy import signal

from antiphase.adaptive import LeastSquaresController
from antiphase.metrics import noise_reduction_db
from antiphase.simulation import run_loop

FS = 8000
PATH = np.concatenate([np.zeros(3), 0.6 ** np.arange(12)])
PRIMARY = np.concatenate([np.zeros(9), np.random.default_rng(7).standard_normal(24)])
PRIMARY[9:] *= 0.85 ** np.arange(24)


def small() -> LeastSquaresController:
    return LeastSquaresController(32, secondary_path_estimate=PATH, fs=FS, dtype=np.float64)


def test_a_late_reference_does_no_harm_at_the_start() -> None:
    """Tones 40 ms late: while the filter still foretells badly nothing louder is let out."""
    n, fs = 3 * FS, FS
    t = np.arange(n + 320) / fs
    hum = sum(np.sin(2 * np.pi * 100 * k * t + k) / k for k in range(1, 7))
    hum = hum + 0.03 * np.random.default_rng(5).standard_normal(len(t))
    reference, disturbance = hum[:n], hum[320 : n + 320]
    path = np.zeros(60)
    path[40] = 0.8
    controller = LeastSquaresController(512, secondary_path_estimate=path, fs=fs)
    run = run_loop(controller, reference=reference, disturbance=disturbance, secondary_path=path)
    tenths = np.square([run.error, disturbance]).reshape(2, -1, fs // 10).mean(axis=2)
    assert np.all(tenths[0] < 1.26 * tenths[1])
    assert noise_reduction_db(disturbance, run.error, start=2 * fs) > 20
    assert controller.helping


def test_a_source_that_the_reference_does_not_hear_stays_as_it_was() -> None:
    """With an unrelated reference the drive stays muted but for moments: within 0.2 dB."""
    x, d = np.random.default_rng(6).standard_normal((2, 2 * FS))
    run = run_loop(small(), reference=x, disturbance=d, secondary_path=PATH)
    assert noise_reduction_db(d, run.error) > -0.2


def test_a_vouched_filter_that_harms_is_muted() -> None:
    """An assigned filter plays at once and stops when it is seen to make things louder."""
    x = np.random.default_rng(1).standard_normal(FS)
    d = signal.lfilter(PRIMARY, 1.0, x)
    controller = small()
    controller.control_filter = 3.0 * np.eye(1, 32)[0]
    controller.adapting = False
    run = run_loop(controller, reference=x, disturbance=d, secondary_path=PATH)
    assert np.any(run.drive[:20] != 0)
    assert not controller.helping
    np.testing.assert_array_equal(run.drive[-FS // 2 :], 0)
