"""The device beside the listener, with the real solver behind a real endpoint."""

from __future__ import annotations

import json

import numpy as np
import pytest

from antiphase.control import ChangeRule, SplitSettings
from antiphase.devices.rig import LoudspeakerDevice, Microphone, make_devices, make_scene
from antiphase.errors import ParameterError
from tests.devices.rig.server import CERTIFICATE, world_of

PATIENT = SplitSettings(rule=ChangeRule(share=0.2, factor=8.0, in_a_row=4))


def test_split_control_over_the_wire_cancels_what_the_device_hears_itself() -> None:
    """Band noise, filters from the server over a lossy network: over 25 dB in the second second."""
    world, room = world_of()
    session = world.add("a", make_scene("drill", seconds=4, kind="band", margin_ms=5.0))
    world.run(3.0)
    assert session.speaker.record.window_nr_db(0.0, 0.1) == pytest.approx(0.0, abs=0.1)
    assert session.speaker.record.window_nr_db(2.0, 3.0) > 25
    assert room.truths[-1] == pytest.approx(session.speaker.record.window_nr_db(2, 3), abs=2)
    assert json.loads(room.channel_texts[0])["type"] == "latency"


def test_a_reference_from_another_device_is_aligned_and_used() -> None:
    """Two clocks 20 ppm apart and 1 % loss: the forwarded reference still cancels traffic."""
    world, _ = world_of(settings=PATIENT)
    session = world.add("a", make_scene("road", seconds=10))
    world.run(7.0)
    assert session.speaker.record.window_nr_db(4.0, 7.0) > 12


def test_the_same_seed_gives_the_same_run() -> None:
    """Keys differ, the sound does not."""
    runs = []
    for _ in range(2):
        world, _ = world_of()
        session = world.add("a", make_scene("drill", seconds=2, kind="band", margin_ms=5.0))
        world.run(1.5)
        runs.append(session.speaker.record.sound)
    np.testing.assert_array_equal(runs[0], runs[1])


def test_the_plant_never_waits() -> None:
    """A drive that comes after its time changes nothing of what has sounded."""
    scene = make_scene("road", seconds=2)
    device = make_devices(scene, 0.0, keep=True, certificate=CERTIFICATE)[1]
    assert isinstance(device, LoudspeakerDevice)
    device.take_message({"type": "mode", "mode": "lookahead"}, 0.0)
    device.advance(0.5)
    device.hear("0", np.ones(40), 1000, 0.5)
    device.advance(1.0)
    assert not device.record.drive[: round(0.5 * 8000)].any()
    assert device.record.drive[round(0.5 * 8000) :].any()


def test_the_switch_silences_at_once() -> None:
    """With control off the loudspeaker is silent before the server could say so."""
    world, _ = world_of()
    session = world.add("a", make_scene("drill", seconds=2, kind="band", margin_ms=5.0))
    world.run(1.5)
    session.speaker.take_message({"type": "control", "on": False}, world.now)
    played = len(session.speaker.record.drive)
    for step in range(1, 100):
        session.speaker.advance(world.now + 0.001 * step)
    assert not session.speaker.record.drive[played + 80 :].any()


def test_a_scene_may_change() -> None:
    """The listener moves and the server follows; a change that nobody knows is refused."""
    world, _ = world_of()
    session = world.add("a", make_scene("drill", seconds=4, kind="band", margin_ms=5.0))
    world.run(2.0)
    session.speaker.change("primary")
    world.run(3.0)
    assert session.speaker.record.window_nr_db(1.0, 2.0) > 25
    assert session.speaker.record.window_nr_db(4.0, 5.0) > 22
    with pytest.raises(ParameterError, match="primary, secondary"):
        session.speaker.change("flood")


def test_a_microphone_says_what_it_is() -> None:
    """The join of a loudspeaker device has Ŝ and taps, that of a microphone has not."""
    kerb, window = make_devices(make_scene("road", seconds=2), 0.0, certificate=CERTIFICATE)
    assert isinstance(kerb, Microphone)
    assert "secondary_path_estimate" not in kerb.join_message()
    joined = window.join_message()
    assert len(joined["secondary_path_estimate"]) == 256
    assert [role["role"] for role in joined["roles"]] == ["error", "loudspeaker"]
