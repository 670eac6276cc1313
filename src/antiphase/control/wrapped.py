"""What the controllers have in common that work around another controller."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from antiphase.adaptive import Controller
from antiphase.adaptive.seam import NativeController, native_class, native_core
from antiphase.arrays import FloatType, Signal
from antiphase.errors import ParameterError, SignalError

__all__ = ["WrappedController", "as_path", "nest", "nested_core", "number_type"]


class WrappedController(NativeController):
    """A native structure around another controller, whose control filter it shows as its own."""

    def __init__(self, core: Any, controller: Controller, dtype: npt.DTypeLike) -> None:  # noqa: ANN401
        super().__init__(core, dtype)
        self._controller = controller

    @property
    def controller(self) -> Controller:
        """The controller inside."""
        return self._controller

    @property
    def control_filter(self) -> Signal:
        """The control filter of the controller inside; assign to set it."""
        taps: Signal = self._inner_filter().control_filter
        return taps

    @control_filter.setter
    def control_filter(self, taps: npt.ArrayLike) -> None:
        self._inner_filter().control_filter = np.asarray(taps, dtype=self._dtype)

    def _inner_filter(self) -> Any:  # noqa: ANN401 - any object that has a control_filter
        if not hasattr(self._controller, "control_filter"):
            raise AttributeError(f"{type(self._controller).__name__} has no control_filter")
        return self._controller


def nest(kind: str, dtype: npt.DTypeLike, inner: tuple[Any, ...], *parameters: object) -> Any:  # noqa: ANN401
    """Make a native structure around native controllers.

    The structure refers to them in an attribute, which keeps them alive and lets the cycle
    collector see them.

    Parameters
    ----------
    kind : str
        Name of the native class.
    dtype : {float32, float64}
    inner : tuple of object
        What `nested_core` returned, the first parameters of the class.
    *parameters : object
        The others.

    Returns
    -------
    object
    """
    core = native_class(kind, dtype)(*inner, *parameters)
    core.nested = inner
    return core


def number_type(controller: Controller) -> FloatType:
    """Return the number type of a controller; float64 for one in Python that names none."""
    kind: FloatType = getattr(controller, "dtype", np.float64)
    return kind


def as_path(name: str, path: npt.ArrayLike, dtype: npt.DTypeLike) -> Signal:
    """Return a path as (outputs, inputs, taps).

    Parameters
    ----------
    name : str
        The path's name, for messages.
    path : array_like, shape (taps,) or (outputs, inputs, taps)
    dtype : {float32, float64}

    Returns
    -------
    ndarray, shape (outputs, inputs, taps)

    Raises
    ------
    SignalError
        If the shape is another one or a value is not finite.
    """
    taps: Signal = np.asarray(path, dtype=dtype)
    if taps.ndim == 1:
        taps = taps[None, None, :]
    if taps.ndim != 3 or 0 in taps.shape:
        raise SignalError(
            f"{name} has the shape {np.shape(path)} but must be (taps,) or (outputs, inputs, taps)"
        )
    if not np.isfinite(taps).all():
        raise SignalError(f"{name} holds NaN or Inf")
    return np.ascontiguousarray(taps)


def nested_core(
    controller: Controller,
    *,
    loudspeakers: int | None = None,
    errors: int | None = None,
    references: int | None = None,
    dtype: npt.DTypeLike | None = None,
) -> Any:  # noqa: ANN401 - one of the native Controller classes
    """Return `controller` as a native object to nest in another.

    Parameters
    ----------
    controller : Controller
    loudspeakers, errors, references : int, optional
        Channels asked for. None: those the controller has; 1 for one in Python.
    dtype : {float32, float64}, optional
        Number type asked for; None takes the controller's.

    Returns
    -------
    object

    Raises
    ------
    ParameterError
        If the controller has other channels or another number type.
    """
    wanted = {"references": references, "loudspeakers": loudspeakers, "errors": errors}
    core = controller.core if isinstance(controller, NativeController) else None
    channels: dict[str, int] = {}
    for name, want in wanted.items():
        have = getattr(core, name, None)
        if want is not None and have is not None and want != have:
            raise ParameterError(f"controller {name}", have, f"{want}, as the paths have")
        channels[name] = want if want is not None else (have if have is not None else 1)
    return native_core(
        controller,
        references=channels["references"],
        loudspeakers=channels["loudspeakers"],
        errors=channels["errors"],
        dtype=dtype,
    )
