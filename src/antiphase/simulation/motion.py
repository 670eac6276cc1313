"""Paths that move: wind that bends sound, vehicles that pass, listeners who walk."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy import signal as scipy_signal

from antiphase.arrays import as_signal
from antiphase.dsp import SincInterpolator
from antiphase.errors import SignalError, require

__all__ = ["delay_by", "moving_source", "straight_line", "wind_delay_s"]

Floats = npt.NDArray[np.float64]

_SPEED = 343.2
_HALF_WIDTH = 32


def wind_delay_s(
    n: int,
    fs: float,
    *,
    distance_m: float,
    speed_rms_m_s: float = 1.0,
    time_scale_s: float = 2.0,
    seed: int = 0,
) -> Floats:
    """Return how much later sound arrives because the wind along its path fluctuates.

    ``τ(t) = −distance·u(t)/c²`` with u(t) the wind component along the path, averaged over it: a
    Gaussian process behind two equal first-order low-passes of time constant `time_scale_s`
    (eddies that pass), of the stated RMS. 1 m/s over 20 m is 0.17 ms RMS.

    Parameters
    ----------
    n : int
        Samples wanted, at least 1.
    fs : float
        Hz, > 0.
    distance_m : float
        Length of the path, ≥ 0.
    speed_rms_m_s : float
        RMS of the fluctuation, ≥ 0.
    time_scale_s : float
        > 0.
    seed : int
        ≥ 0.

    Returns
    -------
    ndarray, shape (n,)
        Seconds, zero mean over many seeds.

    Raises
    ------
    ParameterError
        If a parameter is outside its range.

    References
    ----------
    Ostashev & Wilson (2016), Acoustics in Moving Inhomogeneous Media, ch. 7.
    """
    require(n >= 1, "n", n, "at least 1")
    require(fs > 0, "fs", fs, "> 0 Hz")
    require(distance_m >= 0, "distance_m", distance_m, "≥ 0 m")
    require(speed_rms_m_s >= 0, "speed_rms_m_s", speed_rms_m_s, "≥ 0 m/s")
    require(time_scale_s > 0, "time_scale_s", time_scale_s, "> 0 s")
    # The process is far slower than sound: make it at a rate that suits it, then interpolate.
    rate = 50.0 / time_scale_s
    run_in = 500
    count = int(np.ceil(n / fs * rate)) + 2
    rng = np.random.default_rng([seed, 0x3179D])
    pole = float(np.exp(-1 / (time_scale_s * rate)))
    coarse = rng.standard_normal(run_in + count)
    for _ in range(2):
        coarse = scipy_signal.lfilter([1 - pole], [1, -pole], coarse)
    response = np.arange(1, 2000) * pole ** np.arange(1999) * (1 - pole) ** 2
    coarse *= speed_rms_m_s / np.sqrt(np.sum(response**2))
    speed = np.interp(np.arange(n) / fs, np.arange(count) / rate, coarse[run_in:])
    return np.asarray(-distance_m * speed / _SPEED**2, dtype=np.float64)


def delay_by(signal: npt.ArrayLike, fs: float, delay_s: npt.ArrayLike) -> Floats:
    """Return a whole signal later (or earlier) by a delay that may differ for each sample.

    ``y[n] = x(n − fs·delay_s[n])``, band-limited; silence before the start and after the end.

    Parameters
    ----------
    signal : array_like, shape (n,)
    fs : float
        Hz, > 0.
    delay_s : array_like, shape () or (n,)
        Seconds; negative looks ahead, which only a simulation can.

    Raises
    ------
    ParameterError
        If `fs` is not positive.
    SignalError
        If the shapes differ or a value is not finite.
    """
    whole = as_signal("signal", signal, channels=1)
    require(fs > 0, "fs", fs, "> 0 Hz")
    delay = np.asarray(delay_s, dtype=np.float64)
    if delay.shape not in {(), whole.shape}:
        raise SignalError(f"delay_s has shape {delay.shape} but must be () or {whole.shape}")
    if not np.isfinite(delay).all():
        raise SignalError("delay_s holds NaN or Inf")
    padded = np.pad(whole, (_HALF_WIDTH, _HALF_WIDTH + 1))[:, None]
    at = np.clip(np.arange(len(whole)) - fs * delay, -1, len(whole))
    floor = np.floor(at).astype(np.int64)
    interpolator = SincInterpolator(_HALF_WIDTH)
    return interpolator.at(padded, floor + _HALF_WIDTH, at - floor)[:, 0]


def straight_line(
    n: int, fs: float, start_m: Sequence[float], velocity_m_s: Sequence[float]
) -> Floats:
    """Return the positions of something that moves at constant velocity, shape (n, 3).

    Raises
    ------
    ParameterError
        If a vector has not three components or the length or rate is not positive.
    """
    require(n >= 1, "n", n, "at least 1")
    require(fs > 0, "fs", fs, "> 0 Hz")
    start, velocity = (np.asarray(v, dtype=np.float64) for v in (start_m, velocity_m_s))
    require(start.shape == (3,), "start_m", start_m, "(x, y, z)")
    require(velocity.shape == (3,), "velocity_m_s", velocity_m_s, "(x, y, z)")
    return start + np.arange(n)[:, None] / fs * velocity


def moving_source(
    emitted: npt.ArrayLike,
    fs: float,
    source_m: npt.ArrayLike,
    microphone_m: npt.ArrayLike,
    *,
    ground_reflection: float = 0.9,
) -> Floats:
    """Return what a microphone hears of a source when either may move.

    Direct wave and reflection from the ground z = 0 as an image source, each of amplitude 1/r at
    the moment of emission, with travel time and hence Doppler shift exact: sound emitted at t
    arrives at ``t + r(t)/c``.

    Parameters
    ----------
    emitted : array_like, shape (n,)
        Pressure at 1 m.
    fs : float
        Hz, > 0.
    source_m, microphone_m : array_like, shape (3,) or (n, 3)
        Positions at each sample, z ≥ 0 above the ground.
    ground_reflection : float
        Pressure of the reflected wave over that of the direct one, in [−1, 1]; 0 for none.

    Returns
    -------
    ndarray, shape (n,)

    Raises
    ------
    ParameterError
        If `fs` or `ground_reflection` is outside its range.
    SignalError
        If shapes do not fit, or the source outruns the sound or touches the microphone.
    """
    whole = as_signal("emitted", emitted, channels=1)
    require(fs > 0, "fs", fs, "> 0 Hz")
    ok = -1 <= ground_reflection <= 1
    require(ok, "ground_reflection", ground_reflection, "in [−1, 1]")
    n = len(whole)
    shapes = {(3,), (n, 3)}
    source, microphone = (np.asarray(v, dtype=np.float64) for v in (source_m, microphone_m))
    if source.shape not in shapes or microphone.shape not in shapes:
        raise SignalError(f"positions must have shape (3,) or ({n}, 3)")
    time = np.arange(n) / fs
    heard = np.zeros(n)
    for gain, mirror in ((1.0, 1.0), (ground_reflection, -1.0)):
        if gain == 0:
            continue
        way = source * np.array([1.0, 1.0, mirror]) - microphone
        distance = np.broadcast_to(np.linalg.norm(way, axis=-1), (n,))
        arrival = time + distance / _SPEED
        if (distance < 0.01).any() or (np.diff(arrival) <= 0).any():
            raise SignalError("the source must be slower than sound and stay 1 cm off")
        # Before the first arrival the source is taken as resting where it starts.
        emission = np.where(
            time < arrival[0], time - distance[0] / _SPEED, np.interp(time, arrival, time)
        )
        radius = np.interp(emission, time, distance)
        heard += gain * delay_by(whole, fs, time - emission) / radius
    return heard
