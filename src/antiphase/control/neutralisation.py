"""Acoustic-feedback neutralisation: takes the loudspeakers out of the reference microphones."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from antiphase.adaptive import Controller
from antiphase.control.wrapped import WrappedController, as_path, nest, nested_core, number_type
from antiphase.errors import ParameterError

__all__ = ["NeutralisedController"]


class NeutralisedController(WrappedController):
    """Gives a controller the reference without the drive's own sound: ``x′ = x − f̂∗y``.

    Parameters
    ----------
    controller : Controller
        Native or Python; a `Guard` may be inside, so that y is what is played.
    feedback_path_estimate : array_like, shape (taps,) or (references, loudspeakers, taps)
        f̂, drive → reference microphone. The first tap must be 0: the reference of a sample is
        heard before its drive is known.
    errors : int, optional
        Error microphones of a controller in Python.

    Raises
    ------
    ParameterError
        If f̂ has no delay, or the controller has other channels.
    SignalError
        If f̂ has another shape.

    Notes
    -----
    The loop drive → reference → drive has the gain ``W·(F − F̂)``: stable while it is below 1 at
    each frequency, exact where F̂ = F.

    References
    ----------
    Warnaka, Poole & Tichy (1984), Active acoustic attenuators (US patent 4473906). Kuo & Morgan
    (1996), Active Noise Control Systems, ch. 3.
    """

    def __init__(
        self,
        controller: Controller,
        feedback_path_estimate: npt.ArrayLike,
        *,
        errors: int | None = None,
    ) -> None:
        dtype = number_type(controller)
        path = as_path("feedback_path_estimate", feedback_path_estimate, dtype)
        first = float(np.abs(path[:, :, 0]).max())
        if first != 0.0:
            raise ParameterError(
                "feedback_path_estimate[..., 0]", first, "0: sound needs at least one sample"
            )
        inner = nested_core(
            controller, references=path.shape[0], loudspeakers=path.shape[1], errors=errors
        )
        super().__init__(nest("Neutralisation", dtype, (inner,), path), controller, dtype)
