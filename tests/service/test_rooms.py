"""Rooms in virtual time with real WebRTC clients over an in-memory network."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from antiphase.errors import ParameterError, ProtocolError
from antiphase.media.client import Client, ClientTrack
from antiphase.media.datachannel import ChannelMessage
from antiphase.media.dtls import Certificate
from antiphase.media.endpoint import Endpoint, EndpointSettings
from antiphase.media.events import AudioReceived, ChannelChanged, Event
from antiphase.media.payload import AudioFormat
from antiphase.realtime import DeviceDescription, RoleBinding
from antiphase.service.rooms import Rooms
from antiphase.service.rooms_settings import RoomsSettings

SERVER = ("192.0.2.1", 8443)
L16 = AudioFormat("L16", 96, 8000)
OPUS = AudioFormat("OPUS", 111, 48000, 2)


class World:
    """One endpoint, its rooms, and clients that lose nothing."""

    def __init__(self, settings: RoomsSettings | None = None) -> None:
        self.certificate = Certificate()
        self.endpoint = Endpoint(EndpointSettings((SERVER,)), self.certificate)
        self.rooms = Rooms(self.endpoint, settings)
        self.now = 100.0
        self.clients: dict[str, Client] = {}
        self.heard: dict[str, list[Event]] = {}
        self.told: list[tuple[str, str | None, dict[str, object]]] = []

    def join(
        self,
        session_id: str,
        name: str,
        roles: tuple[RoleBinding, ...],
        tracks: tuple[ClientTrack, ...],
        *,
        data: bool = False,
    ) -> str:
        device_id = self.rooms.join(session_id, DeviceDescription(name, roles), self.now)
        client = Client(tracks, data=data, certificate=self.certificate)
        client.accept(self.rooms.offer(session_id, device_id, client.offer(), self.now), self.now)
        self.clients[device_id], self.heard[device_id] = client, []
        return device_id

    def run(self, seconds: float, each: Callable[[int], None] | None = None) -> None:
        """Let time pass in steps of 10 ms."""
        for k in range(round(100 * seconds)):
            self.now += 0.01
            if each is not None:
                each(k)
            for _ in range(4):
                self._exchange()
            self.endpoint.tick(self.now, self.now)
            self.rooms.tick(self.now, self.now)
            self.told += self.rooms.poll_messages()

    def _exchange(self) -> None:
        for number, (device_id, client) in enumerate(self.clients.items()):
            source = (f"198.51.100.{number}", 4000)
            client.tick(self.now, self.now)
            for datagram, _ in client.poll_outgoing():
                self.endpoint.receive(datagram, source, self.now, self.now)
            self.heard[device_id] += client.poll_events()
        for event in self.endpoint.poll_events():
            self.rooms.on_event(event, self.now)
        clients = list(self.clients.values())
        for datagram, target in self.endpoint.poll_outgoing():
            number = int(target[0].rsplit(".", 1)[1])
            clients[number].receive(datagram, SERVER, self.now, self.now)

    def sound(self, device_id: str) -> np.ndarray:
        """Return what a device has heard so far."""
        frames = [e.frame.pcm for e in self.heard[device_id] if isinstance(e, AudioReceived)]
        mono = [f if f.ndim == 1 else f.mean(axis=1) for f in frames]
        return np.concatenate(mono) if mono else np.zeros(0)


MICROPHONE = (RoleBinding("reference", "0"),)
LISTENER = (RoleBinding("listener", "0"),)


def tone(k: int, hz: float = 440.0) -> np.ndarray:
    t = (np.arange(80) + 80 * k) / 8000
    return 0.5 * np.sin(2 * np.pi * hz * t)


@pytest.mark.parametrize("form", [L16, OPUS], ids=["same format", "opus at 48 kHz"])
def test_a_listener_hears_the_microphone(form: AudioFormat) -> None:
    """Forwarded as it is, or brought to the listener's rate; the tone is there either way."""
    world = World()
    world.rooms.create("s", now=world.now)
    mic = world.join("s", "mic", MICROPHONE, (ClientTrack(L16, "sendonly"),))
    ear = world.join("s", "ear", LISTENER, (ClientTrack(form, "recvonly"),))
    world.run(1.0)
    world.run(1.0, lambda k: world.clients[mic].send_audio("0", tone(k)))
    sound = world.sound(ear)[-4096:]
    rate = 8000 if form is L16 else 48000
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound))))
    assert np.argmax(spectrum) * rate / len(sound) == pytest.approx(440, abs=15)
    assert np.sqrt(2) * np.std(sound) == pytest.approx(0.5, rel=0.1)


def test_two_rooms_do_not_hear_each_other() -> None:
    """A listener in one room hears nothing of a microphone in another."""
    world = World()
    for name in ("a", "b"):
        world.rooms.create(name, now=world.now)
    mic = world.join("a", "mic", MICROPHONE, (ClientTrack(L16, "sendonly"),))
    friend = world.join("a", "ear", LISTENER, (ClientTrack(L16, "recvonly"),))
    stranger = world.join("b", "ear", LISTENER, (ClientTrack(L16, "recvonly"),))
    world.run(1.0)
    world.run(1.0, lambda k: world.clients[mic].send_audio("0", tone(k)))
    assert len(world.sound(friend)) > 4000
    assert len(world.sound(stranger)) == 0
    told = [m for s, _, m in world.told if s == "b" and m["type"] == "device"]
    assert [m["name"] for m in told] == ["ear"]


def test_clean_from_one_stereo_track() -> None:
    """Noise on both sides is gone for the listener, the talker is not."""
    world = World()
    world.rooms.create("s", now=world.now)
    roles = (RoleBinding("talker", "0", 0), RoleBinding("reference", "0", 1))
    stereo = AudioFormat("L16", 96, 8000, 2)
    desk = world.join("s", "desk", roles, (ClientTrack(stereo, "sendonly"),))
    ear = world.join("s", "ear", LISTENER, (ClientTrack(L16, "recvonly"),))
    assert world.rooms.describe("s")["mode"] == "clean"
    world.run(1.0)
    rng = np.random.default_rng(1)
    power = []

    def speak(k: int) -> None:
        noise = 0.2 * rng.standard_normal(80)
        world.clients[desk].send_audio("0", np.stack([0.5 * noise, noise], axis=1))
        power.append(0.25 * float(np.mean(noise**2)))

    world.run(3.0, speak)
    assert np.mean(world.sound(ear)[-8000:] ** 2) < 0.01 * np.mean(power)


def test_figures_and_messages() -> None:
    """Those in a room are told of devices, modes and figures, twice a second."""
    world = World()
    world.rooms.create("s", name="yard", scene={"source": [0, 0, 0]}, now=world.now)
    mic = world.join("s", "mic", MICROPHONE, (ClientTrack(L16, "sendonly"),))
    world.run(2.0)
    kinds = [m["type"] for _, _, m in world.told]
    assert kinds.count("figures") == pytest.approx(4, abs=1)
    assert {"device", "mode", "control"} <= set(kinds)
    assert world.rooms.figures("s", world.now).scene == {"source": [0, 0, 0]}
    told = world.rooms.describe("s")
    assert (told["name"], told["devices"][0]["connected"]) == ("yard", True)
    world.rooms.set_control("s", False, world.now)
    world.rooms.report_truth("s", 3.0, world.now)
    figures = world.rooms.figures("s", world.now)
    assert (figures.control, figures.attenuation.true) == (False, 3.0)
    world.rooms.leave("s", mic, world.now, "done")
    world.run(0.1)
    left = [m for _, _, m in world.told if m.get("event") == "left"]
    assert [m["reason"] for m in left] == ["done"]


def test_a_ghost_leaves_when_its_consent_expires() -> None:
    """A page that was reloaded without goodbye is gone within the consent time; its place too."""
    world = World(RoomsSettings(most_devices=1))
    world.rooms.create("s", now=world.now)
    mic = world.join("s", "mic", MICROPHONE, (ClientTrack(L16, "sendonly"),))
    world.run(1.0)
    with pytest.raises(ParameterError, match="at most 1"):
        world.rooms.join("s", DeviceDescription(), world.now)
    world.clients[mic].tick = lambda *_: None  # type: ignore[method-assign]
    world.run(40.0)
    assert world.rooms.describe("s")["devices"] == []
    assert "consent" in str([m for _, _, m in world.told if m.get("event") == "left"])
    world.rooms.join("s", DeviceDescription(), world.now)


def test_a_device_that_never_connects_is_taken_out() -> None:
    """A join with roles and no offer is forgotten after half a minute; watchers may stay."""
    world = World()
    world.rooms.create("s", now=world.now)
    world.rooms.join("s", DeviceDescription("ghost", MICROPHONE), world.now)
    world.rooms.join("s", DeviceDescription("watcher"), world.now)
    world.run(32)
    assert [d["name"] for d in world.rooms.describe("s")["devices"]] == ["watcher"]


def test_a_second_connection_replaces_the_first() -> None:
    """A device that offers anew with other keys (a reloaded page) is connected again."""
    world = World()
    world.rooms.create("s", now=world.now)
    mic = world.join("s", "mic", MICROPHONE, (ClientTrack(L16, "sendonly"),))
    world.run(1.0)
    again = Client((ClientTrack(L16, "sendonly"),), certificate=Certificate())
    again.accept(world.rooms.offer("s", mic, again.offer(), world.now), world.now)
    world.clients[mic] = again
    world.run(1.0)
    assert again.connected
    assert world.rooms.describe("s")["devices"][0]["connected"]


def test_deleting_a_room_says_goodbye_to_all() -> None:
    """Connections close, the id is free again, nothing of the room is left."""
    world = World()
    world.rooms.create("s", now=world.now)
    mic = world.join("s", "mic", MICROPHONE, (ClientTrack(L16, "sendonly"),))
    world.run(1.0)
    world.rooms.delete("s", world.now, "over")
    world.rooms.delete("s", world.now, "over")
    assert world.rooms.ids == ()
    assert mic not in world.endpoint.sessions
    assert ("s", None, {"type": "bye", "reason": "over"}) in world.rooms.poll_messages()
    world.rooms.create("s", now=world.now)


def test_control_messages_go_both_ways() -> None:
    """A device that opens anc.control is told the mode on it."""
    world = World()
    world.rooms.create("s", now=world.now)
    mic = world.join("s", "mic", MICROPHONE, (ClientTrack(L16, "sendonly"),), data=True)
    world.run(1.0)
    channels = world.clients[mic].channels
    assert channels is not None
    channels.open("anc.control", world.now)
    world.run(0.5)
    channels.send("anc.control", "[1]", world.now)
    world.rooms.set_mode("s", "forward", world.now)
    world.run(0.5)
    errors = [(d, m) for _, d, m in world.told if m["type"] == "error"]
    assert [d for d, _ in errors] == [mic]
    got = [
        e.change.data
        for e in world.heard[mic]
        if isinstance(e, ChannelChanged) and isinstance(e.change, ChannelMessage)
    ]
    assert any("asked for" in str(text) for text in got)


def test_strangers_and_doubles_are_refused() -> None:
    """Unknown rooms and devices, taken ids, bad offers and unknown modes are errors."""
    world = World()
    world.rooms.create("s", now=world.now)
    with pytest.raises(ParameterError, match="session_id='s'"):
        world.rooms.create("s", now=world.now)
    with pytest.raises(ParameterError, match="mode='loud'"):
        world.rooms.create("t", mode="loud", now=world.now)
    assert world.rooms.ids == ("s",)
    with pytest.raises(ParameterError):
        world.rooms.describe("nowhere")
    with pytest.raises(ParameterError):
        world.rooms.offer("s", "nobody", "v=0", world.now)
    device = world.rooms.join("s", DeviceDescription(), world.now)
    with pytest.raises(ProtocolError):
        world.rooms.offer("s", device, "v=0", world.now)


def test_nobody_is_told_what_nobody_watches() -> None:
    """A room without watchers sends no figures; one that is watched sends them twice a second."""
    world = World()
    for name in ("watched", "alone"):
        world.rooms.create(name, mode="forward", now=world.now)
    world.rooms.watched = lambda session_id: session_id == "watched"
    world.run(2.0)
    told = [session_id for session_id, _, message in world.told if message["type"] == "figures"]
    assert set(told) == {"watched"}
    assert 3 <= len(told) <= 5


def test_rooms_that_are_opened_together_are_not_told_together() -> None:
    """Of 100 rooms at most a tenth is told its figures in one step of 10 ms."""
    world = World()
    for k in range(100):
        world.rooms.create(f"room {k}", mode="forward", now=world.now)
    at_once = []
    for _ in range(100):
        before = len(world.told)
        world.run(0.01)
        figures = [m for _, _, m in world.told[before:] if m["type"] == "figures"]
        at_once.append(len(figures))
    assert 190 <= sum(at_once) <= 210
    assert max(at_once) <= 10
