"""The limits that physics sets, one function each; every result is shown beside one of these.

1. `coherence_bound` – what a linear filter of any kind can make of this reference;
2. `gain_phase_bound_db` – what a gain and a phase error leave;
3. `fixed_filter_bound` – what a causal, time-invariant filter of a given length reaches;
4. `prediction_bound_db` – what is left for a reference that comes too late;
5. `zone_of_quiet_db` – how far from the error microphone it stays quiet;
6. `delayed_step_limit`, `fxlms_step_limit` – how fast adaptation may be;
7. `reblocking_latency`, `duplex_latency` – what block input and output cost.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import optimize

from antiphase.errors import require
from antiphase.metrics.coherence import CoherenceBound, coherence_bound
from antiphase.metrics.fixed_filter import Bound, fixed_filter_bound
from antiphase.metrics.prediction import prediction_bound_db, spectral_factor

__all__ = [
    "Bound",
    "CoherenceBound",
    "Duplex",
    "coherence_bound",
    "delayed_step_limit",
    "duplex_latency",
    "fixed_filter_bound",
    "fxlms_step_limit",
    "gain_phase_bound_db",
    "gain_tolerance_db",
    "phase_tolerance_deg",
    "prediction_bound_db",
    "reblocking_latency",
    "spectral_factor",
    "zone_of_quiet_db",
    "zone_of_quiet_radius",
]

Floats = npt.NDArray[np.float64]

SPEED_OF_SOUND = 343.0  # m/s, air at 20 °C


def gain_phase_bound_db(gain_db: npt.ArrayLike, phase_deg: npt.ArrayLike) -> Floats:
    """Return the noise reduction left by a gain and a phase error of the anti-noise.

    ``NR = −10 log10(1 + g² − 2g cos φ)``. 20 dB needs less than 0.83 dB and 5.7°; at 60° nothing is
    gained even with the right gain.

    Parameters
    ----------
    gain_db : array_like
        Level of the anti-noise re what would cancel, dB.
    phase_deg : array_like
        Its phase error in degrees.

    Returns
    -------
    ndarray
        dB, inf for no error.

    References
    ----------
    Nelson & Elliott (1992), Active Control of Sound, ch. 1.
    """
    gain = 10 ** (np.asarray(gain_db, dtype=np.float64) / 20)
    half = np.sin(np.radians(np.asarray(phase_deg, dtype=np.float64)) / 2)
    with np.errstate(divide="ignore"):
        result: Floats = -10 * np.log10((1 - gain) ** 2 + 4 * gain * half**2)
    return result


def gain_tolerance_db(nr_db: float) -> float:
    """Return the gain error in dB (too loud) that `nr_db` allows at the right phase.

    ``20 log10(1 + 10^(−NR/20))``.

    Parameters
    ----------
    nr_db : float
        Wanted noise reduction, dB.

    Returns
    -------
    float
        dB.
    """
    return 20 * math.log10(1 + 10 ** (-nr_db / 20))


def phase_tolerance_deg(nr_db: float) -> float:
    """Return the phase error in degrees that `nr_db` allows at the right gain.

    ``2 arcsin(10^(−NR/20) / 2)``.

    Parameters
    ----------
    nr_db : float
        Wanted noise reduction, dB, ≥ −6.

    Returns
    -------
    float
        Degrees.
    """
    half = 10 ** (-nr_db / 20) / 2
    require(half <= 1 + 1e-9, "nr_db", nr_db, "≥ −6.02")
    return 2 * math.degrees(math.asin(min(half, 1.0)))


def zone_of_quiet_db(
    distance_m: npt.ArrayLike,
    frequency_hz: npt.ArrayLike,
    *,
    field_ratio: float = 0.0,
    speed: float = SPEED_OF_SOUND,
) -> Floats:
    """Return the noise reduction at a distance from a perfect error microphone, diffuse field.

    ``NR = −10 log10((1 − sinc²(kr))·(1 + q))`` with sinc(u) = sin(u)/u, k = 2πf/c: the part of the
    sound that a point at r does not share with the microphone can't be cancelled from there.

    Parameters
    ----------
    distance_m : array_like
        r in metres.
    frequency_hz : array_like
        f in Hz, broadcast with r.
    field_ratio : float
        q ≥ 0, mean square of the secondary field over that of the primary one where they don't
        match. 0 is the bound (best case); a distant loudspeaker in the same diffuse field has
        q ≥ 1.
    speed : float
        c in m/s.

    Returns
    -------
    ndarray
        dB, inf at r = 0; negative where it gets louder.

    References
    ----------
    Elliott, Joseph, Bullmore & Nelson (1988), Active cancellation at a point in a pure tone diffuse
    sound field.
    """
    require(field_ratio >= 0, "field_ratio", field_ratio, "≥ 0")
    require(speed > 0, "speed", speed, "> 0")
    wavelengths = np.asarray(distance_m, dtype=np.float64) * np.asarray(frequency_hz) / speed
    # np.sinc is sin(πu)/(πu), so u = 2r/λ gives sin(kr)/(kr).
    shared = np.sinc(2 * wavelengths) ** 2
    with np.errstate(divide="ignore"):
        result: Floats = -10 * np.log10((1 - shared) * (1 + field_ratio))
    return result


def zone_of_quiet_radius(
    frequency_hz: float,
    nr_db: float = 10.0,
    *,
    field_ratio: float = 0.0,
    speed: float = SPEED_OF_SOUND,
) -> float:
    """Return the radius in metres within which at least `nr_db` is left (`zone_of_quiet_db`).

    Parameters
    ----------
    frequency_hz : float
        Hz, > 0.
    nr_db : float
        dB, > 0. 10 dB hold within .088 λ: 30 cm at 100 Hz, 3 cm at 1 kHz.
    field_ratio, speed
        As for `zone_of_quiet_db`.

    Returns
    -------
    float
        Metres.
    """
    require(frequency_hz > 0, "frequency_hz", frequency_hz, "> 0")
    require(nr_db > 0, "nr_db", nr_db, "> 0")

    def excess(radius: float) -> float:
        level = zone_of_quiet_db(radius, frequency_hz, field_ratio=field_ratio, speed=speed)
        return float(level) - nr_db

    # Up to the first zero of sinc, at λ/2, the level falls all the way.
    return float(optimize.brentq(excess, 1e-9 * speed / frequency_hz, speed / frequency_hz / 2))


def delayed_step_limit(delay: int, phase_error_deg: float = 0.0) -> float:
    """Return the largest stable step of one mode of a delayed filtered-x update.

    The mode obeys ``w[n+1] = w[n] − a·e^{jφ}·w[n − D]`` with a = mu times the mode's power, D the
    delay in the secondary path and φ the phase error of its estimate. Stable for
    ``0 < a < 2 sin((π/2 − |φ|) / (2D + 1))``; never for |φ| ≥ 90°.

    Parameters
    ----------
    delay : int
        D ≥ 0 in samples.
    phase_error_deg : float
        φ in degrees.

    Returns
    -------
    float
        The limit of a: 2 without delay and error, 0 from 90° on.

    References
    ----------
    Morgan (1980), An analysis of multiple correlation cancellation loops with a filter in the
    auxiliary path. Elliott, Stothers & Nelson (1987), A multiple error LMS algorithm. The form with
    both D and φ is the root condition of z^(D+1) − z^D + a·e^{jφ} on the unit circle.
    """
    require(delay >= 0, "delay", delay, "≥ 0")
    left = math.pi / 2 - math.radians(abs(phase_error_deg))
    return 2 * math.sin(left / (2 * delay + 1)) if left > 0 else 0.0


def fxlms_step_limit(n_taps: int, delay: int) -> float:
    """Return the rule-of-thumb limit of FxLMS's normalised step on a white x′.

    ``mu < 2·n_taps / (n_taps + D)`` for the step divided by the energy of n_taps samples of x′
    (FxNLMS's `mu`). It is an upper limit: on resonant paths x′ is far from white and the step that
    holds is 40 to 100 times smaller (`identify.stability` estimates it from the path).

    Parameters
    ----------
    n_taps : int
        Length of w.
    delay : int
        D, overall delay in the secondary path, samples.

    Returns
    -------
    float
        Limit of the normalised step.

    References
    ----------
    Elliott & Nelson (1989), Multiple-point equalization in a room using adaptive digital filters.
    Kuo & Morgan (1996), Active Noise Control Systems, ch. 3.
    """
    require(n_taps >= 1, "n_taps", n_taps, "at least 1")
    require(delay >= 0, "delay", delay, "≥ 0")
    return 2 * n_taps / (n_taps + delay)


def reblocking_latency(outer: int, inner: int) -> int:
    """Return the samples of delay it takes to run blocks of one size inside blocks of another.

    ``Δ = inner − gcd(outer, inner)``: 0 when `inner` divides `outer`, the worst where they have no
    common factor.

    Parameters
    ----------
    outer, inner : int
        Block sizes in samples, ≥ 1: of the device and of the processing.

    Returns
    -------
    int
        Samples.

    Notes
    -----
    After n outer blocks n·outer samples have come and inner·⌊n·outer / inner⌋ have gone through;
    the remainder is largest at inner − gcd.
    """
    require(outer >= 1, "outer", outer, "at least 1")
    require(inner >= 1, "inner", inner, "at least 1")
    return inner - math.gcd(outer, inner)


@dataclass(frozen=True)
class Duplex:
    """What block input and output cost.

    Attributes
    ----------
    samples : int
        Delay in samples.
    latency_ms : float
        The same in milliseconds.
    air_m : float
        How far sound goes meanwhile, metres.
    """

    samples: int
    latency_ms: float
    air_m: float


def duplex_latency(
    block_size: int, fs: float, *, inner: int | None = None, speed: float = SPEED_OF_SOUND
) -> Duplex:
    """Return the least delay of duplex block audio: one block to fill, one to play.

    ``2·block_size + (inner − gcd(block_size, inner))``. 64 samples at 48 kHz: 2.7 ms, 0.92 m.

    Parameters
    ----------
    block_size : int
        Samples per block of the device.
    fs : float
        Sample rate in Hz.
    inner : int, optional
        Block size of the processing where it differs (`reblocking_latency`).
    speed : float
        Speed of sound in m/s.

    Returns
    -------
    Duplex
        In samples, milliseconds and metres of air.
    """
    require(fs > 0, "fs", fs, "> 0")
    inner = block_size if inner is None else inner
    samples = 2 * block_size + reblocking_latency(block_size, inner)
    return Duplex(samples, 1000 * samples / fs, speed * samples / fs)
