"""Wind, moves and vehicles against their geometry."""

from __future__ import annotations

import numpy as np
import pytest

from antiphase.acoustics import StreetScene, noise
from antiphase.errors import ParameterError
from antiphase.simulation import blown, moved_listener, passing_vehicle, quiet_radius_m

FS = 8000
SCENE = StreetScene()


def _tone(hz: float, seconds: float) -> np.ndarray:
    return np.sin(2 * np.pi * hz * np.arange(round(seconds * FS)) / FS)


def test_wind_turns_the_phase_of_a_tone_by_its_time_of_flight() -> None:
    """1 m/s RMS over 20 m is 0.17 ms RMS: the phase of 100 Hz wanders by 0.107 rad RMS."""
    heard = SCENE.signals(_tone(100, 40.3), ambient_db=-90)
    windy = blown(heard, FS, seed=3)
    still = blown(heard, FS, wind_rms_m_s=0.0, seed=3)
    carrier = np.exp(-2j * np.pi * 100 * np.arange(len(windy.disturbance)) / FS)
    phases = []
    for signals in (windy, still):
        base = (signals.disturbance * carrier)[800:320000].reshape(-1, 80).mean(axis=1)
        phases.append(np.unwrap(np.angle(base)))
    wander = phases[0] - phases[1]
    assert np.std(wander) == pytest.approx(2 * np.pi * 100 * 20 / 343.2**2, rel=0.35)
    with pytest.raises(ParameterError):
        blown(heard, FS, wind_rms_m_s=-1.0)


def test_a_moved_listener_hears_the_source_later_and_nothing_else_changes() -> None:
    """20 cm are 0.58 ms or 4.7 samples, on both paths; before the move all is as without it."""
    x = noise.make("white", 1.3, FS, 1)
    move = moved_listener(SCENE, x, at_s=0.5, seed=2, fade_s=0.0)
    plain = SCENE.signals(x, seed=2)
    n = len(move.signals.reference)
    np.testing.assert_allclose(
        move.signals.disturbance[:4000], plain.disturbance[-n:][:4000], atol=1e-12
    )
    late = [
        np.argmax(np.correlate(b, a, "full")) - (len(a) - 1)
        for a, b in (
            (move.secondary_path, move.moved_secondary_path),
            (plain.disturbance[-n:][4800:], move.signals.disturbance[4800:]),
        )
    ]
    assert all(4 <= samples <= 5 for samples in late)


def test_a_passing_vehicle_is_loudest_at_the_reference_in_the_middle() -> None:
    """At 3 m/s the level at the reference peaks when the source is 0.5 m away."""
    signals = passing_vehicle(SCENE, noise.make("white", 8.0, FS, 1))
    power = np.mean(signals.reference.reshape(16, -1) ** 2, axis=1)
    assert abs(int(np.argmax(power)) - 7.5) <= 1
    assert power.max() > 50 * power[0]


def test_the_quiet_zone_without_ground_follows_the_spherical_waves() -> None:
    """In line upstream the loudspeaker's 1/r alone gives r/(a − r) = 10^(−1/2): the least radius.

    That is 0.144 m for a = 0.6 m; to the side the phase limits it to a few centimetres.
    """
    ahead = StreetScene(
        source=(-200.0, 0.0, 1.2),
        error=(0.0, 0.0, 1.2),
        loudspeaker=(-0.6, 0.0, 1.2),
        flow_resistivity=None,
    )
    mean, least = quiet_radius_m(ahead, 500.0)
    assert least == pytest.approx(0.144, abs=0.006)
    assert mean > least
    side = StreetScene(
        source=(-200.0, 0.0, 1.2),
        error=(0.0, 0.0, 1.2),
        loudspeaker=(0.0, 0.6, 1.2),
        flow_resistivity=None,
    )
    assert quiet_radius_m(side, 500.0)[1] < 0.05
