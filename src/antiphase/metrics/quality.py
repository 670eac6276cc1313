"""Quality of a signal: level, distortion, noise and clipping."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import fft, signal

from antiphase.arrays import as_signal
from antiphase.errors import SignalError, require

__all__ = ["Clipping", "ToneQuality", "clipping", "level_db", "peak_db", "snr_db", "tone_quality"]

Floats = npt.NDArray[np.float64]


def _to_db(ratio: float) -> float:
    """Return 20 log10, −inf for 0."""
    return 20 * float(np.log10(ratio)) if ratio > 0 else -np.inf


def level_db(samples: npt.ArrayLike, *, reference: float = 1.0) -> float:
    """Return the level ``20 log10(RMS / reference)``.

    Parameters
    ----------
    samples : array_like, shape (n,) or (n, channels)
        The signal; channels count together.
    reference : float
        What 0 dB means: 1.0 is full scale, 20e-6 turns pascals into sound pressure level.

    Returns
    -------
    float
        dB, −inf for silence.
    """
    require(reference > 0, "reference", reference, "> 0")
    x = as_signal("samples", samples)
    if x.size == 0:
        raise SignalError("samples has 0 frames; it has no level")
    return _to_db(float(np.sqrt(np.mean(x**2))) / reference)


def peak_db(samples: npt.ArrayLike, *, reference: float = 1.0) -> float:
    """Return the peak level ``20 log10(max|x| / reference)``.

    Parameters
    ----------
    samples, reference
        As for `level_db`.

    Returns
    -------
    float
        dB, −inf for silence.
    """
    require(reference > 0, "reference", reference, "> 0")
    x = as_signal("samples", samples)
    if x.size == 0:
        raise SignalError("samples has 0 frames; it has no peak")
    return _to_db(float(np.abs(x).max()) / reference)


def snr_db(clean: npt.ArrayLike, degraded: npt.ArrayLike) -> float:
    """Return the signal-to-noise ratio ``10 log10(Σ clean² / Σ (degraded − clean)²)``.

    Parameters
    ----------
    clean, degraded : array_like, same shape
        What should have come and what came, aligned and at the same gain.

    Returns
    -------
    float
        dB; inf when they are equal.
    """
    want, have = as_signal("clean", clean), as_signal("degraded", degraded)
    if want.shape != have.shape:
        raise SignalError(f"degraded has shape {have.shape} but clean has {want.shape}")
    noise, power = float(np.sum((have - want) ** 2)), float(np.sum(want**2))
    if noise == 0:
        return np.inf
    return _to_db(np.sqrt(power / noise))


@dataclass(frozen=True)
class ToneQuality:
    """What a recorded tone is made of.

    Attributes
    ----------
    fundamental_hz : float
        Frequency found.
    level_db : float
        RMS level of the fundamental re 1.0, dB.
    thd_db : float
        Harmonics 2 … re fundamental (root of summed squares), dB.
    snr_db : float
        Fundamental re everything that is no harmonic, dB.
    sinad_db : float
        Fundamental re everything else, dB.
    """

    fundamental_hz: float
    level_db: float
    thd_db: float
    snr_db: float
    sinad_db: float


def _basis(n: int, omega: float, orders: int) -> Floats:
    phase = omega * (np.arange(n) - (n - 1) / 2)
    columns = [f(k * phase) for k in range(1, orders + 1) for f in (np.cos, np.sin)]
    return np.stack([*columns, np.ones(n)], axis=1)


def _refine(x: Floats, omega: float) -> float:
    """Return the frequency of least squares by Gauss–Newton (four-parameter sine fit)."""
    time = np.arange(len(x)) - (len(x) - 1) / 2
    for _ in range(6):
        basis = _basis(len(x), omega, 1)
        a, b, _ = np.linalg.lstsq(basis, x, rcond=None)[0]
        slope = time * (b * basis[:, 0] - a * basis[:, 1])
        omega += float(np.linalg.lstsq(np.column_stack([basis, slope]), x, rcond=None)[0][3])
    return omega


def tone_quality(
    samples: npt.ArrayLike, fs: float, *, fundamental_hz: float | None = None, harmonics: int = 10
) -> ToneQuality:
    """Return distortion and noise of a recorded tone by least-squares sine fits.

    Parameters
    ----------
    samples : array_like, shape (n,)
        The recording, at least ten periods.
    fs : float
        Sample rate in Hz.
    fundamental_hz : float, optional
        Where to look, within 5 %; the strongest line by default.
    harmonics : int
        Highest harmonic counted as distortion, ≥ 2 (those below fs / 2).

    Returns
    -------
    ToneQuality
        All re the fundamental.

    Raises
    ------
    SignalError
        If there is no tone or it is too short.

    References
    ----------
    IEEE Std 1057-2017, Digitizing Waveform Recorders (four-parameter fit). IEC 60268-3.
    """
    require(fs > 0, "fs", fs, "> 0")
    require(harmonics >= 2, "harmonics", harmonics, "at least 2")
    x = as_signal("samples", samples, channels=1)
    if len(x) < 32 or not x.any():
        raise SignalError("samples holds no tone: it is silent or shorter than 32 samples")
    spectrum = np.abs(fft.rfft((x - x.mean()) * signal.windows.blackmanharris(len(x)), 4 * len(x)))
    frequency = np.arange(len(spectrum)) * fs / (4 * len(x))
    if fundamental_hz is not None:
        require(0 < fundamental_hz < fs / 2, "fundamental_hz", fundamental_hz, "in (0, fs / 2)")
        spectrum[np.abs(frequency - fundamental_hz) > 0.05 * fundamental_hz] = 0.0
    omega = 2 * np.pi * float(frequency[int(np.argmax(spectrum))]) / fs
    if omega * len(x) < 20 * np.pi:
        raise SignalError("samples holds less than ten periods of its tone; record longer")
    omega = _refine(x, omega)
    orders = max(1, min(harmonics, int(np.ceil(np.pi / omega)) - 1))
    basis = _basis(len(x), omega, orders)
    weights = np.linalg.lstsq(basis, x, rcond=None)[0]
    left = float(np.mean((x - basis @ weights) ** 2))
    powers = (weights[0:-1:2] ** 2 + weights[1::2] ** 2) / 2
    tone, distortion = float(powers[0]), float(powers[1:].sum())
    with np.errstate(divide="ignore"):
        snr, sinad = (
            float(10 * np.log10(tone / max(p, 1e-300))) for p in (left, left + distortion)
        )
    return ToneQuality(
        fundamental_hz=omega * fs / (2 * np.pi),
        level_db=_to_db(np.sqrt(tone)),
        thd_db=_to_db(np.sqrt(distortion / tone)),
        snr_db=snr,
        sinad_db=sinad,
    )


@dataclass(frozen=True)
class Clipping:
    """Samples at the limit.

    Attributes
    ----------
    samples : int
        Samples at or beyond the limit.
    share : float
        The same as a share of all.
    runs : int
        Times the signal stayed there for two samples or more: a peak touches once, a clipped one
        stays.
    longest : int
        Length of the longest such run (or 1, or 0).
    """

    samples: int
    share: float
    runs: int
    longest: int


def clipping(samples: npt.ArrayLike, *, limit: float = 1.0) -> Clipping:
    """Return how much of a signal is clipped.

    Parameters
    ----------
    samples : array_like, shape (n,) or (n, channels)
        The signal.
    limit : float
        Full scale, > 0; everything within 0.01 % of it counts (int16 ends at 1 − 2⁻¹⁵).

    Returns
    -------
    Clipping
        Counted over all channels.
    """
    require(limit > 0, "limit", limit, "> 0")
    x = as_signal("samples", samples)
    x = x[:, None] if x.ndim == 1 else x
    at = np.abs(x) >= limit * (1 - 1e-4)
    padded = np.zeros((len(at) + 2, at.shape[1]), dtype=np.int8)
    padded[1:-1] = at
    steps = np.diff(padded, axis=0).T
    lengths = np.nonzero(steps == -1)[1] - np.nonzero(steps == 1)[1]
    count = int(at.sum())
    return Clipping(
        samples=count,
        share=count / at.size if at.size else 0.0,
        runs=int((lengths >= 2).sum()),
        longest=int(lengths.max()) if len(lengths) else 0,
    )
