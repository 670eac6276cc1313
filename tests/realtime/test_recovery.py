"""A session whose network was too slow for a while, devices and all, in virtual time."""

from __future__ import annotations

import pytest

from antiphase.devices.rig import make_scene
from antiphase.simulation import ExponentialJitter, IndependentLoss, Link
from benchmarks.live_world import world_of_rooms
from tests.devices.rig.server import CERTIFICATE

FAST = Link(5.0, ExponentialJitter(1.0), IndependentLoss(0.01))


@pytest.mark.slow
def test_a_room_comes_back_when_its_network_does() -> None:
    """The road at 20 ms each way is passed on; within 19 s of 5 ms again it is cancelled."""
    world, rooms = world_of_rooms(certificate=CERTIFICATE)
    rooms.create("a", mode="auto", now=world.now)
    session = world.add("a", make_scene("road", seconds=20, delay_ms=20.0))
    world.run(8.0)
    figures = rooms.figures("a", world.now)
    assert figures.mode == "forward"
    assert figures.margin_ms is not None
    assert figures.margin_ms < -15
    world.reroute("a", FAST)
    world.run(19.0)
    assert rooms.figures("a", world.now).mode == "split"
    assert session.speaker.record.window_nr_db(24.0, 27.0) > 20
    # It looked once, and what was played meanwhile made nothing louder.
    assert min(session.speaker.record.window_nr_db(k, k + 1) for k in range(2, 22)) > -0.3
    later = [(mode, words) for at, mode, words in session.modes if at > 8]
    assert {mode for mode, _ in later} == {"split"}
    assert "being measured" in later[0][1]
