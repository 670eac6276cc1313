"""A sound card that plays against the reference of another device, in virtual time."""

from __future__ import annotations

import functools
import json
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from scipy import signal

from antiphase.control import Ack, Block, Push, SplitDevice
from antiphase.devices.rig import LoopedSound, Place, make_devices, make_scene
from antiphase.devices.soundcard import Calibration, CardFormat, DeviceAgent
from antiphase.devices.soundcard.session import CardPeer
from benchmarks.live_world import LiveWorld, world_of_rooms
from tests.devices.rig.server import CERTIFICATE
from tests.devices.soundcard.virtual import VirtualCard, room_path, run_agent

FORM = CardFormat(16000, block=64)
SECONDS = 4
LEAD_S = 0.09
Floats = npt.NDArray[np.float64]


class CardInRoom(CardPeer):
    """A virtual card as a member of a `LiveWorld`: it processes what its clock says is due."""

    def __init__(self, card: VirtualCard, agent: DeviceAgent, place: Place) -> None:
        super().__init__(agent, name="window", certificate=CERTIFICATE)
        self.card, self.place = card, place
        self._ahead = place.start - card.time

    def advance(self, now: float) -> None:
        loop = self._agent.loop
        while loop is not None and self.card.time + self._ahead < now - 1e-9:
            self.card.step(loop)
            self._agent.advance(self.card.time)

    @property
    def due(self) -> float:
        return self.card.time + self._ahead + FORM.block / FORM.rate


def noise() -> tuple[Floats, Floats]:
    """Return a loop of band noise as the reference hears it, and as the card does, later."""
    n = 8000 * SECONDS
    spectrum = np.fft.rfft(np.random.default_rng(0).standard_normal(n))
    hz = np.fft.rfftfreq(n, 1 / 8000)
    x = np.fft.irfft(spectrum * ((hz > 100) & (hz < 1000)), n)
    x *= 0.05 / np.std(x)
    there = np.roll(signal.resample(x, 2 * n), round(LEAD_S * 16000))
    return x, np.asarray(there)


@functools.cache
def calibration() -> Calibration:
    card = VirtualCard(FORM, noise()[1], room_path(16000))
    agent = DeviceAgent(goal="calibrate")
    agent.opened("virtual card", FORM, 0.0)
    while agent.state == "measuring":
        run_agent(card, agent, 0.5)
    assert agent.calibration is not None
    return agent.calibration


def measured() -> tuple[VirtualCard, DeviceAgent, Floats]:
    """Return a card with one microphone, its agent with control running, and the reference."""
    x, there = noise()
    card, agent = (
        VirtualCard(FORM, there, room_path(16000)),
        DeviceAgent(calibration(), server=True),
    )
    agent.opened("virtual card", FORM, 0.0)
    while agent.state != "running":
        run_agent(card, agent, 0.5)
    return card, agent, x


def started() -> tuple[LiveWorld, CardInRoom]:
    """Return a world in which a card has joined a session with a microphone at the kerb."""
    card, agent, x = measured()
    world, rooms = world_of_rooms(certificate=CERTIFICATE)
    rooms.create("a", mode="auto", now=world.now)
    scene = make_scene("road", seconds=SECONDS, drift_ppm=0.0)
    # The card's loop is somewhere in its noise: the microphone hears the same noise earlier.
    heard = np.roll(x, -round((card.time % SECONDS) * 8000))
    scene = replace(scene, reference=LoopedSound(heard))
    kerb = make_devices(scene, world.now, certificate=CERTIFICATE)[0]
    world.join("a", kerb)
    device = CardInRoom(card, agent, kerb.place)
    world.join("a", device)  # type: ignore[arg-type]
    return world, device


def level_db(card: VirtualCard, seconds: float) -> float:
    n = round(seconds * FORM.rate / FORM.block)
    return float(10 * np.log10(np.mean(np.concatenate(card.heard[-n:]) ** 2)))


def test_the_reference_of_another_device_cancels_broadband_noise() -> None:
    """One microphone, `auto`: the server forwards, guides and solves; the noise falls by 20 dB."""
    world, device = started()
    before = level_db(device.card, 1.0)
    world.run(8.0)
    loop = device._agent.loop
    assert loop is not None
    assert isinstance(loop.controlled, SplitDevice)
    assert device.mode == "split"
    assert before - level_db(device.card, 1.0) > 20


def test_it_obeys_the_guide_and_the_mode() -> None:
    """A rate of the guide is the playout's; `local` makes it work on its own again."""
    card, agent, x = measured()
    peer = CardPeer(agent, certificate=CERTIFICATE)
    assert agent.status()["mode"] == "local"
    told = {"type": "mode", "mode": "split", "parameters": {"reference": "network"}}
    peer.take_message(told, 0.0)
    loop = agent.loop
    assert loop is not None
    assert isinstance(loop.controlled, SplitDevice)
    assert agent.runs == 1
    for k in range(400):
        loop.hear(40 * k, x[40 * k : 40 * k + 40])
        run_agent(card, agent, 0.005)
    assert loop.report() is not None
    peer.read("anc.control", "no JSON", 0.0)
    peer.read("anc.control", json.dumps({"type": "playout", "rate_ppm": 120.0, "skip": 0}), 0.0)
    run_agent(card, agent, 0.6)
    report = loop.report()
    assert report is not None
    assert report["rate_ppm"] == pytest.approx(120)
    modes = []
    for mode in ("forward", "local"):
        peer.take_message({"type": "mode", "mode": mode}, 0.0)
        modes.append(agent.status()["mode"])
    assert modes == ["split", "local"]
    assert loop.report() is None


def test_blocks_go_on_counting_and_pushes_are_counted_alike() -> None:
    """No block of the next run begins before the last one ended; a push applies when it says."""
    card, agent, _ = measured()
    agent.poll()
    run_agent(card, agent, 1.0)
    ends = [m.first_sample + m.frames for m in agent.poll() if isinstance(m, Block)]
    agent.use_forwarded(True, 0.0)
    taps = np.zeros((1, 1, 512), np.float32)
    at = max(ends) + 1600
    agent.receive(Push(1, taps, at, 0))
    run_agent(card, agent, 1.0)
    after = agent.poll()
    firsts = [m.first_sample for m in after if isinstance(m, Block)]
    assert min(firsts) >= max(ends)
    acks = [m.applied_at for m in after if isinstance(m, Ack)]
    assert acks == [at]


def test_a_card_with_a_reference_keeps_to_it() -> None:
    """Two microphones: roles and tracks as before, whatever the server forwards."""
    x, there = noise()
    form = CardFormat(16000, 2, block=64)
    early = signal.resample(x, len(there))
    card = VirtualCard(form, there, room_path(16000), reference=np.asarray(early))
    agent = DeviceAgent(server=True)
    agent.opened("virtual card", form, 0.0)
    while agent.state != "running":
        run_agent(card, agent, 0.5)
    peer = CardPeer(agent, certificate=CERTIFICATE)
    said = peer.join_message()["roles"]
    assert {role["track"] for role in said} == {"data"}
    loop = agent.loop
    assert loop is not None
    before = loop.controlled
    told = {"type": "mode", "mode": "split", "parameters": {"reference": "network"}}
    peer.take_message(told, 0.0)
    assert loop.controlled is before
