"""Delays from audio: round trip by chirp, GCC-PHAT, span of a filter.

The first arrival in an impulse response is `antiphase.dsp.first_arrival`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import fft, signal

from antiphase.arrays import as_signal
from antiphase.errors import SignalError, require

__all__ = [
    "DelayEstimate",
    "check_span",
    "chirp_probe",
    "estimate_delay",
    "round_trip",
]

Floats = npt.NDArray[np.float64]

_FINE = 16


@dataclass(frozen=True)
class DelayEstimate:
    """A delay and how clearly it stands out.

    Attributes
    ----------
    samples : float
        Delay in samples, fractions included.
    ms : float
        The same in milliseconds.
    clarity_db : float
        Main peak re the highest one elsewhere, dB; below 3 dB two delays compete.
    """

    samples: float
    ms: float
    clarity_db: float


def _peak(values: Floats, at: int) -> float:
    """Return the position of a maximum between samples, by the parabola through three."""
    if not 0 < at < len(values) - 1:
        return float(at)
    left, middle, right = values[at - 1 : at + 2]
    curve = left - 2 * middle + right
    return at + (0.5 * (left - right) / curve if curve < 0 else 0.0)


def _estimate(values: Floats, first: int, step: float, fs: float, guard: int) -> DelayEstimate:
    """Turn a correlation on a fine grid into a delay; `guard` points around a peak are its own."""
    at = int(np.argmax(values))
    others = np.concatenate([values[: max(at - guard, 0)], values[at + guard + 1 :]])
    rival = float(others.max()) if len(others) else 0.0
    peak = float(values[at])
    clarity = 20 * math.log10(peak / rival) if rival > 0 and peak > 0 else math.inf
    samples = (_peak(values, at) + first) * step
    return DelayEstimate(samples, 1000 * samples / fs, clarity)


def _refuse_negative(samples: float, tolerance: float, what: str) -> None:
    if samples < -tolerance:
        raise SignalError(
            f"{what} comes {-samples:.1f} samples before its cause: swap the two signals or fix "
            "their alignment"
        )


def estimate_delay(
    reference: npt.ArrayLike,
    delayed: npt.ArrayLike,
    fs: float,
    *,
    max_delay: int | None = None,
    allow_negative: bool = False,
) -> DelayEstimate:
    """Return how much later a sound is in one recording than in another (GCC-PHAT).

    The cross-spectrum is whitened, ``G/|G|``, averaged over segments first so that lines where the
    two share nothing count little, and transformed on a grid of 1/16 sample; a parabola finds the
    maximum between.

    Parameters
    ----------
    reference : array_like, shape (n,)
        Where the sound comes first.
    delayed : array_like, shape (n,)
        Where it comes later.
    fs : float
        Sample rate in Hz.
    max_delay : int, optional
        Largest delay looked for, samples; a quarter of the recording by default.
    allow_negative : bool
        Accept that `delayed` leads.

    Returns
    -------
    DelayEstimate
        To about 0.05 sample on broadband sound. A pure tone has no unique delay: its clarity is
        near 0 dB.

    Raises
    ------
    SignalError
        If the delay is negative (unless allowed), a signal is silent or the recording too short.

    References
    ----------
    Knapp & Carter (1976), The generalized correlation method for estimation of time delay.
    """
    x, y = (
        as_signal(n, v, channels=1) for n, v in (("reference", reference), ("delayed", delayed))
    )
    if len(x) != len(y):
        raise SignalError(f"delayed has {len(y)} frames but reference has {len(x)}")
    span = len(x) // 4 if max_delay is None else max_delay
    require(span >= 1, "max_delay", span, "at least 1")
    if len(x) < 2 * span + 2:
        raise SignalError(f"{len(x)} frames are too few to look for delays up to {span}")
    if not (x.any() and y.any()):
        raise SignalError("a silent recording has no delay")
    # Each piece of the reference meets the span before and after it in the other recording.
    piece = min(max(4 * span, 1024), len(x))
    size = fft.next_fast_len(piece + 2 * span, real=True)
    padded = np.pad(y, span)
    cross = np.zeros(size // 2 + 1, dtype=np.complex128)
    window = np.hanning(piece + 2)[1:-1]
    for start in range(0, len(x) - piece + 1, max(piece // 2, 1)):
        ours = fft.rfft(x[start : start + piece] * window, size)
        cross += fft.rfft(padded[start : start + piece + 2 * span], size) * np.conj(ours)
    level = np.abs(cross)
    white = cross / (level + 1e-3 * level.mean() + 1e-300)
    # Lag 0 sits at `span`, since the padded recording starts that much earlier.
    fine = fft.irfft(white, size * _FINE)[: (2 * span + 1) * _FINE]
    found = _estimate(fine, -span * _FINE, 1 / _FINE, fs, 2 * _FINE)
    if not allow_negative:
        _refuse_negative(found.samples, 0.5, "delayed")
    return found


def chirp_probe(
    fs: float, *, seconds: float = 0.1, low_hz: float = 200.0, high_hz: float | None = None
) -> Floats:
    """Return a linear chirp for latency measurement.

    Parameters
    ----------
    fs : float
        Sample rate in Hz.
    seconds : float
        Length; 0.1 s gives 23 dB of processing gain at 2 kHz bandwidth.
    low_hz, high_hz : float
        First and last frequency; the last is .4 fs by default.

    Returns
    -------
    ndarray, shape (round(seconds · fs),)
        Amplitude 1, faded over a tenth at either end.
    """
    require(fs > 0, "fs", fs, "> 0")
    top = 0.4 * fs if high_hz is None else high_hz
    require(0 < low_hz < top <= fs / 2, "low_hz", low_hz, f"in (0, {top:g}) and below fs / 2")
    n = round(seconds * fs)
    require(n >= 64, "seconds", seconds, "at least 64 samples long")
    sweep = signal.chirp(np.arange(n) / fs, low_hz, n / fs, top)
    probe: Floats = sweep * signal.windows.tukey(n, 0.2)
    return probe


def round_trip(
    probe: npt.ArrayLike,
    recording: npt.ArrayLike,
    fs: float,
    *,
    least_clarity_db: float = 6.0,
) -> DelayEstimate:
    """Return the delay from playing a probe to its first arrival in a recording.

    The recording is correlated with the probe (matched filter); the envelope's first peak within
    6 dB of the largest is the direct sound.

    Parameters
    ----------
    probe : array_like, shape (m,)
        What was played, such as `chirp_probe`, from the first sample of the recording on.
    recording : array_like, shape (n,), n ≥ m
        What came back.
    fs : float
        Sample rate in Hz.
    least_clarity_db : float
        How far the peak must stand above the rest of the recording's correlation (99th
        percentile), dB.

    Returns
    -------
    DelayEstimate
        Loudspeaker, air, microphone and both converters with their buffers.

    Raises
    ------
    SignalError
        If the probe can't be heard in the recording.

    References
    ----------
    Turin (1960), An introduction to matched filters.
    """
    p = as_signal("probe", probe, channels=1)
    r = as_signal("recording", recording, channels=1)
    if len(r) < len(p):
        raise SignalError(f"recording has {len(r)} frames but the probe takes {len(p)}")
    if not (p.any() and r.any()):
        raise SignalError("probe or recording is silent; is the microphone muted?")
    size = fft.next_fast_len(len(r) + len(p))
    # Positive frequencies only: the magnitude of the result is the envelope.
    product = fft.fft(r, size) * np.conj(fft.fft(p, size))
    product[size // 2 + 1 :] = 0.0
    envelope = np.abs(fft.ifft(product))[: len(r) - len(p) + 1]
    peaks, _ = signal.find_peaks(np.concatenate([[0.0], envelope, [0.0]]))
    peaks -= 1
    at = int(peaks[np.argmax(envelope[peaks] >= 0.5 * envelope.max())])
    # The 99th percentile of noise is 3 dB below its largest peak: noise alone can't pass 6 dB.
    others = np.delete(envelope, slice(max(at - 8, 0), at + 9))
    rest = float(np.percentile(others, 99)) if len(others) else 0.0
    clarity = 20 * math.log10(envelope[at] / rest) if rest > 0 else math.inf
    if clarity < least_clarity_db:
        raise SignalError(
            f"the probe stands out by {clarity:.1f} dB only; play it louder or record longer"
        )
    samples = _peak(envelope, at)
    return DelayEstimate(samples, 1000 * samples / fs, clarity)


def check_span(delay: float, n_taps: int, *, response: int = 0) -> None:
    """Refuse a delay that a filter can't reach.

    Parameters
    ----------
    delay : float
        Samples from the filter's input to what it must reproduce.
    n_taps : int
        Length of the filter.
    response : int
        Samples of decay after the delay that the filter must hold too.

    Raises
    ------
    SignalError
        ``delay of 900 samples is outside the filter span: need 901 taps`` or, for a negative delay,
        that no causal filter can undo it.
    """
    require(n_taps >= 1, "n_taps", n_taps, "at least 1")
    require(response >= 0, "response", response, "≥ 0")
    _refuse_negative(delay, 0.5, "the response")
    need = math.floor(delay + 0.5) + 1 + response
    if need > n_taps:
        raise SignalError(
            f"delay of {delay:.0f} samples is outside the filter span: need {need} taps, "
            f"n_taps={n_taps}"
        )
