"""A feedforward system as it is used: update rule, guard and feedback neutralisation in one."""

from __future__ import annotations

import numpy.typing as npt

from antiphase.adaptive import Controller
from antiphase.adaptive.seam import NativeController
from antiphase.control.guard import Guard, GuardStatus
from antiphase.control.neutralisation import NeutralisedController
from antiphase.control.wrapped import WrappedController

__all__ = ["FeedforwardController"]


class FeedforwardController(WrappedController):
    """An update rule within a `Guard` and, where there is acoustic feedback, neutralisation.

    Parameters
    ----------
    controller : Controller
        The update rule, native or Python.
    fs : float
        Sample rate in Hz.
    secondary_path_estimate : array_like, shape (taps,) or (microphones, loudspeakers, taps)
        Ŝ, for the guard's watchdog and anti-wind-up (the rule has its own).
    feedback_path_estimate : array_like, optional
        f̂, shape (taps,) or (references, loudspeakers, taps); see `NeutralisedController`.
    limit : float, optional
        Largest drive.
    gate_db, floor_rms, outlier_factor, error_delay
        As for `Guard`.

    Raises
    ------
    ParameterError, SignalError
        As `Guard` and `NeutralisedController` do.
    """

    def __init__(
        self,
        controller: Controller,
        *,
        fs: float,
        secondary_path_estimate: npt.ArrayLike,
        feedback_path_estimate: npt.ArrayLike | None = None,
        limit: float | None = None,
        gate_db: float | None = -35.0,
        floor_rms: float = 0.0,
        outlier_factor: float = 50.0,
        error_delay: int = 0,
    ) -> None:
        self._guard = Guard(
            controller,
            fs=fs,
            secondary_path_estimate=secondary_path_estimate,
            limit=limit,
            gate_db=gate_db,
            floor_rms=floor_rms,
            outlier_factor=outlier_factor,
            error_delay=error_delay,
        )
        whole: NativeController = self._guard
        if feedback_path_estimate is not None:
            whole = NeutralisedController(self._guard, feedback_path_estimate)
        super().__init__(whole.core, controller, self._guard.dtype)

    @property
    def guard(self) -> Guard:
        """The guard around the rule."""
        return self._guard

    @property
    def status(self) -> GuardStatus:
        """State and counters of the guard."""
        return self._guard.status
