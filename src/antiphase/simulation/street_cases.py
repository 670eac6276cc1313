"""What happens in a street: wind, a listener who moves, a vehicle that passes."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from antiphase.acoustics.free_field import free_field_response
from antiphase.acoustics.street import SceneSignals, StreetScene
from antiphase.simulation.motion import delay_by, moving_source, straight_line, wind_delay_s

__all__ = ["MovedListener", "blown", "moved_listener", "passing_vehicle", "quiet_radius_m"]

Floats = npt.NDArray[np.float64]


def blown(
    signals: SceneSignals,
    fs: float,
    *,
    wind_rms_m_s: float = 1.0,
    distance_m: float = 20.0,
    seed: int = 0,
) -> SceneSignals:
    """Let wind change the time of flight of the disturbance (see `wind_delay_s`).

    Parameters
    ----------
    signals : SceneSignals
    fs : float
        Hz.
    wind_rms_m_s : float
        RMS of the wind along the path, ≥ 0.
    distance_m : float
        Length of the path.
    seed : int

    Returns
    -------
    SceneSignals
        The same with the disturbance's time of flight wandering.
    """
    n = len(signals.disturbance)
    delay = wind_delay_s(n, fs, distance_m=distance_m, speed_rms_m_s=wind_rms_m_s, seed=seed)
    return dataclasses.replace(signals, disturbance=delay_by(signals.disturbance, fs, delay))


@dataclass(frozen=True)
class MovedListener:
    """A run in which the listener moves.

    Attributes
    ----------
    signals : SceneSignals
    secondary_path, moved_secondary_path : ndarray, shape (taps,)
        Before and after.
    at : int
        Frame at which the move begins.
    fade : int
        Frames that it lasts.
    """

    signals: SceneSignals
    secondary_path: Floats
    moved_secondary_path: Floats
    at: int
    fade: int


def moved_listener(
    scene: StreetScene,
    source_signal: npt.ArrayLike,
    *,
    at_s: float,
    by_m: float = 0.2,
    margin_ms: float = 5.0,
    seed: int = 0,
    fade_s: float = 0.02,
) -> MovedListener:
    """Return the signals of a listener who moves along the line to the source.

    Parameters
    ----------
    scene : StreetScene
    source_signal : array_like, shape (m,)
    at_s : float
        When, s.
    by_m : float
        How far, away from the loudspeaker.
    margin_ms : float
        Before the move.
    seed : int
        Of sensor noise and ambient.
    fade_s : float
        How long the move lasts: both paths and the disturbance cross-fade.
    """
    x, y, z = scene.error
    there = dataclasses.replace(scene, error=(x + by_m, y, z))
    electronics = scene.electronics_for(margin_ms)
    before = scene.signals(source_signal, margin_ms=margin_ms, seed=seed)
    after = there.signals(source_signal, margin_ms=there.margin(electronics).margin_ms, seed=seed)
    n = min(len(before.reference), len(after.reference))
    # Each scene is scaled to unit disturbance; the reference is the same sound in both. Both start
    # as late as their longest path asks, so the later ends are what they share.
    clean = before.reference - before.reference_noise, after.reference - after.reference_noise
    scale = float(np.sqrt(np.mean(clean[0][-n:] ** 2) / np.mean(clean[1][-n:] ** 2)))
    at, fade = round(at_s * scene.fs), round(fade_s * scene.fs)
    gain = np.clip((np.arange(n) - at + 1) / (fade + 1), 0.0, 1.0)
    here, gone = before.disturbance[-n:], scale * after.disturbance[-n:]
    signals = SceneSignals(
        reference=before.reference[-n:],
        disturbance=(1 - gain) * here + gain * gone,
        ambient=before.ambient[-n:],
        reference_noise=before.reference_noise[-n:],
    )
    return MovedListener(signals, scene.secondary_path, there.secondary_path, at, fade)


def passing_vehicle(
    scene: StreetScene,
    source_signal: npt.ArrayLike,
    *,
    speed_m_s: float = 3.0,
    electronics_ms: float = 0.0,
    ambient_db: float = -30.0,
    seed: int = 0,
) -> SceneSignals:
    """Return what fixed microphones hear of a source that drives by.

    The source moves across the line from source to listener, passing the scene's source position in
    the middle of the run; both delays and both distances vary (see `moving_source`).

    Parameters
    ----------
    scene : StreetScene
    source_signal : array_like, shape (n,)
    speed_m_s : float
    electronics_ms : float
        Of the reference.
    ambient_db : float
        White, re the disturbance.
    seed : int
    """
    emitted = np.asarray(source_signal, np.float64)
    n, fs = len(emitted), scene.fs
    x, y, z = scene.source
    start = (x, y - speed_m_s * n / fs / 2, z)
    source = straight_line(n, fs, start, (0.0, speed_m_s, 0.0))
    disturbance = moving_source(emitted, fs, source, scene.error)
    heard = moving_source(emitted, fs, source, scene.reference)
    level = float(np.sqrt(np.mean(disturbance**2)))
    rng = np.random.default_rng([seed, 0xCA5])
    reference = delay_by(heard, fs, electronics_ms / 1000) / level
    sensor = rng.standard_normal(n) * float(np.sqrt(np.mean(reference**2))) * 10 ** (-50 / 20)
    return SceneSignals(
        reference=reference + sensor,
        disturbance=disturbance / level,
        ambient=rng.standard_normal(n) * 10 ** (ambient_db / 20),
        reference_noise=sensor,
    )


def quiet_radius_m(
    scene: StreetScene, frequency_hz: float, *, reduction_db: float = 10.0, largest_m: float = 1.0
) -> tuple[float, float]:
    """Return how far around a perfectly quiet microphone a tone stays reduced.

    The drive cancels the tone exactly at the error microphone; along each of 26 directions the
    distance is taken to which the reduction holds.

    Parameters
    ----------
    scene : StreetScene
    frequency_hz : float
    reduction_db : float
    largest_m : float
        Where the search ends.

    Returns
    -------
    mean_m, least_m : float
        Over the directions.
    """
    f = np.array([frequency_hz])

    def sound(start: tuple[float, float, float], at: Floats) -> complex:
        point = (float(at[0]), float(at[1]), float(at[2]))
        response = free_field_response(
            f, start, point, flow_resistivity=scene.flow_resistivity, air=scene.air
        )
        return complex(response[0])

    centre = np.array(scene.error)
    gain = -sound(scene.source, centre) / sound(scene.loudspeaker, centre)
    limit = 10 ** (-reduction_db / 20)
    radii = []
    for step in np.ndindex(3, 3, 3):
        direction = np.array(step, float) - 1
        if not direction.any():
            continue
        direction /= np.linalg.norm(direction)
        for radius in np.arange(0.005, largest_m + 0.005, 0.005):
            at = centre + radius * direction
            before = sound(scene.source, at)
            after = before + gain * sound(scene.loudspeaker, at)
            if abs(after) > limit * abs(before):
                break
        radii.append(float(radius - 0.005))
    return float(np.mean(radii)), min(radii)
