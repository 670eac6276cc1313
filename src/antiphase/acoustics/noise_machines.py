"""Rotating machines and mains hum: tones that follow a shaft, and the noise around them."""

from __future__ import annotations

import numpy as np
from scipy import signal as scipy_signal

from antiphase.acoustics.noise_broadband import pink, shaped, slow, unit
from antiphase.dsp.biquad import butterworth
from antiphase.dsp.stream import Floats
from antiphase.errors import require

__all__ = ["drill", "engine", "fan", "genset", "hum", "tones"]

# Hum of a loaded transformer: amplitudes of 100 … 600 Hz.
_HUM = (1.0, 0.63, 0.4, 0.28, 0.2, 0.14)
# Four-stroke four-cylinder engine: level in dB of order 0.5, 1.0, 1.5 …; firing order 2 leads.
_FIRING_DB = {2.0: 0.0, 4.0: -4.0, 6.0: -9.0, 8.0: -14.0}


def tones(
    phase: Floats, speed_hz: Floats, fs: float, orders: Floats, amplitudes: Floats, offsets: Floats
) -> Floats:
    """Sum of sines locked to a shaft; those within 10 % of fs/2 or above are left out.

    Parameters
    ----------
    phase : ndarray, shape (n,)
        Shaft angle in radians.
    speed_hz : ndarray, shape (n,)
        Shaft speed.
    fs : float
        Hz.
    orders, amplitudes, offsets : ndarray, shape (tones,)
        Multiples of the shaft speed, peak values, phases in radians.
    """
    top = float(speed_hz.max())
    total = np.zeros_like(phase)
    for order, amplitude, offset in zip(orders, amplitudes, offsets, strict=True):
        if order * top < 0.45 * fs:
            total += amplitude * np.sin(order * phase + offset)
    return total


def _shaft(n: int, fs: float, speed_hz: Floats) -> Floats:
    """Angle of a shaft from its speed."""
    return 2 * np.pi * np.cumsum(np.broadcast_to(speed_hz, n)) / fs


def _mix(tonal: Floats, broadband: Floats, broadband_db: float) -> Floats:
    """Tones of unit RMS with broadband noise that many dB below them."""
    total: Floats = unit(tonal) + 10 ** (broadband_db / 20) * unit(broadband)
    return total


def _rotor(
    n: int,
    fs: float,
    rng: np.random.Generator,
    shaft_hz: float,
    drift: float,
    drift_bandwidth_hz: float,
    broadband_db: float,
    highest_order: float,
) -> Floats:
    require(shaft_hz > 0, "shaft_hz", shaft_hz, "> 0 Hz")
    require(0 <= drift < 0.5, "drift", drift, "in [0, 0.5), a share of the speed")
    require(drift_bandwidth_hz > 0, "drift_bandwidth_hz", drift_bandwidth_hz, "> 0 Hz")
    require(highest_order >= 0.5, "highest_order", highest_order, "at least 0.5")
    # Drawn first: `shaft_angle` counts on it.
    speed = shaft_hz * (1 + drift * slow(n, fs, rng, drift_bandwidth_hz))
    orders = np.arange(0.5, highest_order + 0.25, 0.5)
    below = np.where(orders % 1 == 0, -12.0, -16.0) - 6 * np.log2(np.maximum(orders / 4, 1))
    level = np.array([_FIRING_DB.get(float(o), b) for o, b in zip(orders, below, strict=True)])
    offsets = rng.uniform(0, 2 * np.pi, len(orders))
    tonal = tones(_shaft(n, fs, speed), speed, fs, orders, 10 ** (level / 20), offsets)
    noise = shaped(n, fs, rng, lambda f: np.where(f > 30, 1.0, 0.0) / np.sqrt(1 + (f / 400) ** 2))
    return _mix(tonal, noise, broadband_db)


def engine(
    n: int,
    fs: float,
    rng: np.random.Generator,
    *,
    shaft_hz: float = 25.0,
    drift: float = 0.01,
    drift_bandwidth_hz: float = 0.3,
    broadband_db: float = -15.0,
    highest_order: float = 20.0,
) -> Floats:
    """Four-stroke engine at 1500 rpm whose speed wanders.

    Half orders 0.5 … `highest_order`: firing orders 2, 4, 6, 8 at 0, −4, −9, −14 dB, other whole
    orders −12 dB, half orders −16 dB, the latter two falling 6 dB per octave above order 4;
    random fixed phases. Broadband: white above 30 Hz, falling 6 dB per octave above 400 Hz.

    Parameters
    ----------
    n : int
        Samples.
    fs : float
        Hz.
    rng : numpy.random.Generator
    shaft_hz : float
        Mean speed in revolutions per second.
    drift : float
        Largest deviation of the speed, as a share (RMS about half of it).
    drift_bandwidth_hz : float
        How fast the speed wanders.
    broadband_db : float
        Broadband power relative to that of the tones.
    highest_order : float
    """
    return _rotor(n, fs, rng, shaft_hz, drift, drift_bandwidth_hz, broadband_db, highest_order)


def shaft_angle(
    n: int,
    fs: float,
    rng: np.random.Generator,
    *,
    shaft_hz: float = 25.0,
    drift: float = 0.01,
    drift_bandwidth_hz: float = 0.3,
) -> Floats:
    """Angle of the shaft in rad, of the `engine` made from a generator in the same state.

    Parameters
    ----------
    n, fs, rng, shaft_hz, drift, drift_bandwidth_hz
        As for `engine`.
    """
    return _shaft(n, fs, shaft_hz * (1 + drift * slow(n, fs, rng, drift_bandwidth_hz)))


def genset(
    n: int,
    fs: float,
    rng: np.random.Generator,
    *,
    shaft_hz: float = 25.0,
    drift: float = 0.001,
    drift_bandwidth_hz: float = 0.3,
    broadband_db: float = -15.0,
    highest_order: float = 20.0,
) -> Floats:
    """Make the sound of a generating set: `engine` with its speed governed to ± 0.1 %.

    Parameters
    ----------
    n, fs, rng, shaft_hz, drift, drift_bandwidth_hz, broadband_db, highest_order
        As for `engine`.
    """
    return _rotor(n, fs, rng, shaft_hz, drift, drift_bandwidth_hz, broadband_db, highest_order)


def fan(
    n: int,
    fs: float,
    rng: np.random.Generator,
    *,
    blade_hz: float = 169.0,
    harmonics: int = 4,
    tonal_share: float = 0.5,
) -> Floats:
    """Axial fan: blade-passing tones falling 6 dB each, and flow noise.

    Flow noise: flat from 60 to 500 Hz, 6 dB per octave below and above.

    Parameters
    ----------
    n : int
        Samples.
    fs : float
        Hz.
    rng : numpy.random.Generator
    blade_hz : float
        Blade-passing frequency, > 0.
    harmonics : int
        Tones, at least 1.
    tonal_share : float
        Share of the power in the tones, in (0, 1).
    """
    require(blade_hz > 0, "blade_hz", blade_hz, "> 0 Hz")
    require(harmonics >= 1, "harmonics", harmonics, "at least 1")
    require(0 < tonal_share < 1, "tonal_share", tonal_share, "in (0, 1)")
    orders = np.arange(1.0, harmonics + 1)
    speed = np.full(n, blade_hz)
    offsets = rng.uniform(0, 2 * np.pi, harmonics)
    tonal = tones(_shaft(n, fs, speed), speed, fs, orders, 0.5 ** (orders - 1), offsets)
    flow = shaped(n, fs, rng, lambda f: f / np.hypot(f, 60) / np.sqrt(1 + (f / 500) ** 2))
    return _mix(tonal, flow, 10 * np.log10((1 - tonal_share) / tonal_share))


def hum(
    n: int,
    fs: float,
    rng: np.random.Generator,
    *,
    mains_hz: float = 50.0,
    broadband_db: float = -30.0,
) -> Floats:
    """Make transformer hum: twice the mains frequency × 1–6 and some pink noise above 20 Hz.

    Amplitudes 1, 0.63, 0.4, 0.28, 0.2, 0.14; random fixed phases.

    Parameters
    ----------
    n : int
        Samples.
    fs : float
        Hz.
    rng : numpy.random.Generator
    mains_hz : float
        > 0: 50, 60, or 16.7 for railways.
    broadband_db : float
        Noise power relative to that of the tones.
    """
    require(mains_hz > 0, "mains_hz", mains_hz, "> 0 Hz")
    speed = np.full(n, 2 * mains_hz)
    offsets = rng.uniform(0, 2 * np.pi, len(_HUM))
    orders: Floats = np.arange(1.0, len(_HUM) + 1)
    tonal = tones(_shaft(n, fs, speed), speed, fs, orders, np.array(_HUM), offsets)
    return _mix(tonal, pink(n, fs, rng), broadband_db)


def _load(n: int, fs: float, rng: np.random.Generator, cycle_s: float) -> Floats:
    """How hard the bit is pressed, 0–1: drilling for about 60 % of each cycle, smooth edges."""
    wanted = np.zeros(n)
    start = rng.uniform(0.1, 0.3) * cycle_s
    while start * fs < n:
        length = rng.uniform(0.5, 0.7) * cycle_s
        wanted[round(start * fs) : round((start + length) * fs)] = rng.uniform(0.7, 1.0)
        start += rng.uniform(0.85, 1.15) * cycle_s
    sections = butterworth("lowpass", 4.0, fs, 2)
    smooth: Floats = np.clip(scipy_signal.sosfilt(sections, wanted), 0, 1.1)
    return smooth


def drill(
    n: int,
    fs: float,
    rng: np.random.Generator,
    *,
    motor_hz: float = 283.0,
    gear_teeth: int = 7,
    gear_ratio: float = 9.3,
    cycle_s: float = 2.5,
    sag: float = 0.12,
) -> Floats:
    """Hand-held power drill with a universal motor, as a recording at arm's length sounds.

    Motor speed 17 000 rpm idling, sagging under load, ± 0.5 % wander. Tones: motor imbalance
    (orders 1, 2), gear mesh (`gear_teeth` × 1–4, with sidebands of the spindle), cooling fan
    (order 9), magnetic pull at 100 Hz. Noise: cooling air around 1.6 kHz, and under load the bit
    in masonry, 300–2500 Hz, beaten twice per turn of the spindle. Levels idle: tones 0 dB, air
    −6 dB; load adds up to 8 dB of contact noise and 3 dB of gear mesh.

    Parameters
    ----------
    n : int
        Samples.
    fs : float
        Hz.
    rng : numpy.random.Generator
    motor_hz : float
        Motor speed without load in revolutions per second, > 0.
    gear_teeth : int
        Of the motor's pinion, at least 1.
    gear_ratio : float
        Motor turns per spindle turn, > 1.
    cycle_s : float
        Time from one hole to the next, > 0.
    sag : float
        Share of the speed lost under full load, in [0, 0.5).

    References
    ----------
    Generated, not recorded: orders follow from the construction of such tools; the levels are a
    choice.
    """
    require(motor_hz > 0, "motor_hz", motor_hz, "> 0 Hz")
    require(gear_teeth >= 1, "gear_teeth", gear_teeth, "at least 1")
    require(gear_ratio > 1, "gear_ratio", gear_ratio, "> 1")
    require(cycle_s > 0, "cycle_s", cycle_s, "> 0 s")
    require(0 <= sag < 0.5, "sag", sag, "in [0, 0.5)")
    load = _load(n, fs, rng, cycle_s)
    speed = motor_hz * (1 - sag * load) * (1 + 0.005 * slow(n, fs, rng, 2.0))
    angle = _shaft(n, fs, speed)
    spindle = angle / gear_ratio

    def offsets(count: int) -> Floats:
        return rng.uniform(0, 2 * np.pi, count)

    rotor_orders, rotor_levels = np.array([1.0, 2.0, 9.0]), np.array([0.8, 0.4, 0.35])
    body = tones(angle, speed, fs, rotor_orders, rotor_levels, offsets(3))
    mesh_orders = gear_teeth * np.arange(1.0, 5.0)
    mesh = tones(angle, speed, fs, mesh_orders, np.array([0.5, 0.35, 0.2, 0.1]), offsets(4))
    mesh *= (1 + 0.3 * np.sin(spindle)) * (1 + 0.41 * load)
    mains = 0.15 * np.sin(2 * np.pi * 100 * np.arange(n) / fs + rng.uniform(0, 2 * np.pi))
    air = shaped(n, fs, rng, lambda f: f / 800 / (1 + (f / 1600) ** 2))
    contact = shaped(n, fs, rng, lambda f: f**2 / (f**2 + 300.0**2) / (1 + (f / 2500) ** 2))
    beats = 0.5 + np.maximum(np.sin(2 * spindle + rng.uniform(0, 2 * np.pi)), 0) ** 2
    tonal = unit(body + mesh + mains)
    total: Floats = tonal + 0.5 * air + 2.0 * load * beats * contact
    return total
