"""Anti-noise made on the server."""

from __future__ import annotations

import numpy as np
import pytest

from antiphase.devices.rig import make_scene
from antiphase.errors import AntiphaseError
from antiphase.realtime import DeviceDescription, PlayAudio, RoleBinding
from antiphase.realtime.carried import Carried, device_key
from antiphase.realtime.load import InlinePool
from antiphase.realtime.meter import Meter
from antiphase.realtime.mode import Surroundings
from antiphase.realtime.mode_lookahead import LookaheadMode, loop_lag
from antiphase.realtime.outputs import Output
from antiphase.realtime.roster import Frame, Roster
from antiphase.realtime.settings import EngineSettings
from benchmarks.live_world import world_of_rooms

from .engine_loop import FS, paths, speaker

ROLES = (RoleBinding("error", "0"), RoleBinding("loudspeaker", "0"))


def made(
    roles: tuple[RoleBinding, ...] = ROLES, carried: Carried | None = None
) -> tuple[LookaheadMode, list[Output], Roster]:
    roster = Roster()
    roster.add("k", DeviceDescription("k", (RoleBinding("reference", "0"),)))
    device = roster.add("w", speaker(paths()[1], roles=roles))
    sent: list[Output] = []
    around = Surroundings(EngineSettings(), roster, InlinePool(), Meter(), sent.append)
    around.carried = carried
    return LookaheadMode(around, device), sent, roster


def test_the_lag_of_the_loop_is_found_below_the_noise() -> None:
    """A probe 10 dB below coloured noise: the very sample; without a probe in it, none."""
    rng = np.random.default_rng(1)
    path = paths()[1]
    drive = rng.standard_normal(FS)
    noise = np.convolve(rng.standard_normal(FS), np.exp(-np.arange(60) / 15))[:FS]
    sound = np.concatenate([np.zeros(317), np.convolve(drive, path)])[:FS]
    error = sound + noise * 10**0.5 * np.std(sound) / np.std(noise)
    assert loop_lag(drive, error, path, 2400) == 317
    assert loop_lag(drive, noise, path, 2400) is None


def test_a_road_is_quieter_though_the_loudspeaker_runs_no_filter() -> None:
    """Chosen by itself; from the third second on as quiet as with a filter on the device."""
    world, rooms = world_of_rooms()
    rooms.create("a", now=world.now)
    session = world.add("a", make_scene("plain", seconds=12, seed=1))
    world.run(5.2)
    shown = rooms.figures("a", world.now)
    assert shown.mode == "lookahead"
    assert "runs no filter" in shown.reason
    assert shown.margin_ms is not None
    assert 5 < shown.margin_ms < 15
    true_db = session.speaker.record.window_nr_db(4.0, 5.0)
    assert true_db > 22
    assert session.speaker.record.window_nr_db(2.5, 4.0) > 20
    assert shown.attenuation.estimated == pytest.approx(true_db, abs=1.5)
    rooms.set_control("a", False, world.now)
    world.run(0.6)
    now = len(session.speaker.record.sound) / FS
    assert session.speaker.record.window_nr_db(now - 0.2, now) == pytest.approx(0.0, abs=0.1)
    rooms.set_control("a", True, world.now)  # listens, probes, and takes the filter up again
    world.run(3.0)
    now = len(session.speaker.record.sound) / FS
    assert session.speaker.record.window_nr_db(now - 1.0, now) > 15


@pytest.mark.slow
@pytest.mark.parametrize("change", ["primary", "secondary"])
def test_a_listener_who_moves_is_followed(change: str) -> None:
    """20 cm further: never louder for long, and 4 s later within 3 dB of what it was."""
    world, rooms = world_of_rooms()
    rooms.create("a", now=world.now)
    session = world.add("a", make_scene("plain", seconds=12, seed=2, kind="band"))
    world.run(6.0)
    session.speaker.change(change)
    world.run(6.0)
    record = session.speaker.record
    settled = record.window_nr_db(4.0, 6.0)
    assert settled > 22
    assert record.window_nr_db(10.0, 11.9) > settled - 3
    louder = [record.window_nr_db(0.1 * k, 0.1 * k + 0.1) < -1 for k in range(60, 118)]
    assert all(not all(louder[k : k + 4]) for k in range(len(louder)))


def test_every_frame_is_answered_also_one_that_never_came() -> None:
    """A frame of drive for each of the error, as long as the hole; a jump measures anew."""
    mode, sent, roster = made()
    device = roster.devices[1]
    for timestamp in (0, 40, 120):
        mode.hear(device, "0", Frame(np.ones(40), timestamp, FS), timestamp / FS)
    played = [o for o in sent if isinstance(o, PlayAudio)]
    assert [(o.timestamp, len(o.pcm)) for o in played] == [(0, 40), (40, 40), (80, 40), (120, 40)]
    mode.hear(device, "0", Frame(np.ones(40), 900000, FS), 1.0)
    assert mode.state == "listening"
    assert len(sent) == 5
    mode.hear(device, "0", Frame(np.ones(40), 900040, 16000), 1.0)
    assert len(sent) == 5


def test_a_carried_filter_is_moved_to_the_new_lag() -> None:
    """It goes on where the probe finds the loop to be now, as the same filter."""
    taps = np.concatenate([np.zeros(40), np.random.default_rng(1).standard_normal(100)])
    taps = np.pad(taps, (0, 256 - len(taps)))
    key = device_key(speaker(paths()[1], roles=ROLES))
    mode, _, _ = made(carried=Carried("lookahead", key, taps, paths()[1], 300))
    assert mode.to_carry() is None
    x, y, e = np.random.default_rng(2).standard_normal((3, FS))
    mode.around.meter.take(x, y, e, np.ones(FS, bool))
    mode._start(317)
    kept = mode.to_carry()
    assert kept is not None
    assert kept.lag == 317
    np.testing.assert_allclose(kept.control_filter[23:123], taps[40:140], rtol=1e-6)


def test_its_needs_are_checked() -> None:
    """Without a reference it can't be; with others it no longer fits."""
    mode, _, roster = made()
    assert mode.fits()
    assert mode.parameters()["reference"] == "server"
    assert not mode.knows_the_loop()
    roster.remove("k")
    assert not mode.fits()
    with pytest.raises(AntiphaseError, match="reference"):
        LookaheadMode(mode.around, mode.device)
