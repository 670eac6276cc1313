"""Array types and the one place where signals are checked on their way in."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from antiphase.errors import SignalError

__all__ = ["FloatType", "Signal", "as_signal"]

FloatType = type[np.float32] | type[np.float64]
Signal = npt.NDArray[np.floating[Any]]


def as_signal(
    name: str, value: npt.ArrayLike, *, channels: int | None = None, finite: bool = True
) -> npt.NDArray[np.float64]:
    """Return `value` as float64 frames.

    Parameters
    ----------
    name : str
        The signal's name, for messages.
    value : array_like, shape (n,) or (n, channels)
        Frames first.
    channels : int, optional
        The number of channels asked for; 1 gives shape (n,). None keeps what came.
    finite : bool
        Refuse NaN and Inf.

    Returns
    -------
    ndarray of float64
        Shape (n,) or (n, channels), C-contiguous.

    Raises
    ------
    SignalError
        If the shape or the content does not fit.
    """
    signal = np.asarray(value, dtype=np.float64, order="C")
    if signal.ndim == 0 or signal.ndim > 2:
        raise SignalError(f"{name} has {signal.ndim} dimensions but must be (n,) or (n, channels)")
    if channels == 1 and signal.ndim == 2 and signal.shape[1] == 1:
        signal = signal[:, 0]
    if channels is not None:
        have = 1 if signal.ndim == 1 else signal.shape[1]
        if have != channels or (channels > 1 and signal.ndim == 1):
            raise SignalError(f"{name} has {have} channels but must have {channels}")
    if finite and not np.isfinite(signal).all():
        raise SignalError(f"{name} holds NaN or Inf; remove them or pass it through the guard")
    return signal
