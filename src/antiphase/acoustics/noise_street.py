"""Noise of streets and building sites: passing vehicles, and blows."""

from __future__ import annotations

import numpy as np
from scipy import signal as scipy_signal

from antiphase.acoustics.noise_broadband import shaped, unit
from antiphase.dsp.stream import Floats
from antiphase.errors import require

__all__ = ["impulsive", "traffic"]


def _hump(f: Floats, mid_hz: float, octaves: float) -> Floats:
    """Bell in log frequency: −3 dB at `octaves` above and below the middle."""
    distance = np.log2(np.maximum(f, 1.0) / mid_hz)
    bell: Floats = np.exp(-0.5 * np.log(2) * (distance / octaves) ** 2)
    return bell


def traffic(
    n: int,
    fs: float,
    rng: np.random.Generator,
    *,
    vehicles_per_minute: float = 30.0,
    speed_m_s: float = 14.0,
    distance_m: float = 7.5,
    flow_db: float = -10.0,
) -> Floats:
    """Road traffic: a steady flow far away and single vehicles passing.

    Each part has engine noise (bell around 80 Hz, ± 0.8 octave) and tyre noise (bell around 1 kHz,
    ± 0.7 octave) of equal power; a vehicle's level follows ``1 / (1 + (v·t/r)²)`` in power and
    its balance differs by ± 3 dB from one vehicle to the next.

    Parameters
    ----------
    n : int
        Samples.
    fs : float
        Hz.
    rng : numpy.random.Generator
    vehicles_per_minute : float
        Mean of the Poisson process, ≥ 0.
    speed_m_s, distance_m : float
        Speed of the vehicles and their nearest distance, > 0.
    flow_db : float
        Power of the steady flow relative to one vehicle at its nearest.
    """
    require(vehicles_per_minute >= 0, "vehicles_per_minute", vehicles_per_minute, "≥ 0")
    require(speed_m_s > 0, "speed_m_s", speed_m_s, "> 0")
    require(distance_m > 0, "distance_m", distance_m, "> 0")
    seconds = n / fs
    t = np.arange(n) / fs
    margin = 5 * distance_m / speed_m_s
    count = rng.poisson(vehicles_per_minute / 60 * (seconds + 2 * margin))
    engine_power = np.full(n, 10 ** (flow_db / 10))
    tyre_power = engine_power.copy()
    for instant, balance_db in zip(
        rng.uniform(-margin, seconds + margin, count), rng.uniform(-3, 3, count), strict=True
    ):
        nearness = 1 / (1 + (speed_m_s * (t - instant) / distance_m) ** 2)
        engine_power += nearness * 10 ** (balance_db / 10)
        tyre_power += nearness * 10 ** (-balance_db / 10)
    low = shaped(n, fs, rng, lambda f: _hump(f, 80.0, 0.8))
    tyre = shaped(n, fs, rng, lambda f: _hump(f, 1000.0, 0.7))
    total: Floats = np.sqrt(engine_power) * low + np.sqrt(tyre_power) * tyre
    return total


def impulsive(
    n: int,
    fs: float,
    rng: np.random.Generator,
    *,
    blows_per_second: float = 6.0,
    decay_ms: float = 25.0,
    background_db: float = -25.0,
) -> Floats:
    """Blows on resonant bodies at random instants, over a quiet background.

    A blow is a burst of 0.5 ms of noise on six modes between 150 and 1500 Hz (fixed for the run),
    each decaying with its own time around `decay_ms`; strengths are log-normal (σ 5 dB). The
    background is white, low-passed at 1 kHz.

    Parameters
    ----------
    n : int
        Samples.
    fs : float
        Hz.
    rng : numpy.random.Generator
    blows_per_second : float
        Mean of the Poisson process, > 0; one blow at least.
    decay_ms : float
        Time in which a mode falls by 8.7 dB, > 0.
    background_db : float
        Relative to the mean power of the blows.
    """
    require(blows_per_second > 0, "blows_per_second", blows_per_second, "> 0")
    require(decay_ms > 0, "decay_ms", decay_ms, "> 0 ms")
    count = max(1, int(rng.poisson(blows_per_second * n / fs)))
    force = np.zeros(n)
    length = max(1, round(0.0005 * fs))
    for start in rng.integers(0, n, count):
        burst = rng.standard_normal(length) * 10 ** (rng.normal(0, 5) / 20)
        stop = min(n, start + length)
        force[start:stop] += burst[: stop - start]
    blows = np.zeros(n)
    for mode_hz in np.geomspace(150, 1500, 6) * rng.uniform(0.9, 1.1, 6):
        radius = np.exp(-1000 / (decay_ms * rng.uniform(0.6, 1.6) * fs))
        poles = [1.0, -2 * radius * np.cos(2 * np.pi * mode_hz / fs), radius**2]
        blows += scipy_signal.lfilter([1.0, 0.0, -1.0], poles, force)
    background = shaped(n, fs, rng, lambda f: 1 / (1 + (f / 1000) ** 2))
    return unit(blows) + 10 ** (background_db / 20) * background
