"""The causality margin, read from the audio itself: no clock has to be known for it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import fft

from antiphase.dsp.response import first_arrival
from antiphase.errors import require

__all__ = ["MarginEstimate", "causality_margin", "lagged_response"]

Floats = npt.NDArray[np.float64]

_LEAST_CLARITY_DB = 32.0
_WEAK = 1e-5


@dataclass(frozen=True)
class MarginEstimate:
    """A margin and how sure it is.

    Attributes
    ----------
    margin_ms : float
        Positive: the anti-noise can be there in time.
    clarity_db : float
        Peak of the response from reference to disturbance over what lies elsewhere.
    """

    margin_ms: float
    clarity_db: float

    @property
    def clear(self) -> bool:
        """Whether the noise was irregular enough to tell one lag from others."""
        return self.clarity_db >= _LEAST_CLARITY_DB


def lagged_response(reference: Floats, disturbance: Floats, span: int) -> Floats:
    """Return the response from reference to disturbance for lags −span … span.

    ``H = Σ D·conj(X) / Σ |X|²`` over segments, weighted by the coherence, so that frequencies
    without a share in both count little.

    Parameters
    ----------
    reference, disturbance : ndarray, shape (n,)
        n ≥ 4·span.
    span : int
        Largest lag, samples.

    Returns
    -------
    ndarray, shape (2·span + 1,)
    """
    require(len(reference) >= 4 * span, "reference", len(reference), f"at least {4 * span} samples")
    piece = 4 * span
    window = np.hanning(piece + 2)[1:-1]
    size = fft.next_fast_len(2 * piece, real=True)
    cross = np.zeros(size // 2 + 1, np.complex128)
    ours, theirs = np.zeros(len(cross)), np.zeros(len(cross))
    for start in range(0, len(reference) - piece + 1, piece // 2):
        x = fft.rfft(reference[start : start + piece] * window, size)
        d = fft.rfft(disturbance[start : start + piece] * window, size)
        cross += d * np.conj(x)
        ours += np.abs(x) ** 2
        theirs += np.abs(d) ** 2
    coherence = np.abs(cross) ** 2 / np.maximum(ours * theirs, 1e-300)
    response = coherence * cross / np.maximum(ours, _WEAK * ours.max() + 1e-300)
    taps = fft.irfft(response, size)
    return np.concatenate([taps[-span:], taps[: span + 1]])


def causality_margin(
    reference: Floats, disturbance: Floats, path: Floats, fs: float, *, longest_ms: float = 125.0
) -> MarginEstimate | None:
    """Return lag(reference → disturbance) − lag(drive → error microphone).

    Parameters
    ----------
    reference, disturbance : ndarray, shape (n,)
        x as the control filter gets it and d̂, on one clock.
    path : ndarray, shape (taps,)
        Ŝ, converters included.
    fs : float
        Hz.
    longest_ms : float
        Largest lag looked for, either way.

    Returns
    -------
    MarginEstimate or None
        None for silence and for recordings shorter than four times `longest_ms`.
    """
    span = round(longest_ms * fs / 1000)
    known = np.isfinite(disturbance) & np.isfinite(reference)
    x, d = np.where(known, reference, 0.0), np.where(known, disturbance, 0.0)
    if len(x) < 4 * span or not (x.any() and d.any() and path.any()):
        return None
    taps = lagged_response(x, d, span)
    energy = taps**2
    peak = int(np.argmax(energy))
    near = max(8, round(0.004 * fs))
    others = np.concatenate([energy[: max(0, peak - near)], energy[peak + 4 * near :]])
    floor = float(np.mean(others)) if len(others) else 0.0
    clarity = 10 * np.log10(energy[peak] / max(floor, 1e-12 * energy[peak]))
    lag = first_arrival(taps) - span - first_arrival(path)
    return MarginEstimate(1000 * lag / fs, float(clarity))
