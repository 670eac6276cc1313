"""Controllers by name."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from antiphase.adaptive import Controller, FxNLMS, MultichannelModifiedFx
from antiphase.control import Guard
from antiphase.errors import FileFormatError, ParameterError
from antiphase.simulation.controllers import controller_names, make_controller
from antiphase.simulation.scenario import ControllerSettings

ONE = np.eye(1, 16)[None]
FOUR = np.random.default_rng(0).standard_normal((2, 2, 16))


class Mine:
    """A controller of a user's own, in plain Python."""

    def __init__(self, secondary_path_estimate: np.ndarray, gain: float) -> None:
        self.path, self.gain = secondary_path_estimate, gain


def make(kind: str, path: np.ndarray = ONE, **parameters: Any) -> Controller:  # noqa: ANN401
    guard = parameters.pop("guard", False)
    settings = ControllerSettings(kind=kind, n_taps=256, guard=guard, parameters=parameters)
    return make_controller(settings, path, 8000.0)


def test_every_name_offered_makes_a_controller() -> None:
    """Each class that a scenario can name is a controller once it has its parameters."""
    assert {"FxNLMS", "ModifiedFxAP", "MultichannelModifiedFx"} <= set(controller_names())
    for name in controller_names():
        parameters: dict[str, Any] = {"mu": 0.01} if name in ("FxLMS", "MultichannelFxLMS") else {}
        assert isinstance(make(name, **parameters), Controller), name


def test_parameters_arrive() -> None:
    """The class, its length and its channels are those of the settings and the estimate."""
    assert isinstance(make("FxNLMS", mu=0.1), FxNLMS)
    several = make("MultichannelModifiedFx", FOUR, mu=0.1)
    assert isinstance(several, MultichannelModifiedFx)
    assert np.shape(several.control_filter)[-1] == 256


def test_a_guard_goes_around_it() -> None:
    """With `guard` the controller sits in one."""
    assert isinstance(make("FxNLMS", guard=True), Guard)


def test_a_class_of_ones_own_is_found() -> None:
    """``module:Class`` names any importable class; it gets what its signature asks for."""
    mine = make(f"{Mine.__module__}:Mine", gain=2.0)
    assert type(mine).__name__ == "Mine"


@pytest.mark.parametrize(
    ("kind", "parameters", "message"),
    [
        ("fxnlms", {}, "did you mean 'FxNLMS'"),
        ("FxNLMS", {"mo": 1}, "did you mean 'mu'"),
        ("antiphase.adaptive:None_", {}, "can't load"),
        ("nowhere:Class", {}, "can't load"),
        ("FxLMS", {}, "mu is missing"),
    ],
)
def test_wrong_names_get_a_hint(kind: str, parameters: dict[str, Any], message: str) -> None:
    """A class or parameter that is not there is named with the nearest; so is one left out."""
    with pytest.raises(FileFormatError, match=message):
        make(kind, **parameters)


def test_values_are_checked_by_the_class() -> None:
    """A value outside its range gives the class's own message."""
    with pytest.raises(ParameterError, match=r"mu=5\.0"):
        make("FxNLMS", mu=5.0)
