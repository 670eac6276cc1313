"""Split control in the street, through the bytes of the protocol, in virtual time."""

from __future__ import annotations

import numpy as np
import pytest

from antiphase.acoustics import StreetScene, noise
from antiphase.control import SplitDevice, SplitSettings, SplitSolver
from antiphase.errors import ParameterError
from antiphase.metrics import fixed_filter_bound, noise_reduction_db
from antiphase.simulation import Plant, SteadyLink, moved_listener, run_split

FS = 8000
SCENE = StreetScene()
PATH = SCENE.secondary_path
ESTIMATE = PATH[:256]


def _pair(**settings: object) -> tuple[SplitDevice, SplitSolver]:
    device = SplitDevice(512, secondary_path_estimate=ESTIMATE, fs=FS)
    solver = SplitSolver(
        512,
        secondary_path_estimate=ESTIMATE,
        fs=FS,
        settings=SplitSettings(**settings),  # type: ignore[arg-type]
    )
    return device, solver


def test_a_remote_solver_is_within_3_db_of_the_bound_after_one_second() -> None:
    """Band noise, +5 ms, 100 ms blocks and round trip: the issue's first row, one seed."""
    heard = SCENE.signals(noise.make("band", 2.3, FS, 0))
    d = heard.disturbance + heard.ambient
    plant = Plant(reference=heard.reference, disturbance=d, secondary_path=PATH)
    device, solver = _pair()
    result = run_split(plant, device, solver, FS)
    bound = fixed_filter_bound(heard.reference, d, PATH, 512, start=FS).nr_db
    assert noise_reduction_db(d, result.error, start=FS) > bound - 3
    assert device.guard.mutes == 0
    assert result.bytes_up < 22 * 4900
    assert result.bytes_down < 22 * 2200


def test_a_moved_listener_is_followed() -> None:
    """20 cm, both paths new: silence for a moment, then 20 dB within a second."""
    move = moved_listener(SCENE, noise.make("band", 3.8, FS, 1), at_s=2.0, seed=1)
    size = max(len(move.secondary_path), len(move.moved_secondary_path))
    before, after = (
        np.pad(p, (0, size - len(p))) for p in (move.secondary_path, move.moved_secondary_path)
    )
    d = move.signals.disturbance + move.signals.ambient
    plant = Plant(
        reference=move.signals.reference,
        disturbance=d,
        secondary_path=before,
        secondary_path_changes=[(move.at, after, move.fade)],
    )
    device, solver = _pair()
    result = run_split(plant, device, solver, FS)
    assert solver.status.changes == 1
    assert noise_reduction_db(d, result.error, start=3 * FS) > 20
    assert noise_reduction_db(d, result.error, start=2 * FS, stop=3 * FS) > 0


def test_messages_that_never_arrive_leave_the_sound_as_it_is() -> None:
    """A device without a solver plays its quiet probe at most."""

    class Dead:
        def arrival_s(self, sent_s: float, size: int) -> None:
            assert size > 0
            assert sent_s >= 0

    heard = SCENE.signals(noise.make("band", 0.8, FS, 0))
    plant = Plant(reference=heard.reference, disturbance=heard.disturbance, secondary_path=PATH)
    result = run_split(plant, *_pair(), FS, up=SteadyLink(0.0), down=Dead())
    np.testing.assert_array_equal(result.error, heard.disturbance)


def test_bad_parameters_are_named() -> None:
    """A negative delay and a step of no time are refused."""
    with pytest.raises(ParameterError):
        SteadyLink(-1.0)
    plant = Plant(reference=np.ones(9), disturbance=np.ones(9), secondary_path=PATH)
    with pytest.raises(ParameterError):
        run_split(plant, *_pair(), FS, poll_s=0.0)
