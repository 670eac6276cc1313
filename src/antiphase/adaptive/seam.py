"""The two seams of every filter, and what the wrappers of native kernels share.

A `Controller` makes a drive from reference and error (sign: e = d + s∗y). A `Canceller` takes the
part of the primary that the reference explains away (residual = primary − w∗reference). Anything
with these methods fits, native or plain Python.
"""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from antiphase import _native
from antiphase.arrays import FloatType, Signal
from antiphase.errors import ParameterError, require

__all__ = [
    "Canceller",
    "Controller",
    "NativeCanceller",
    "NativeController",
    "native_class",
    "native_core",
]


@runtime_checkable
class Controller(Protocol):
    """Reference and error in, drive out; the same result for any split into blocks."""

    @property
    def latency(self) -> int:
        """Samples by which the drive lags that of a sample-by-sample controller."""

    def process(self, reference: Signal, error: Signal, out: Signal | None = None) -> Signal:
        """Adapt with the error, take in the reference, return the drive.

        Parameters
        ----------
        reference : ndarray, shape (n,) or (n, references)
        error : ndarray, shape (n,) or (n, errors)
            ``error[k]`` is the newest error known when frame k is due: of frame
            k − 1 − error_delay, counted from the first frame of the call.
        out : ndarray, shape (n,) or (n, loudspeakers), optional
            Where to write the drive.

        Returns
        -------
        ndarray, shape (n,) or (n, loudspeakers)
            The drive, to be played as it is.
        """

    def reset(self) -> None:
        """Forget everything learnt and all history."""

    def state(self) -> bytes:
        """Everything that `load_state` needs to go on from here."""

    def load_state(self, state: bytes) -> None:
        """Take over a saved state; `StateError` (and no change) if it does not fit."""


@runtime_checkable
class Canceller(Protocol):
    """Reference and primary in, residual out; the same result for any split into blocks."""

    @property
    def latency(self) -> int:
        """Samples by which the residual lags the primary."""

    def process(self, reference: Signal, primary: Signal, out: Signal | None = None) -> Signal:
        """Return the primary without what the reference explains; all of shape (n,)."""

    def reset(self) -> None:
        """Forget everything learnt and all history."""

    def state(self) -> bytes:
        """Everything that `load_state` needs to go on from here."""

    def load_state(self, state: bytes) -> None:
        """Take over a saved state; `StateError` (and no change) if it does not fit."""


def native_class(name: str, dtype: npt.DTypeLike) -> Any:  # noqa: ANN401 - resolved at run time
    """Return the kernel class `name` for float32 or float64.

    Raises
    ------
    ParameterError
        If `dtype` is anything else.
    """
    kind = np.dtype(dtype)
    require(
        kind in (np.dtype(np.float32), np.dtype(np.float64)), "dtype", kind, "float32 or float64"
    )
    return getattr(_native, f"{name}F{8 * kind.itemsize}")


def native_core(
    controller: Controller,
    *,
    references: int,
    loudspeakers: int,
    errors: int,
    dtype: npt.DTypeLike | None = None,
) -> Any:  # noqa: ANN401 - one of the native Controller classes
    """Return `controller` as a native object, for native code that drives or wraps it.

    The wrappers of this package give their own kernel; any other object with the seam's methods is
    put behind an adapter that calls them.

    Parameters
    ----------
    controller : Controller
    references, loudspeakers, errors : int
        Channels that the caller will use.
    dtype : {float32, float64}, optional
        Number type asked for. None: that of the kernel; float64 for a controller in Python.

    Returns
    -------
    object
        A native ``ControllerF32`` or ``ControllerF64``.

    Raises
    ------
    ParameterError
        If the object is no controller, or has other channels or another number type.
    """
    need = (references, loudspeakers, errors)
    if isinstance(controller, NativeController):
        core = controller.core
        if dtype is not None:
            require(
                np.dtype(dtype) == np.dtype(controller.dtype),
                "dtype",
                np.dtype(controller.dtype).name,
                f"{np.dtype(dtype).name} in all controllers that work together",
            )
        have = (core.references, core.loudspeakers, core.errors)
        if have != need:
            raise ParameterError("controller", have, f"for {need} references, loudspeakers, errors")
        return core
    rule = "an object with process, reset, latency, state and load_state"
    require(isinstance(controller, Controller), "controller", controller, rule)
    kind = getattr(controller, "dtype", np.float64) if dtype is None else dtype
    adapter = native_class("PythonController", kind)(controller, *need)
    adapter.nested = controller
    return adapter


class _Native:
    """A kernel and its number type."""

    def __init__(self, core: Any, dtype: npt.DTypeLike) -> None:  # noqa: ANN401
        self._core = core
        self._dtype: FloatType = np.float64 if np.dtype(dtype) == np.float64 else np.float32

    @property
    def core(self) -> Any:  # noqa: ANN401
        """The native kernel, for native code that drives or wraps it (see `native_core`)."""
        return self._core

    @property
    def dtype(self) -> FloatType:
        """The number type of the kernel; other input is converted."""
        return self._dtype

    @property
    def latency(self) -> int:
        """Samples by which the output lags that of a sample-by-sample filter."""
        return int(self._core.latency)

    @property
    def adapting(self) -> bool:
        """False freezes the weights while filtering goes on."""
        return bool(self._core.adapting)

    @adapting.setter
    def adapting(self, on: bool) -> None:
        self._core.adapting = on

    @property
    def rejected(self) -> int:
        """Number of NaN or infinite input samples taken as 0 so far."""
        return int(self._core.rejected)

    def reset(self) -> None:
        """Forget everything learnt and all history."""
        self._core.reset()

    def state(self) -> bytes:
        """Return everything that `load_state` needs to go on from here."""
        return bytes(self._core.state())

    def load_state(self, state: bytes) -> None:
        """Take over a saved state.

        Raises
        ------
        StateError
            If it is of another class, length or number type; nothing is changed then.
        """
        self._core.load_state(state)

    @property
    def control_filter(self) -> Signal:
        """The control filter w as an impulse response; assign to set it."""
        taps: Signal = self._core.control_filter
        return taps

    @control_filter.setter
    def control_filter(self, taps: npt.ArrayLike) -> None:
        self._core.control_filter = np.asarray(taps, dtype=self._dtype)


class NativeController(_Native):
    """Base of the controllers whose loop is a native kernel."""

    def process(self, reference: Signal, error: Signal, out: Signal | None = None) -> Signal:
        """Adapt with the error, take in the reference, return the drive (see `Controller`).

        Raises
        ------
        SignalError
            If shapes or lengths do not fit.
        """
        drive: Signal = self._core.process(reference, error, out)
        return drive


class NativeCanceller(_Native):
    """Base of the cancellers whose loop is a native kernel."""

    def process(self, reference: Signal, primary: Signal, out: Signal | None = None) -> Signal:
        """Return the primary without what the reference explains (see `Canceller`).

        Raises
        ------
        SignalError
            If shapes or lengths do not fit.
        """
        residual: Signal = self._core.process(reference, primary, out)
        return residual
