"""Control with a reference that comes too late: what can be foretold can still be cancelled."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy.typing as npt

from antiphase.adaptive import LeastSquaresController, NarrowbandController
from antiphase.errors import ParameterError, require

__all__ = ["PredictiveMethod", "predictive_controller"]

PredictiveMethod = Literal["fir", "notch", "tacho", "error"]

_LONG_S = 0.25


def predictive_controller(
    method: PredictiveMethod,
    fs: float,
    secondary_path_estimate: npt.ArrayLike,
    *,
    late_ms: float = 0.0,
    n_taps: int | None = None,
    window_s: float | None = None,
    frequency_hz: float | None = None,
    harmonics: Sequence[float] = (1, 2, 3, 4, 5, 6),
    frequency_range_hz: tuple[float, float] | None = None,
    mu: float | None = None,
    error_delay: int = 0,
) -> LeastSquaresController | NarrowbandController:
    """Return a controller for a late reference.

    ========  ======================================================================================
    method    what it is
    ========  ======================================================================================
    fir       least squares over a long filter: predicts any line spectrum and what colour allows;
              needs a full period of the lowest line, and lines that stay where they are
    notch     adaptive notch: oscillators locked to the fundamental found in the reference
    tacho     oscillators driven by the angle of a shaft (the reference is the angle in rad)
    error     as notch, with the fundamental found in the reconstructed disturbance: no reference
    ========  ======================================================================================

    Parameters
    ----------
    method : {"fir", "notch", "tacho", "error"}
    fs : float
        Rate, Hz.
    secondary_path_estimate : array_like, shape (taps,)
        Ŝ.
    late_ms : float
        By how much the reference comes too late (negative margin), ms, ≥ 0: the oscillators turn
        ahead by as much at the running frequency.
    n_taps : int, optional
        Of the long filter; a quarter of a second by default (a period of 4 Hz; it separates lines
        8 Hz apart).
    window_s : float, optional
        Of the least squares.
    frequency_hz : float, optional
        The fundamental; all methods but ``fir`` need it.
    harmonics, frequency_range_hz, mu, error_delay
        As for `NarrowbandController`; `mu` 0.02 there, 0.01 with a tacho.

    Returns
    -------
    LeastSquaresController or NarrowbandController

    Raises
    ------
    ParameterError
        If a parameter is outside its range or the fundamental is missing.

    References
    ----------
    Elliott (2001), Signal Processing for Active Control, ch. 3 and 6: prediction and feedforward
    control of tonal sound.
    """
    methods = ("fir", "notch", "tacho", "error")
    require(method in methods, "method", method, f"one of {', '.join(methods)}")
    require(late_ms >= 0, "late_ms", late_ms, "≥ 0 ms")
    if method == "fir":
        return LeastSquaresController(
            round(_LONG_S * fs) if n_taps is None else n_taps,
            secondary_path_estimate=secondary_path_estimate,
            fs=fs,
            window_s=window_s,
            error_delay=error_delay,
        )
    if frequency_hz is None:
        raise ParameterError("frequency_hz", None, f"given for the method {method}")
    source: dict[str, Literal["reference", "error", "phase"]] = {
        "notch": "reference",
        "error": "error",
        "tacho": "phase",
    }
    return NarrowbandController(
        fs,
        secondary_path_estimate,
        frequency_hz,
        harmonics=harmonics,
        frequency_range_hz=frequency_range_hz,
        source=source[method],
        mu=mu if mu is not None else (0.01 if method == "tacho" else 0.02),
        lead_ms=late_ms,
        error_delay=error_delay,
    )
