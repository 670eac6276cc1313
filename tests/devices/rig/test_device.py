"""Devices as clients."""

from __future__ import annotations

import numpy as np
import pytest

from antiphase.devices.rig import Microphone, make_devices, make_scene
from tests.devices.rig.server import CERTIFICATE, world_of


def test_what_the_reference_hears_arrives_as_sent() -> None:
    """Frames at the server are the scene's sound on the device's own clock, to 16 bits."""
    world, room = world_of("forward")
    scene = make_scene("road", seconds=4, drift_ppm=0.0, loss=0.0)
    session = world.add("a", scene)
    world.run(1.0)
    assert session.devices["kerb"].connected
    frames = room.frames["a-0"]
    got = np.concatenate([e.frame.pcm for e in frames[:100]])
    sound = scene.reference.samples
    at = int(np.argmax(np.correlate(sound, got, mode="valid")))
    assert at % 40 == 0
    np.testing.assert_allclose(got, sound[at : at + len(got)], atol=1 / 32768)


def test_a_clock_that_is_off_sends_at_its_own_pace() -> None:
    """At 20000 ppm apart a device sends 1 % more frames than nominal and reads between samples."""
    world, room = world_of("forward")
    world.add("a", make_scene("road", seconds=4, drift_ppm=20000, loss=0.0))
    world.run(2.0)
    first, last = room.frames["a-0"][0].frame, room.frames["a-0"][-1].frame
    assert (last.timestamp - first.timestamp) / 40 + 1 == len(room.frames["a-0"])
    assert len(room.frames["a-0"]) == pytest.approx((2.0 - 0.05) * 200 * 1.01, abs=6)


def test_a_device_that_was_called_late_catches_up_and_counts_it() -> None:
    """Half a second without a call is half a second of frames at once, and one overrun."""
    device = make_devices(make_scene("road", seconds=2), 10.0, certificate=CERTIFICATE)[0]
    assert isinstance(device, Microphone)
    device.advance(10.01)
    device.advance(10.51)
    assert device.overruns == 1
    assert device.due == pytest.approx(10.515, abs=1e-3)


def test_a_device_can_begin_a_new_connection() -> None:
    """After its server has gone a device joins again and frames flow again."""
    world, room = world_of("forward")
    session = world.add("a", make_scene("road", seconds=2, loss=0.0))
    world.run(0.5)
    kerb = session.devices["kerb"]
    world.drop("a", "kerb", "the server has gone")
    kerb.reconnect()
    world.join("a", kerb)
    world.run(0.5)
    assert kerb.connected
    assert len(room.frames["a-2"]) > 50
