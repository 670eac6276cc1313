"""A control filter that does not adapt."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from antiphase.adaptive.seam import NativeController, native_class
from antiphase.errors import SignalError

__all__ = ["FixedController"]


class FixedController(NativeController):
    """A fixed control filter: ``y_k[n] = Σ_j (w_kj ∗ x_j)[n]``; the error is not used.

    Parameters
    ----------
    control_filter : array_like, shape (taps,) or (loudspeakers, references, taps)
        w, with the inversion in it: the drive is played as it is.
    errors : int
        Error microphones of the plant (their signals are taken and not used).
    dtype : {float32, float64}
        Number type of the kernel.

    Raises
    ------
    SignalError
        If the filter is empty or of another shape.
    ParameterError
        If `dtype` is another one.

    Notes
    -----
    Stable on any plant without acoustic feedback. `reset` clears the history and keeps the filter.
    """

    def __init__(
        self,
        control_filter: npt.ArrayLike,
        *,
        errors: int = 1,
        dtype: npt.DTypeLike = np.float32,
    ) -> None:
        taps = np.asarray(control_filter, dtype=dtype)
        if taps.ndim not in (1, 3) or taps.size == 0:
            raise SignalError(
                f"control_filter has the shape {taps.shape} but must be (taps,) or "
                "(loudspeakers, references, taps)"
            )
        loudspeakers, references = taps.shape[:2] if taps.ndim == 3 else (1, 1)
        core = native_class("FixedFilter", dtype)(references, loudspeakers, errors, taps.shape[-1])
        super().__init__(core, dtype)
        self.control_filter = taps
