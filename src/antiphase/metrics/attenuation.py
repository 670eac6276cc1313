"""Noise reduction in decibels: whole run, by window, over time and by band."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import signal

from antiphase.arrays import as_signal
from antiphase.dsp.spectrum import Bands, band_powers, octave_bands
from antiphase.errors import SignalError, require

__all__ = [
    "BandReduction",
    "Boost",
    "anr_db",
    "band_reduction",
    "noise_reduction_db",
    "windowed_reduction_db",
    "worst_boost",
]

Floats = npt.NDArray[np.float64]


def _pair(disturbance: npt.ArrayLike, error: npt.ArrayLike) -> tuple[Floats, Floats]:
    """Return both as (n, channels) of one shape."""
    d, e = as_signal("disturbance", disturbance), as_signal("error", error)
    d, e = (s[:, None] if s.ndim == 1 else s for s in (d, e))
    if d.shape != e.shape:
        raise SignalError(f"error has shape {e.shape} but disturbance has {d.shape}")
    if len(d) == 0:
        raise SignalError("disturbance has 0 frames; there is nothing to measure")
    return d, e


def _ratio_db(disturbance: Floats | float, error: Floats | float) -> Floats:
    """Return 10 log10(disturbance / error) of energies; 0 where both are silent."""
    d, e = np.asarray(disturbance, dtype=np.float64), np.asarray(error, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio: Floats = 10 * np.log10(d) - 10 * np.log10(e)
    return np.where((d == 0) & (e == 0), 0.0, ratio)


def noise_reduction_db(
    disturbance: npt.ArrayLike, error: npt.ArrayLike, *, start: int = 0, stop: int | None = None
) -> float:
    """Return the noise reduction ``NR = 10 log10(Σd² / Σe²)``, which is −NMSE.

    Parameters
    ----------
    disturbance : array_like, shape (n,) or (n, mics)
        d, noise with control off.
    error : array_like, same shape
        e, noise with control on.
    start, stop : int
        The samples summed over, all by default.

    Returns
    -------
    float
        dB, positive when control makes it quieter; several microphones count by their summed
        energy; inf when the error is silent, −inf when only the disturbance is, 0 when both are.

    Raises
    ------
    SignalError
        If the shapes differ or no sample is left.
    """
    d, e = _pair(disturbance, error)
    d, e = d[start:stop], e[start:stop]
    if len(d) == 0:
        raise SignalError(f"no sample lies in {start}:{stop}")
    return float(_ratio_db(float(np.sum(d**2)), float(np.sum(e**2))))


def windowed_reduction_db(
    disturbance: npt.ArrayLike,
    error: npt.ArrayLike,
    fs: float,
    *,
    window_s: float = 0.1,
    hop_s: float | None = None,
) -> tuple[Floats, Floats]:
    """Return the noise reduction in windows along the run.

    Parameters
    ----------
    disturbance, error : array_like, shape (n,) or (n, mics)
        d and e.
    fs : float
        Sample rate in Hz.
    window_s : float
        Length of a window in seconds.
    hop_s : float, optional
        From one window's start to the next, in seconds; the window's length by default.

    Returns
    -------
    seconds : ndarray, shape (windows,)
        Where each window starts.
    reduction_db : ndarray, shape (windows,)
        NR in dB of each whole window; a last part shorter than a window is left out.

    Raises
    ------
    ParameterError, SignalError
        If a length does not fit.
    """
    d, e = _pair(disturbance, error)
    window = round(window_s * fs)
    hop = window if hop_s is None else round(hop_s * fs)
    require(window >= 1, "window_s", window_s, "at least one sample long")
    require(hop >= 1, "hop_s", hop_s, "at least one sample long")
    starts = np.arange(0, len(d) - window + 1, hop)
    sums = [np.concatenate([[0.0], np.cumsum(np.sum(s**2, axis=1))]) for s in (d, e)]
    energies = [np.maximum(c[starts + window] - c[starts], 0.0) for c in sums]
    return starts / fs, _ratio_db(*energies)


def anr_db(
    disturbance: npt.ArrayLike, error: npt.ArrayLike, *, forgetting: float = 0.999
) -> Floats:
    """Return the averaged noise reduction along the run, for plots.

    ``ANR(n) = 20 log10(A_e(n) / A_d(n))`` with ``A(n) = forgetting·A(n−1) + (1−forgetting)·|·|``:
    **negative** when control makes it quieter.

    Parameters
    ----------
    disturbance, error : array_like, shape (n,) or (n, mics)
        d and e; microphones are averaged in magnitude.
    forgetting : float
        In (0, 1); .999 averages over 1000 samples.

    Returns
    -------
    ndarray, shape (n,)
        dB.

    References
    ----------
    George & Panda (2013), Advances in active noise control: a survey, with emphasis on recent
    nonlinear techniques.
    """
    require(0 < forgetting < 1, "forgetting", forgetting, "in (0, 1)")
    d, e = _pair(disturbance, error)
    averages = [
        signal.lfilter([1 - forgetting], [1, -forgetting], np.abs(s).mean(axis=1)) for s in (d, e)
    ]
    return -2 * _ratio_db(*averages)


@dataclass(frozen=True)
class BandReduction:
    """Levels and noise reduction by band.

    Attributes
    ----------
    centre_hz : ndarray, shape (bands,)
        Exact mid-band frequencies, 1000 Hz · 10^(0.3·k / fraction).
    disturbance_db, error_db : ndarray, shape (bands,)
        Levels in dB re the unit of the signal, mean square.
    reduction_db : ndarray, shape (bands,)
        disturbance_db − error_db.
    """

    centre_hz: Floats
    disturbance_db: Floats
    error_db: Floats
    reduction_db: Floats


def _spectra(d: Floats, e: Floats, fs: float, segment: int) -> tuple[Floats, Floats, Floats]:
    """Return frequencies and both power spectral densities, summed over microphones."""
    length = min(segment, len(d))
    frequencies, power = signal.welch(
        np.stack([d, e]), fs, nperseg=length, axis=1, detrend=False, window="hann"
    )
    return frequencies, power[0].sum(axis=-1), power[1].sum(axis=-1)


def band_reduction(
    disturbance: npt.ArrayLike,
    error: npt.ArrayLike,
    fs: float,
    *,
    fraction: int = 3,
    lowest_hz: float = 25.0,
) -> BandReduction:
    """Return levels and noise reduction by octave or fraction of an octave.

    Welch's density (Hann, 1 s segments, half overlap) is summed over ideal bands with the base-10
    frequencies of IEC 61260-1; a band must be three spectral lines wide and end below fs / 2.

    Parameters
    ----------
    disturbance, error : array_like, shape (n,) or (n, mics)
        d and e.
    fs : float
        Sample rate in Hz.
    fraction : int
        1 for octaves, 3 for third octaves.
    lowest_hz : float
        No band below this mid-band frequency.

    Returns
    -------
    BandReduction
        Bands from low to high.

    References
    ----------
    IEC 61260-1:2014. Welch (1967), The use of fast Fourier transform for the estimation of power
    spectra.
    """
    require(fraction >= 1, "fraction", fraction, "at least 1")
    require(fs > 0, "fs", fs, "> 0")
    d, e = _pair(disturbance, error)
    if len(d) < 4:
        raise SignalError(f"{len(d)} frames are too few for a spectrum")
    frequencies, d_power, e_power = _spectra(d, e, fs, round(fs))
    bands = octave_bands(fraction, lowest_hz, max(fs / 2, lowest_hz * 2))
    width = bands.high_hz - bands.low_hz
    keep = (bands.high_hz <= fs / 2) & (width >= 3 * frequencies[1])
    bands = Bands(bands.mid_hz[keep], bands.low_hz[keep], bands.high_hz[keep])
    levels = [
        np.maximum(band_powers(frequencies, power, bands), 0.0) for power in (d_power, e_power)
    ]
    with np.errstate(divide="ignore"):
        d_db, e_db = (10 * np.log10(level) for level in levels)
    return BandReduction(bands.mid_hz, d_db, e_db, _ratio_db(*levels))


@dataclass(frozen=True)
class Boost:
    """The worst amplification over frequency.

    Attributes
    ----------
    boost_db : float
        How much louder control makes the worst frequency, dB; negative when all are quieter.
    frequency_hz : float
        Where.
    """

    boost_db: float
    frequency_hz: float


def worst_boost(
    disturbance: npt.ArrayLike, error: npt.ArrayLike, fs: float, *, floor_db: float = 40.0
) -> Boost:
    """Return the worst amplification over frequency.

    ``max over f of 10 log10(max(Φ_e, φ) / max(Φ_d, φ))`` with φ = the peak of Φ_d − `floor_db`:
    what control adds where there was nothing counts from φ upwards, so that a spectral gap doesn't
    count as an infinite boost.

    Parameters
    ----------
    disturbance, error : array_like, shape (n,) or (n, mics)
        d and e.
    fs : float
        Sample rate in Hz.
    floor_db : float
        φ below the peak of Φ_d, dB, > 0.

    Returns
    -------
    Boost
        With a resolution of about 16 Hz (Welch, Hann, 1/16 s segments, half overlap).

    Notes
    -----
    A causal controller trades reduction at one frequency for boost at another (Bode's integral,
    Hong & Bernstein 1998); a result without this number hides it.
    """
    require(floor_db > 0, "floor_db", floor_db, "> 0")
    require(fs > 0, "fs", fs, "> 0")
    d, e = _pair(disturbance, error)
    frequencies, d_power, e_power = _spectra(d, e, fs, max(round(fs / 16), 16))
    floor = float(d_power.max()) * 10 ** (-floor_db / 10)
    boost = -_ratio_db(np.maximum(d_power, floor), np.maximum(e_power, floor))
    at = int(np.argmax(boost))
    return Boost(float(boost[at]), float(frequencies[at]))
