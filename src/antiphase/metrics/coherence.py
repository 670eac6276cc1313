"""The coherence bound: what a linear filter of any kind can make of a reference."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy import signal

from antiphase.arrays import as_signal
from antiphase.errors import SignalError, require

__all__ = ["CoherenceBound", "coherence_bound"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class CoherenceBound:
    """Noise reduction that the coherence between reference and disturbance allows.

    Attributes
    ----------
    frequency_hz : ndarray, shape (lines,)
        Frequencies.
    coherence : ndarray, shape (lines,)
        γ², the multiple coherence when there are several references.
    nr_db : ndarray, shape (lines,)
        −10 log10(1 − γ²).
    total_db : float
        Over all frequencies, weighted with the disturbance's spectrum.
    segment : int
        Samples per Fourier transform.
    averages : float
        Number of independent segments K; J independent references show γ² = J / K by chance alone.
    longer : CoherenceBound or None
        The same with segments four times as long. Where the two differ by more than a decibel the
        segment is too short (leakage, delay) or the run too short (chance): trust neither.
    """

    frequency_hz: Floats
    coherence: Floats
    nr_db: Floats
    total_db: float
    segment: int
    averages: float
    longer: CoherenceBound | None


def _coherence(x: Floats, d: Floats, fs: float, segment: int) -> CoherenceBound:
    n_refs = x.shape[1]
    window = {"nperseg": segment, "window": "hann", "detrend": False}
    frequencies, d_power = signal.welch(d, fs, **window)
    auto = np.empty((len(frequencies), n_refs, n_refs), dtype=np.complex128)
    cross = np.empty((len(frequencies), n_refs, 1), dtype=np.complex128)
    for i in range(n_refs):
        cross[:, i, 0] = signal.csd(x[:, i], d, fs, **window)[1]
        for j in range(n_refs):
            auto[:, i, j] = signal.csd(x[:, i], x[:, j], fs, **window)[1]
    level = np.einsum("fii->f", auto).real / n_refs
    auto += (1e-13 * level.max() + 1e-300) * np.eye(n_refs)
    explained = np.einsum("fij,fij->f", cross.conj(), np.linalg.solve(auto, cross)).real
    gamma = np.clip(explained / np.maximum(d_power, 1e-300), 0.0, 1.0)
    left = np.maximum(1 - gamma, 1e-15)
    total, residual = float(np.sum(d_power)), float(np.sum(d_power * left))
    return CoherenceBound(
        frequency_hz=frequencies,
        coherence=gamma,
        nr_db=-10 * np.log10(left),
        total_db=10 * math.log10(total / residual) if residual > 0 else 0.0,
        segment=segment,
        averages=len(d) / segment,
        longer=None,
    )


def _align(x: Floats, d: Floats, path_taps: int) -> tuple[Floats, Floats]:
    """Take the bulk delay from x to d out, read from the reference that correlates best."""
    peaks = []
    for column in x.T:
        lags = np.abs(signal.correlate(d, column, method="fft")[len(d) - 1 :][:path_taps])
        at = int(np.argmax(lags))
        peaks.append((lags[at] / (np.linalg.norm(column) or 1.0), at))
    lag = max(peaks)[1]
    return x[: len(x) - lag], d[lag:]


def coherence_bound(
    reference: npt.ArrayLike,
    disturbance: npt.ArrayLike,
    fs: float,
    *,
    path_taps: int,
    segment: int | None = None,
) -> CoherenceBound:
    """Return the noise reduction that coherence allows, with two segment lengths.

    ``NR_max(f) = −10 log10(1 − γ²(f))``; 10, 20 and 30 dB need γ² = .9, .99 and .999. It holds for
    any linear filter, causal or not. Segments must be longer than the path, or the figure is the
    estimator's, not the plant's: what reaches d from outside the segment counts as noise. The bulk
    delay (peak of the cross-correlation) is taken out first, since a delay of D samples alone would
    cap white noise in segments of B samples at about 20 log10(B / D) − 11 dB.

    Parameters
    ----------
    reference : array_like, shape (n,) or (n, references)
        x.
    disturbance : array_like, shape (n,)
        d at one microphone.
    fs : float
        Sample rate in Hz.
    path_taps : int
        Length of the path from reference to disturbance, bulk delay included, in samples.
    segment : int, optional
        Samples per segment (Hann, half overlap), ≥ 2 · path_taps. By default the power of two from
        8 · path_taps up, or less where the run has no 8 such segments.

    Returns
    -------
    CoherenceBound
        With the figures of four times longer segments in `longer` where the run has four of those.

    Raises
    ------
    ParameterError, SignalError
        If a size does not fit.

    References
    ----------
    Kuo & Morgan (1999), Active noise control: a tutorial review. Carter (1987), Coherence and time
    delay estimation. Bendat & Piersol (2010), Random Data, ch. 7 (multiple coherence).
    """
    x, d = as_signal("reference", reference), as_signal("disturbance", disturbance, channels=1)
    x = x[:, None] if x.ndim == 1 else x
    if len(x) != len(d):
        raise SignalError(f"disturbance has {len(d)} frames but reference has {len(x)}")
    require(path_taps >= 1, "path_taps", path_taps, "at least 1")
    require(fs > 0, "fs", fs, "> 0")
    if segment is None:
        segment = 2 ** math.ceil(math.log2(8 * path_taps))
        while segment > 2 * path_taps and 8 * segment > len(d):
            segment //= 2
        segment = max(segment, 2 * path_taps)
    require(segment >= 2 * path_taps, "segment", segment, f"at least {2 * path_taps} (2 paths)")
    if len(d) < 4 * segment:
        raise SignalError(f"{len(d)} frames are too few: 4 segments of {segment} are needed")
    x, d = _align(x, d, path_taps)
    bound = _coherence(x, d, fs, segment)
    if len(d) < 16 * segment:
        return bound
    return replace(bound, longer=_coherence(x, d, fs, 4 * segment))
