"""Whether a controller with this model would be stable on this path, before it starts."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import fft, signal

from antiphase.arrays import as_signal
from antiphase.errors import SignalError, StabilityError, require
from antiphase.metrics.path_error import path_error

__all__ = ["StabilityReport", "StabilityWarning", "StepLimit", "check_stability", "step_limit"]

Floats = npt.NDArray[np.float64]
Spectrum = npt.NDArray[np.complex128]

_LIMIT_DEG = {"fxlms": 90.0, "least_squares": 60.0}
_QUIET_DB = 40.0
_LOUD_DB = 20.0
# What the mean analysis leaves out (gradient noise, coupled modes) costs a factor of 2.5 to 5 on
# measured ducts with white and recorded noise, and 4 on a pure delay.
_MEAN_TO_PRACTICE = 4.0


class StabilityWarning(UserWarning):
    """A controller that would be unstable on the path it is given."""


@dataclass(frozen=True)
class StabilityReport:
    """Result of `check_stability`.

    Attributes
    ----------
    stable : bool
        Whether the phase error stays below the limit in the whole band.
    worst_phase_deg, worst_hz : float
        Largest phase error and where.
    limit_deg : float
        90 for filtered-x gradient updates, 60 for least squares on d̂ = e − ŝ∗y.
    unstable_hz : tuple of (float, float), or empty
        Bands in which the limit is passed, low and high edge.
    error_db : float
        Energy of the model error re the path.
    frequency_hz, phase_deg : ndarray, shape (lines,)
        Phase error by frequency; for several channels the largest angle among the modes.
    message : str
        One sentence.
    """

    stable: bool
    worst_phase_deg: float
    worst_hz: float
    limit_deg: float
    unstable_hz: tuple[tuple[float, float], ...]
    error_db: float
    frequency_hz: Floats
    phase_deg: Floats
    message: str


def _as_matrix(name: str, path: npt.ArrayLike) -> Floats:
    taps = np.asarray(path, dtype=np.float64)
    taps = taps[None, None, :] if taps.ndim == 1 else taps
    if taps.ndim != 3:
        raise SignalError(f"{name} must be (taps,) or [mic, loudspeaker, taps]")
    return taps


def _mode_phases(true: Spectrum, model: Spectrum) -> tuple[Floats, Floats]:
    """Return the largest angle of the eigenvalues of Ŝᴴ·S, and the path's power, by frequency."""
    product = np.einsum("mkf,mlf->fkl", np.conj(model), true)
    power = np.einsum("mkf->f", np.abs(true) ** 2)
    if product.shape[-1] == 1:
        return np.degrees(np.abs(np.angle(product[:, 0, 0]))), power
    modes = np.linalg.eigvals(product)
    size = np.abs(modes)
    # More loudspeakers than microphones leave modes at zero that only leakage moves.
    heard = size > 1e-6 * size.max(axis=1, keepdims=True)
    return np.degrees(np.where(heard, np.abs(np.angle(modes)), 0.0)).max(axis=1), power


def _bands(frequency: Floats, bad: npt.NDArray[np.bool_]) -> tuple[tuple[float, float], ...]:
    """Return the runs of `bad` as (low, high) in Hz."""
    steps = np.diff(np.concatenate([[0], bad.astype(np.int8), [0]]))
    starts, ends = np.flatnonzero(steps == 1), np.flatnonzero(steps == -1) - 1
    return tuple(
        (float(frequency[a]), float(frequency[b])) for a, b in zip(starts, ends, strict=True)
    )


def check_stability(
    secondary_path: npt.ArrayLike,
    estimate: npt.ArrayLike,
    fs: float,
    band: tuple[float, float] | None = None,
    *,
    method: Literal["fxlms", "least_squares"] = "fxlms",
    strict: bool = False,
) -> StabilityReport:
    """Return whether adaptation with this model is stable on this path, and where not.

    A filtered-x gradient update converges, for a small enough step, if and only if
    ``Re λ(Ŝᴴ·S) > 0`` for every mode at every frequency with energy: a phase error below 90° for
    one channel. Least squares on d̂ = e − ŝ∗y takes the whole step at once and needs
    ``|Ŝ − S| < |Ŝ|``: below 60° at the right gain.

    Parameters
    ----------
    secondary_path : array_like, shape (taps,) or [mic, loudspeaker, taps]
        s, the path or its newest measurement.
    estimate : array_like, same shape, taps may differ
        ŝ, what the controller uses.
    fs : float
        Sample rate in Hz.
    band : (low, high), optional
        Frequencies in Hz at which the reference has energy; frequencies 40 dB below the path's peak
        there are left out. Without a band: where the path is within 20 dB of its peak.
    method : {"fxlms", "least_squares"}
        The update that will run.
    strict : bool
        Refuse instead of warning.

    Returns
    -------
    StabilityReport
        With the frequencies where the limit is passed.

    Raises
    ------
    StabilityError
        If unstable and `strict`.
    ParameterError, SignalError
        If the input does not fit.

    Warns
    -----
    StabilityWarning
        If unstable and not `strict`; names the frequency.

    References
    ----------
    Morgan (1980), An analysis of multiple correlation cancellation loops with a filter in the
    auxiliary path. Elliott, Boucher & Nelson (1992), The behavior of a multiple channel active
    control system.
    """
    require(method in _LIMIT_DEG, "method", method, "'fxlms' or 'least_squares'")
    true, model = _as_matrix("secondary_path", secondary_path), _as_matrix("estimate", estimate)
    found = path_error(true, model, fs)
    size = 2 * (len(found.frequency_hz) - 1)
    phase, power = _mode_phases(fft.rfft(true, size), fft.rfft(model, size))
    within = np.ones(len(phase), dtype=bool)
    if band is not None:
        low, high = band
        require(0 <= low < high <= fs / 2, "band", band, f"low < high in 0 … {fs / 2:g} Hz")
        within = (found.frequency_hz >= low) & (found.frequency_hz <= high)
        if not within.any():
            within[int(np.argmin(np.abs(found.frequency_hz - (low + high) / 2)))] = True
    quiet = _LOUD_DB if band is None else _QUIET_DB
    within &= power >= power[within].max() * 10 ** (-quiet / 10)

    limit = _LIMIT_DEG[method]
    judged = np.where(within, phase, 0.0)
    worst = int(np.argmax(judged))
    worst_deg, worst_hz = float(judged[worst]), float(found.frequency_hz[worst])
    stable = worst_deg < limit
    where = f"phase error of the model is {worst_deg:.0f}° at {worst_hz:.0f} Hz"
    message = (
        f"{where}, below the {limit:.0f}° that {method} allows"
        if stable
        else f"{where} but {method} needs less than {limit:.0f}°; identify the secondary path again"
    )
    report = StabilityReport(
        stable=stable,
        worst_phase_deg=worst_deg,
        worst_hz=worst_hz,
        limit_deg=limit,
        unstable_hz=_bands(found.frequency_hz, within & (phase >= limit)),
        error_db=found.error_db,
        frequency_hz=found.frequency_hz,
        phase_deg=phase,
        message=message,
    )
    if not stable and strict:
        raise StabilityError(message)
    if not stable:
        warnings.warn(message, StabilityWarning, stacklevel=2)
    return report


@dataclass(frozen=True)
class StepLimit:
    """Result of `step_limit`.

    Attributes
    ----------
    mu : float
        Largest normalised step (FxNLMS's `mu`) expected to be stable.
    frequency_hz : float
        The frequency that sets it.
    delay : float
        Group delay of the secondary path there, samples.
    """

    mu: float
    frequency_hz: float
    delay: float


def step_limit(
    reference: npt.ArrayLike,
    secondary_path: npt.ArrayLike,
    n_taps: int,
    fs: float,
    *,
    estimate: npt.ArrayLike | None = None,
) -> StepLimit:
    """Estimate the largest stable normalised step of FxNLMS on a path.

    Each frequency is one mode of power λ(f), the spectrum of x′ seen through `n_taps` samples, in a
    loop with the group delay D(f) of S and the phase error φ(f) of Ŝ:
    ``mu(f) = 2 sin((π/2 − |φ|) / (2D + 1)) · n_taps·σ²_x′ / λ(f) · |Ŝ|/|S|``; the smallest over f
    is the limit of the mean. Gradient noise and coupling of the modes, which the mean leaves out,
    take a factor of 2.5 to 5 on measured ducts; the figure returned is a quarter of the mean limit
    and at most 2. Use a half of it or less.

    Parameters
    ----------
    reference : array_like, shape (n,)
        x, at least 4 · n_taps samples.
    secondary_path : array_like, shape (taps,)
        s.
    n_taps : int
        Length of w.
    fs : float
        Sample rate in Hz.
    estimate : array_like, shape (taps,), optional
        ŝ; s by default.

    Returns
    -------
    StepLimit
        0 where the phase error passes 90° at a frequency with energy.

    Raises
    ------
    ParameterError, SignalError
        If the input does not fit.

    References
    ----------
    Morgan (1980). Elliott (2001), Signal Processing for Active Control, ch. 3. The factor 4 is our
    own measurement.
    """
    x, s = as_signal("reference", reference, channels=1), np.asarray(secondary_path, np.float64)
    model = s if estimate is None else np.asarray(estimate, np.float64)
    require(n_taps >= 1, "n_taps", n_taps, "at least 1")
    if s.ndim != 1 or model.ndim != 1:
        raise SignalError("secondary_path and estimate must be (taps,)")
    if len(x) < 4 * n_taps:
        raise SignalError(f"reference has {len(x)} frames but needs {4 * n_taps}")
    size = fft.next_fast_len(4 * max(len(s), len(model), 2 * n_taps), real=True)
    path, guess = fft.rfft(s, size), fft.rfft(model, size)
    power = np.maximum(np.abs(path) ** 2, 1e-30)
    slope = fft.rfft(s * np.arange(len(s)), size)
    delay = np.maximum(np.real(slope * np.conj(path)) / power, 0.0)
    left = np.maximum(np.pi / 2 - np.abs(np.angle(guess * np.conj(path))), 0.0)

    filtered = signal.oaconvolve(x, model)[: len(x)]
    _, density = signal.welch(
        filtered, 1.0, nperseg=2 * n_taps, return_onesided=False, detrend=False
    )
    if not density.any():
        raise SignalError("reference or estimate is silent; there is no step to limit")
    grid = np.arange(len(path)) / size
    seen = np.interp(grid, np.arange(n_taps + 1) / (2 * n_taps), np.abs(density[: n_taps + 1]))
    mode = seen / density.mean() * np.sqrt(power) / np.maximum(np.abs(guess), 1e-15)
    heard = mode > 1e-3 * mode.max()
    limit = np.full(len(path), np.inf)
    limit[heard] = 2 * np.sin(left / (2 * delay + 1))[heard] * n_taps / mode[heard]
    at = int(np.argmin(limit))
    return StepLimit(
        mu=min(2.0, float(limit[at]) / _MEAN_TO_PRACTICE),
        frequency_hz=float(grid[at] * fs),
        delay=float(delay[at]),
    )
