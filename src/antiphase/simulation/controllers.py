"""Controllers by name, with their parameters checked against the class."""

from __future__ import annotations

import importlib
import inspect
from typing import Any

import numpy as np
import numpy.typing as npt

from antiphase import adaptive
from antiphase.adaptive import Controller
from antiphase.control import Guard
from antiphase.errors import FileFormatError
from antiphase.simulation.scenario import ControllerSettings
from antiphase.tables import nearest

__all__ = ["controller_names", "make_controller"]

GIVEN = {"secondary_path_estimate", "n_taps", "fs", "self"}


def controller_names() -> list[str]:
    """Return the names of all controller classes that a scenario can name."""
    return sorted(_classes())


def make_controller(
    settings: ControllerSettings,
    secondary_path_estimate: npt.NDArray[np.float64],
    fs: float,
    *,
    path_error_db: float = -30.0,
) -> Controller:
    """Return the controller that a scenario asks for.

    Parameters
    ----------
    settings : ControllerSettings
        Class, length, parameters.
    secondary_path_estimate : ndarray, shape (microphones, loudspeakers, taps)
        Ŝ; given to a single-channel class as (taps,).
    fs : float
        Control rate in Hz.
    path_error_db : float
        Error of the estimate that its measurement reported, ≤ 0; for classes that ask for it.

    Raises
    ------
    FileFormatError
        If there is no such class or it has no such parameter.
    ParameterError
        If a parameter is out of its range.
    """
    cls = _find(settings.kind)
    accepted = inspect.signature(cls).parameters
    for key in settings.parameters:
        if key not in accepted:
            hint = nearest(key, set(accepted) - GIVEN)
            raise FileFormatError(f"{settings.kind} has no parameter {key}; {hint}")
    for name, parameter in accepted.items():
        required = (
            parameter.default is parameter.empty and parameter.kind is not parameter.VAR_KEYWORD
        )
        if required and name not in GIVEN and name not in settings.parameters:
            raise FileFormatError(f"controller.{name} is missing: {settings.kind} needs it")
    single = secondary_path_estimate.shape[:2] == (1, 1)
    estimate = secondary_path_estimate[0, 0] if single else secondary_path_estimate
    given = {
        "secondary_path_estimate": estimate,
        "n_taps": settings.n_taps,
        "fs": fs,
        "path_error_db": min(path_error_db, 0.0),
        **settings.parameters,
    }
    arguments = {key: value for key, value in given.items() if key in accepted}
    controller: Controller = cls(**arguments)
    if not settings.guard:
        return controller
    return Guard(controller, fs=fs, secondary_path_estimate=estimate)


def _classes() -> dict[str, Any]:
    """Return the classes that can be made from a secondary-path estimate and a length."""
    found = {}
    for name in adaptive.__all__:
        item = getattr(adaptive, name)
        acts = inspect.isclass(item) and hasattr(item, "process")
        if acts and {"secondary_path_estimate", "n_taps"} <= _parameters(item):
            found[name] = item
    # A class that others build on is not one to choose.
    bases = {base for cls in found.values() for base in cls.__mro__[1:]}
    return {name: cls for name, cls in found.items() if cls not in bases}


def _parameters(cls: type) -> set[str]:
    try:
        return set(inspect.signature(cls).parameters)
    except ValueError:
        return set()


def _find(kind: str) -> Any:  # noqa: ANN401 - any class with the seam's methods
    if ":" in kind:
        module, _, name = kind.partition(":")
        try:
            return getattr(importlib.import_module(module), name)
        except (ImportError, AttributeError) as error:
            raise FileFormatError(f"controller.kind: can't load {kind}: {error}") from error
    classes = _classes()
    if kind not in classes:
        raise FileFormatError(f"controller.kind is {kind!r}; {nearest(kind, classes)}")
    return classes[kind]
