"""Feedforward and feedback together."""

from __future__ import annotations

import numpy.typing as npt

from antiphase.adaptive import Controller
from antiphase.adaptive.seam import NativeController
from antiphase.arrays import Signal
from antiphase.control.wrapped import as_path, nest, nested_core, number_type
from antiphase.errors import SignalError, require

__all__ = ["HybridController"]


class HybridController(NativeController):
    """Sum of a feedforward and an internal-model feedback rule: ``y = y_f(x, e) + y_b(d̂, e)``.

    ``d̂ = e − ŝ∗y`` with the whole drive y. The feedback part takes what can be predicted of the
    noise that the reference does not hear.

    Parameters
    ----------
    feedforward : Controller
        A filtered-x rule on the reference.
    feedback : Controller
        A filtered-x rule with as many references as error microphones (the rule itself, not a
        `FeedbackController`). Give it a smaller step than the other: both see the same error.
    secondary_path_estimate : array_like, shape (taps,) or (microphones, loudspeakers, taps)
        Ŝ.
    error_delay : int
        As the plant's, ≥ 0.
    references : int, optional
        References of a feedforward controller in Python.

    Raises
    ------
    ParameterError
        If a parameter is outside its range, or channels or number types differ.
    SignalError
        If Ŝ has another shape.

    Notes
    -----
    A `Guard` belongs around it; with ``gate_db=None``, or a silent reference would rest the
    feedback part too. `control_filter` is both filters in one flat array, feedforward first.

    References
    ----------
    Swanson (1991), Active noise attenuation using a self-tuning regulator as the adaptive control
    algorithm. Kuo & Morgan (1996), ch. 6.
    """

    def __init__(
        self,
        feedforward: Controller,
        feedback: Controller,
        secondary_path_estimate: npt.ArrayLike,
        *,
        error_delay: int = 0,
        references: int | None = None,
    ) -> None:
        require(error_delay >= 0, "error_delay", error_delay, "at least 0")
        dtype = number_type(feedforward)
        path = as_path("secondary_path_estimate", secondary_path_estimate, dtype)
        errors, loudspeakers = path.shape[:2]
        forward = nested_core(
            feedforward, references=references, loudspeakers=loudspeakers, errors=errors
        )
        back = nested_core(
            feedback, references=errors, loudspeakers=loudspeakers, errors=errors, dtype=dtype
        )
        super().__init__(nest("Hybrid", dtype, (forward, back), path, error_delay), dtype)
        self._parts = (feedforward, feedback)

    @property
    def feedforward(self) -> Controller:
        """The rule on the reference."""
        return self._parts[0]

    @property
    def feedback(self) -> Controller:
        """The rule on the estimated disturbance."""
        return self._parts[1]

    @property
    def control_filter(self) -> Signal:
        """Both control filters in one flat array, feedforward first; assign to set them."""
        taps: Signal = self._core.filter
        return taps

    @control_filter.setter
    def control_filter(self, taps: npt.ArrayLike) -> None:
        flat = as_path("control_filter", taps, self._dtype).ravel()
        if flat.size != self._core.filter.size:
            raise SignalError(
                f"control_filter has {flat.size} taps but must have {self._core.filter.size}"
            )
        self._core.filter = flat
