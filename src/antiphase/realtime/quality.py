"""Quality of what is played: level, peak, distortion, and what it holds beside control."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import signal

from antiphase.errors import AntiphaseError
from antiphase.metrics import tone_quality
from antiphase.realtime.figures import OutputFigures
from antiphase.realtime.meter import Meter

__all__ = ["output_figures"]

Floats = npt.NDArray[np.float64]

_SECONDS = 1.0
_TONAL = 0.9


def output_figures(meter: Meter, limit: float, snr_db: float | None = None) -> OutputFigures:
    """Return the figures of the drive of the last second.

    Parameters
    ----------
    meter : Meter
    limit : float
        Largest drive.
    snr_db : float, optional
        What the control filter makes of the reference re all else that is played, if known.

    Returns
    -------
    OutputFigures
        All None but the limit before there is half a second of sound.
    """
    y = meter.window(_SECONDS)[1]
    if len(y) < 0.5 * meter.fs or not y.any():
        return OutputFigures(limit=limit)
    return OutputFigures(
        rms=float(np.sqrt(np.mean(y**2))),
        peak=float(np.abs(y).max()),
        limit=limit,
        thd_percent=_distortion(y, meter.fs),
        snr_db=snr_db,
    )


def _distortion(y: Floats, fs: int) -> float | None:
    """Return the harmonics of the line that dominates the output; None where none does."""
    hz, density = signal.periodogram(y, fs, window="hann")
    top = int(np.argmax(density))
    line = float(np.sum(density[max(0, top - 3) : top + 4]))
    if hz[top] < 20 or line < _TONAL * float(np.sum(density)):
        return None
    try:
        return float(100 * 10 ** (tone_quality(y, fs, fundamental_hz=float(hz[top])).thd_db / 20))
    except AntiphaseError:
        return None
