"""Feedback control by an internal model: the reference is made from the error."""

from __future__ import annotations

import numpy.typing as npt

from antiphase.adaptive import Controller
from antiphase.control.wrapped import WrappedController, as_path, nest, nested_core, number_type
from antiphase.errors import require

__all__ = ["FeedbackController"]


class FeedbackController(WrappedController):
    """Internal model control: any filtered-x rule, fed with the disturbance it estimates itself.

    ``d̂[n] = e[n] − (ŝ∗y)[n]`` is the reference of the rule; the newest one known at sample n is
    d̂[n − 1 − error_delay]. The rule so becomes a predictor over the delay of the secondary path:
    it cancels what can be foretold (tones, narrow bands), and nothing of white noise.

    Parameters
    ----------
    controller : Controller
        A filtered-x rule with as many references as error microphones, or a `Guard` around it
        (inside, so that its activity gate listens to d̂ and y is what is played).
    secondary_path_estimate : array_like, shape (taps,) or (microphones, loudspeakers, taps)
        Ŝ.
    error_delay : int
        As the plant's, ≥ 0.
    references : int
        Channels of the reference signal that `process` is given and does not use.

    Raises
    ------
    ParameterError
        If a parameter is outside its range, or the controller has other channels.
    SignalError
        If Ŝ has another shape.

    Notes
    -----
    With a fixed w the loop is stable for ``|W·(S − Ŝ)| < 1`` at each frequency. The bound of NR is
    `antiphase.metrics.bounds`' prediction bound at the delay of S plus one sample.

    References
    ----------
    Morari & Zafiriou (1989), Robust Process Control. Elliott (2001), Signal Processing for Active
    Control, ch. 6–7.
    """

    def __init__(
        self,
        controller: Controller,
        secondary_path_estimate: npt.ArrayLike,
        *,
        error_delay: int = 0,
        references: int = 1,
    ) -> None:
        require(error_delay >= 0, "error_delay", error_delay, "at least 0")
        require(references >= 1, "references", references, "at least 1")
        dtype = number_type(controller)
        path = as_path("secondary_path_estimate", secondary_path_estimate, dtype)
        errors, loudspeakers = path.shape[:2]
        inner = nested_core(controller, references=errors, loudspeakers=loudspeakers, errors=errors)
        core = nest("InternalModel", dtype, (inner,), path, error_delay, references)
        super().__init__(core, controller, dtype)
