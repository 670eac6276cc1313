"""What all controllers around another one share."""

from __future__ import annotations

import numpy as np
import pytest

from antiphase.adaptive import Controller, FxLMS
from antiphase.adaptive.seam import NativeController
from antiphase.control import (
    FeedbackController,
    FixedController,
    Guard,
    HybridController,
    NeutralisedController,
    VirtualSensingController,
)
from antiphase.control.wrapped import as_path
from antiphase.errors import ParameterError, SignalError, StateError
from antiphase.simulation import run_loop
from tests.controllers import PythonFxLMS


def test_a_controller_of_other_channels_is_refused() -> None:
    """The message names the channels that the paths have."""
    with pytest.raises(ParameterError, match="controller loudspeakers=1 must be 2"):
        Guard(FixedController([1.0]), fs=8000, secondary_path_estimate=np.ones((1, 2, 4)))


@pytest.mark.parametrize("path", [np.zeros((2, 3)), np.zeros((1, 1, 0)), [np.inf]])
def test_paths_of_another_shape_are_refused(path: object) -> None:
    """A path is (taps,) or (outputs, inputs, taps) and finite."""
    with pytest.raises(SignalError, match="path"):
        as_path("path", path, np.float64)  # type: ignore[arg-type]


def test_anything_without_the_seam_is_refused() -> None:
    """An object that is no controller is named."""
    with pytest.raises(ParameterError, match="process, reset, latency"):
        Guard(object(), fs=8000)  # type: ignore[arg-type]


def test_python_controllers_nest_as_native_ones_do() -> None:
    """A rule in plain Python in a guard: seam, filter, state; a foreign state is refused."""
    s = np.array([0.0, 1.0, 0.5])
    rng = np.random.default_rng(0)
    x = rng.standard_normal(500)
    guard = Guard(PythonFxLMS(8, s, 1e-2), fs=8000, secondary_path_estimate=s)
    assert isinstance(guard, Controller)
    run_loop(guard, reference=x, disturbance=x, secondary_path=s)
    other = Guard(PythonFxLMS(8, s, 1e-2), fs=8000, secondary_path_estimate=s)
    other.load_state(guard.state())
    np.testing.assert_array_equal(other.control_filter, guard.control_filter)
    np.testing.assert_array_equal(other.process(x, x), guard.process(x, x))
    with pytest.raises(StateError, match=r"cut short|not of a|expected"):
        other.load_state(FixedController([1.0]).state())


def test_nested_structures_run_natively() -> None:
    """A guard in a feedback structure is one native object for the loop."""
    s = np.array([0.0, 1.0, 0.5], dtype=np.float32)
    inner = Guard(FixedController([0.1]), fs=8000, secondary_path_estimate=s)
    outer = FeedbackController(inner, s)
    x = np.random.default_rng(1).standard_normal(200)
    result = run_loop(outer, reference=np.zeros(200), disturbance=x, secondary_path=s)
    assert np.any(result.drive != 0)
    assert inner.status.frames == 192


def structures() -> dict[str, NativeController]:
    """Make each structure around a leaky rule, whose weights shrink for ever in silence."""
    s = np.array([0.0, 1.0, 0.5])

    def leaky() -> FxLMS:
        return FxLMS(32, s, 1e-2, leakage=0.9)

    return {
        "guard": Guard(leaky(), fs=8000, secondary_path_estimate=s, limit=1.0, gate_db=None),
        "feedback": FeedbackController(leaky(), s),
        "hybrid": HybridController(leaky(), leaky(), s),
        "neutralised": NeutralisedController(leaky(), [0.0, 0.1]),
        "virtual": VirtualSensingController(
            leaky(), physical_path_estimate=s, virtual_path_estimate=s, observation=[1.0]
        ),
    }


@pytest.mark.parametrize("name", list(structures()))
def test_silence_leaves_no_denormals(name: str) -> None:
    """Long after the sound ended, drive and weights are zero or normal numbers (CASES 17)."""
    controller = structures()[name]
    rng = np.random.default_rng(2)
    x = rng.standard_normal(2000).astype(np.float32)
    controller.process(x, 0.5 * x)
    fading = (x * np.exp(-np.arange(2000) / 20)).astype(np.float32)
    silence = np.zeros(20000, np.float32)
    controller.process(fading, fading)
    controller.process(silence, silence)
    drive = controller.process(silence, silence)
    tiny = np.finfo(np.float32).tiny
    for values in (drive, controller.control_filter):
        assert not np.any((values != 0) & (np.abs(values) < tiny))
    assert not np.any(drive)
