"""Late references: what is periodic is cancelled all the same."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import signal

from antiphase.control import predictive_controller
from antiphase.errors import ParameterError
from antiphase.metrics import noise_reduction_db
from antiphase.simulation import run_loop

FS = 8000
S = np.concatenate([np.zeros(16), [0.9, 0.3, -0.2]])
T = np.arange(4 * FS) / FS
HUM = sum(np.sin(2 * np.pi * 50 * h * T + h) / h for h in (1, 2, 3))
AMBIENT = 0.01 * np.random.default_rng(2).standard_normal(len(T))


@pytest.mark.parametrize("method", ["fir", "notch", "tacho", "error"])
def test_hum_is_cancelled_with_a_reference_40_ms_too_late(method: str) -> None:
    """Each method leaves less than a hundredth of the power in the last second."""
    late = 320
    angle = 2 * np.pi * 50 * T - 2 * np.pi * 50 * late / FS
    heard = signal.lfilter(np.eye(1, late + 1, late)[0], 1.0, HUM) + 0.1 * AMBIENT
    controller = predictive_controller(
        method,  # type: ignore[arg-type]
        FS,
        S,
        late_ms=40.0,
        n_taps=256,
        frequency_hz=None if method == "fir" else 50.0,
        harmonics=(1, 2, 3),
    )
    reference = np.mod(angle, 2 * np.pi) if method == "tacho" else heard
    error = run_loop(
        controller, reference=reference, disturbance=HUM + AMBIENT, secondary_path=S
    ).error
    assert noise_reduction_db(HUM, error, start=3 * FS) > 20


def test_what_is_missing_is_named() -> None:
    """No fundamental for oscillators, an unknown method, a reference that is early."""
    for bad in (
        {"method": "notch"},
        {"method": "magic"},
        {"method": "fir", "late_ms": -1.0},
    ):
        with pytest.raises(ParameterError):
            predictive_controller(fs=FS, secondary_path_estimate=S, **bad)
