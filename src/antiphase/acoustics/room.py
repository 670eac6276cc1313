"""Paths in a rectangular room, by image sources and optionally ray tracing (pyroomacoustics)."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt

from antiphase.acoustics.medium import speed_of_sound
from antiphase.acoustics.paths import AcousticPaths, distance_m
from antiphase.dsp.stream import Floats
from antiphase.errors import ParameterError, require

__all__ = ["reverberation_time_s", "room_paths", "sabine_absorption"]

# Images grow with the cube of the order; beyond this a path takes minutes and gigabytes.
_MOST_ORDER = 120
# The simulator's high-pass is a global switch: one call at a time.
_LOCK = threading.Lock()


def _simulator() -> Any:  # noqa: ANN401 - a module without types
    """Return pyroomacoustics, which takes long to load: only who needs a room waits for it."""
    import pyroomacoustics  # noqa: PLC0415

    return pyroomacoustics


@contextmanager
def _without_highpass(pra: Any) -> Iterator[None]:  # noqa: ANN401
    """Keep the simulator from filtering with its zero-phase, hence non-causal, high-pass."""
    with _LOCK:
        before = pra.constants.get("rir_hpf_enable")
        pra.constants.set("rir_hpf_enable", False)
        try:
            yield
        finally:
            pra.constants.set("rir_hpf_enable", before)


def sabine_absorption(dimensions_m: Sequence[float], t60_s: float, speed: float = 343.2) -> float:
    """Return the energy absorption of all walls that gives a reverberation time by Sabine's law.

    ``a = 24·ln(10)·V / (c·S·T60)``.

    Parameters
    ----------
    dimensions_m : sequence of float
        Length, width, height, > 0.
    t60_s : float
        > 0.
    speed : float
        Of sound, m/s.

    Returns
    -------
    float
        In (0, 1].

    Raises
    ------
    ParameterError
        If the room would need more than full absorption.

    References
    ----------
    Sabine (1922), Collected Papers on Acoustics.
    """
    length, width, height = _dimensions(dimensions_m)
    require(t60_s > 0, "t60_s", t60_s, "> 0 s")
    surface = 2 * (length * width + width * height + length * height)
    shortest = float(24 * np.log(10) * length * width * height / (speed * surface))
    require(t60_s >= shortest, "t60_s", t60_s, f"at least {shortest:.3f} s in this room")
    return shortest / t60_s


def _dimensions(dimensions_m: Sequence[float]) -> tuple[float, float, float]:
    size = np.asarray(dimensions_m, dtype=np.float64)
    ok = size.shape == (3,) and bool(np.isfinite(size).all()) and bool((size > 0).all())
    require(ok, "dimensions_m", tuple(np.ravel(size).tolist()), "three lengths > 0 m")
    return float(size[0]), float(size[1]), float(size[2])


def _points(
    name: str, points: Sequence[Sequence[float]], size: tuple[float, float, float]
) -> Floats:
    array = np.asarray(points, dtype=np.float64)
    require(array.ndim == 2 and array.shape[1:] == (3,), name, points, "a list of (x, y, z)")
    require(len(array) >= 1, name, points, "at least one position")
    for point in array:
        inside = bool((point > 0).all() and (point < np.array(size)).all())
        require(inside, name, tuple(point.tolist()), f"inside the room of {size} m")
    return array


def _order(
    dimensions_m: tuple[float, float, float], t60_s: float, speed: float, ray_tracing: bool
) -> int:
    """Image order whose shells of rooms reach as far as sound travels in T60."""
    if ray_tracing:
        return 3
    a, b, c = dimensions_m
    reach = min(x * y / np.hypot(x, y) for x, y in ((a, b), (b, c), (a, c)))
    order = int(np.ceil(speed * t60_s / reach - 1))
    if order > _MOST_ORDER:
        raise ParameterError(
            "t60_s", t60_s, f"shorter (image order {order} > {_MOST_ORDER}), or use ray_tracing"
        )
    return max(order, 0)


def room_paths(
    dimensions_m: Sequence[float],
    sources: Sequence[Sequence[float]],
    microphones: Sequence[Sequence[float]],
    fs: float,
    *,
    t60_s: float | None = None,
    absorption: float | None = None,
    max_order: int | None = None,
    n_taps: int | None = None,
    ray_tracing: bool = False,
    air_absorption: bool = False,
    temperature_c: float = 20.0,
    seed: int = 0,
) -> AcousticPaths:
    """Return the impulse responses from sources to microphones in a rectangular room.

    Image sources with frequency-independent walls, each placed by a windowed sinc of 81 taps;
    amplitude 1 at 1 m. The simulator's global delay of 40 samples is taken out: tap 0 is the
    instant of emission and the first arrival equals geometry to ± 1 sample. Its zero-phase
    high-pass is off. Fractional delays ring for 40 samples either side: early taps are not exact
    zeros.

    Parameters
    ----------
    dimensions_m : sequence of float
        Length, width, height.
    sources, microphones : sequence of (x, y, z)
        In m, inside the room; noise sources and loudspeakers alike.
    fs : int or float
        Hz, a whole number ≥ 1000.
    t60_s : float, optional
        Reverberation time by Sabine's law; or give `absorption`.
    absorption : float, optional
        Energy absorption of all walls, in (0, 1].
    max_order : int, optional
        Image order; default as high as T60 needs (with ray tracing 3).
    n_taps : int, optional
        Length; default the longest response. Shorter cuts the tail, which then can't be cancelled
        or modelled: see `AcousticPaths.shortened` for what that costs.
    ray_tracing : bool
        Add a ray-traced late tail, for long T60; random, see `seed`.
    air_absorption : bool
        Damp high frequencies with distance, in octave bands.
    temperature_c : float
        In [−50, 60] °C.
    seed : int
        Of the ray-traced tail.

    Returns
    -------
    AcousticPaths
        Taps [mic, source, taps] with straight distances.

    Raises
    ------
    ParameterError
        If a parameter is outside its range or the room can't have that T60.

    References
    ----------
    Allen & Berkley (1979), Image method for efficiently simulating small-room acoustics. Scheibler,
    Bezzam & Dokmanić (2018), Pyroomacoustics.
    """
    size = _dimensions(dimensions_m)
    require(fs >= 1000 and float(fs).is_integer(), "fs", fs, "a whole number of Hz, ≥ 1000")
    emitters = _points("sources", sources, size)
    receivers = _points("microphones", microphones, size)
    require((t60_s is None) != (absorption is None), "t60_s", t60_s, "given, or absorption: one")
    require(n_taps is None or n_taps >= 1, "n_taps", n_taps, "at least 1")
    require(max_order is None or max_order >= 0, "max_order", max_order, "≥ 0")
    distances = np.array([[distance_m(m, s) for s in emitters] for m in receivers])
    require(float(distances.min()) > 0.01, "distance", float(distances.min()), "> 0.01 m")
    speed = speed_of_sound(temperature_c)
    if absorption is None:
        absorption = sabine_absorption(size, float(t60_s or 0), speed)
    require(0 < absorption <= 1, "absorption", absorption, "in (0, 1]")
    if max_order is None:
        needed = t60_s or reverberation_time_s(size, absorption, speed)
        max_order = _order(size, needed, speed, ray_tracing)
    pra = _simulator()
    room = pra.ShoeBox(
        size,
        fs=int(fs),
        materials=pra.Material(absorption),
        max_order=max_order,
        ray_tracing=ray_tracing,
        air_absorption=air_absorption,
    )
    room.set_sound_speed(speed)
    for emitter in emitters:
        room.add_source(emitter)
    room.add_microphone_array(receivers.T)
    taps = _responses(room, n_taps, seed)
    return AcousticPaths(taps, float(fs), distances, speed)


def reverberation_time_s(
    dimensions_m: Sequence[float], absorption: float, speed: float = 343.2
) -> float:
    """Return the reverberation time of equal walls by Sabine's law.

    Parameters
    ----------
    dimensions_m : sequence of float
        Length, width, height, > 0.
    absorption : float
        Energy absorption, in (0, 1].
    speed : float
        Of sound, m/s.

    Raises
    ------
    ParameterError
        If a parameter is outside its range.
    """
    require(0 < absorption <= 1, "absorption", absorption, "in (0, 1]")
    length, width, height = _dimensions(dimensions_m)
    surface = 2 * (length * width + width * height + length * height)
    return float(24 * np.log(10) * length * width * height / (speed * surface * absorption))


def _responses(room: Any, n_taps: int | None, seed: int) -> npt.NDArray[np.float64]:  # noqa: ANN401
    """Compute, cut the global delay off and stack to one length."""
    pra = _simulator()
    with _without_highpass(pra):
        pra.random.seed(seed)
        room.compute_rir()
        late = pra.constants.get("frac_delay_length") // 2
    responses = [[np.asarray(r, dtype=np.float64)[late:] for r in row] for row in room.rir]
    length = n_taps or max(len(r) for row in responses for r in row)
    taps = np.zeros((len(responses), len(responses[0]), length))
    for mic, row in enumerate(responses):
        for source, response in enumerate(row):
            cut = response[:length]
            taps[mic, source, : len(cut)] = cut
    return taps
