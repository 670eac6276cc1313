"""The prediction bound: what is left when the reference comes too late."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import fft, signal

from antiphase.arrays import as_signal
from antiphase.errors import SignalError, require

__all__ = ["prediction_bound_db", "spectral_factor", "two_sided_density"]

Floats = npt.NDArray[np.float64]


def spectral_factor(density: npt.ArrayLike) -> Floats:
    """Return the minimum-phase factor of a power spectral density.

    c with ``|C(f)|² = Φ(f)`` and all zeros inside the unit circle, by the folded cepstrum:
    ``C = exp(ĉ_0/2 + Σ_{q>0} ĉ_q e^{−jωq})``, ĉ = cepstrum of Φ.

    Parameters
    ----------
    density : array_like, shape (size/2 + 1,)
        Φ ≥ 0 on the non-negative frequencies of a transform of even length `size`. Zeros count as
        1e-12 of the mean (a signal with an empty band would be predictable for ever).

    Returns
    -------
    ndarray, shape (size,)
        c; its length must hold the response, or the cepstrum aliases: choose a fine grid.

    Raises
    ------
    SignalError
        If the density is negative, not finite or zero throughout.

    References
    ----------
    Oppenheim & Schafer (2010), Discrete-Time Signal Processing, ch. 13.
    """
    phi = np.asarray(density, dtype=np.float64)
    if phi.ndim != 1 or len(phi) < 2 or not np.isfinite(phi).all() or (phi < 0).any():
        raise SignalError("density must be (lines,), finite and not negative")
    if not phi.any():
        raise SignalError("density is zero throughout; there is nothing to predict")
    size = 2 * (len(phi) - 1)
    cepstrum = fft.irfft(np.log(np.maximum(phi, 1e-12 * phi.mean())), size)
    fold = np.zeros(size)
    fold[0] = fold[size // 2] = 0.5
    fold[1 : size // 2] = 1.0
    factor: Floats = fft.irfft(np.exp(fft.rfft(cepstrum * fold)), size)
    return factor


def two_sided_density(samples: npt.ArrayLike, segment: int = 4096) -> Floats:
    """Return an estimate of the power spectral density for `spectral_factor`.

    Welch's method (Blackman–Harris window, whose leakage at −92 dB doesn't fill spectral gaps;
    three-quarter overlap).

    Parameters
    ----------
    samples : array_like, shape (n,)
        The signal.
    segment : int
        Samples per segment, even. Lines closer than 4 · fs / segment merge: tones need long ones.

    Returns
    -------
    ndarray, shape (segment/2 + 1,)
        Two-sided density per sample: its mean over the full circle is the mean square.
    """
    x = as_signal("samples", samples, channels=1)
    require(segment >= 4 and segment % 2 == 0, "segment", segment, "even and at least 4")
    if len(x) < segment:
        raise SignalError(f"{len(x)} frames are too few for segments of {segment}")
    window = {"nperseg": segment, "noverlap": 3 * segment // 4, "window": "blackmanharris"}
    _, density = signal.welch(x, 1.0, **window, detrend=False, return_onesided=False)
    result: Floats = density[: segment // 2 + 1].real
    return result


def prediction_bound_db(density: npt.ArrayLike, late: npt.ArrayLike) -> Floats:
    """Return the most a causal filter can cancel `late` samples too late (negative margin).

    ``NR_max = 10 log10(Σ_{k≥0} c_k² / Σ_{k<D} c_k²)`` with c the minimum-phase spectral factor: of
    what happens in the D samples that aren't known yet nothing can be cancelled. White noise: 0 dB.
    First order, α: −10 log10(1 − α^(2D)). As D → 0 it is unbounded; D = 1 is the classical
    one-step prediction gain, the spectral flatness.

    Parameters
    ----------
    density : array_like, shape (lines,)
        Φ of the disturbance as for `spectral_factor` (`two_sided_density` estimates it).
    late : array_like of int
        D ≥ 0 samples by which the anti-noise misses the disturbance.

    Returns
    -------
    ndarray
        dB, shape of `late`; inf at 0.

    References
    ----------
    Kolmogorov (1941), Interpolation und Extrapolation von stationären zufälligen Folgen. Szegő
    (1915). Grenander & Szegő (1958), Toeplitz Forms and Their Applications, ch. 10.
    """
    steps = np.asarray(late)
    require(
        bool(np.issubdtype(steps.dtype, np.integer)) and bool((steps >= 0).all()),
        "late",
        late,
        "whole samples ≥ 0",
    )
    energy = np.concatenate([[0.0], np.cumsum(spectral_factor(density) ** 2)])
    missed = energy[np.minimum(steps, len(energy) - 1)]
    with np.errstate(divide="ignore"):
        result: Floats = 10 * np.log10(energy[-1] / missed)
    return result
