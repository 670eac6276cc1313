"""The native batch loop with our own client over real UDP: routes, loss, attacks, reports."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Awaitable, Callable

import numpy as np
import pytest

from antiphase.adaptive import NLMSFilter
from antiphase.media.answer import AnswerPolicy
from antiphase.media.client import Client, ClientTrack
from antiphase.media.endpoint import Endpoint, EndpointSettings
from antiphase.media.events import AudioReceived, Event
from antiphase.media.native_loop import NativeDriver
from antiphase.media.payload import AudioFormat
from antiphase.media.routing import Clean, Forward, Gain, Route
from antiphase.media.stun import Address

pytestmark = pytest.mark.skipif(not hasattr(os, "eventfd"), reason="the batch loop needs Linux")

L16 = AudioFormat("L16", 96, 8000)
STEREO = AudioFormat("L16", 97, 8000, 2)
OPUS = AudioFormat("opus", 111, 48000)


class Peer(asyncio.DatagramProtocol):
    """Our client on a socket of its own, with a filter on what it sends."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.events: list[Event] = []
        self.lose: Callable[[bytes], bool] = lambda _: False
        self.transport: asyncio.DatagramTransport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]

    def datagram_received(self, data: bytes, addr: Address) -> None:
        self.client.receive(data, (addr[0], addr[1]), time.monotonic(), time.time())
        self.flush()

    def flush(self) -> None:
        for datagram, target in self.client.poll_outgoing():
            if not self.lose(datagram):
                self.transport.sendto(datagram, target)
        self.events += self.client.poll_events()

    def frames(self) -> list[np.ndarray]:
        return [e.frame.pcm for e in self.events if isinstance(e, AudioReceived)]


class Room:
    """A native server and its peers."""

    def __init__(self) -> None:
        self.driver: NativeDriver
        self.events: list[Event] = []
        self.peers: list[Peer] = []

    async def join(self, session_id: str, *tracks: ClientTrack) -> Peer:
        now = time.monotonic()
        client = Client(tracks)
        client.accept(self.driver.endpoint.open(session_id, client.offer(), now), now)
        loop = asyncio.get_running_loop()
        _, peer = await loop.create_datagram_endpoint(
            lambda: Peer(client), local_addr=("127.0.0.1", 0)
        )
        self.peers.append(peer)
        for _ in range(200):
            client.tick(time.monotonic(), time.time())
            peer.flush()
            if client.connected:
                return peer
            await asyncio.sleep(0.01)
        raise AssertionError("not connected")

    async def run(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            await asyncio.sleep(0.01)
            for peer in self.peers:
                peer.client.tick(time.monotonic(), time.time())
                peer.flush()


def in_room(check: Callable[[Room], Awaitable[None]]) -> Room:
    async def whole() -> Room:
        room = Room()
        policy = AnswerPolicy()
        room.driver = await NativeDriver.start(
            "127.0.0.1",
            0,
            lambda address: EndpointSettings((address,), policy=policy),
            lambda _, event: room.events.append(event),
        )
        try:
            await check(room)
        finally:
            for peer in room.peers:
                peer.transport.close()
            await room.driver.stop()
        return room

    return asyncio.run(whole())


def test_frames_are_handed_up_and_audio_goes_down() -> None:
    """Without routes frames are events; `send_audio` reaches the peer bit for bit."""
    rng = np.random.default_rng(1)
    sent = rng.uniform(-0.5, 0.5, (20, 80))

    async def check(room: Room) -> None:
        peer = await room.join("a", ClientTrack(L16))
        for frame in sent:
            peer.client.send_audio("0", frame)
            peer.flush()
            room.driver.endpoint.send_audio("a", "0", -frame)
            await room.run(0.01)
        await room.run(0.1)
        np.testing.assert_allclose(np.concatenate(peer.frames()), -sent.ravel(), atol=5e-5)

    room = in_room(check)
    up = [e.frame.pcm for e in room.events if isinstance(e, AudioReceived)]
    np.testing.assert_allclose(np.concatenate(up), sent.ravel(), atol=5e-5)


def test_forwarding_reaches_every_listener() -> None:
    """One talker, three listeners: payloads arrive unchanged, nothing goes through Python."""
    sent = np.random.default_rng(2).uniform(-0.5, 0.5, (20, 80))

    async def check(room: Room) -> None:
        talker = await room.join("talker", ClientTrack(L16))
        ears = [await room.join(f"ear{k}", ClientTrack(L16, "recvonly")) for k in range(3)]
        routes = tuple(Route(Forward(), f"ear{k}", "0") for k in range(3))
        room.driver.endpoint.set_routes("talker", "0", routes)
        for frame in sent:
            talker.client.send_audio("0", frame)
            talker.flush()
            await room.run(0.01)
        await room.run(0.1)
        for ear in ears:
            np.testing.assert_allclose(np.concatenate(ear.frames()), sent.ravel(), atol=5e-5)

    room = in_room(check)
    assert not any(isinstance(e, AudioReceived) for e in room.events)


def test_cleaning_runs_in_the_loop() -> None:
    """The residual of the native canceller comes back, 30 dB below the primary and more."""
    noise = np.random.default_rng(3).uniform(-0.3, 0.3, 16000)
    primary = np.convolve(noise, [0.5, -0.3, 0.2])[:16000]

    async def check(room: Room) -> None:
        peer = await room.join("a", ClientTrack(STEREO))
        clean = Clean(NLMSFilter(64, 0.5))
        room.driver.endpoint.set_routes("a", "0", (Route(clean, "a", "0"),))
        for left, right in zip(primary.reshape(-1, 80), noise.reshape(-1, 80), strict=True):
            peer.client.send_audio("0", np.stack([left, right], axis=1))
            peer.flush()
            await asyncio.sleep(0.002)
        await room.run(0.2)
        residual = np.concatenate(peer.frames())[-4000:, 0]
        assert 10 * np.log10(np.mean(primary**2) / np.mean(residual**2)) > 30

    in_room(check)


@pytest.mark.parametrize("form", [L16, OPUS], ids=["L16", "opus"])
def test_loss_is_concealed_and_counted(form: AudioFormat) -> None:
    """Every fifth packet lost: as many frames come back as were sent, and the report says 20 %."""
    n = form.sample_rate() // 100
    tone = 0.3 * np.sin(2 * np.pi * 200 * np.arange(100 * n) / form.sample_rate())

    async def check(room: Room) -> None:
        peer = await room.join("a", ClientTrack(form))
        room.driver.endpoint.set_routes("a", "0", (Route(Gain(), "a", "0"),))
        count = 0

        def every_fifth(datagram: bytes) -> bool:
            nonlocal count
            media = 128 <= datagram[0] <= 191 and not 192 <= datagram[1] <= 223
            count += media
            return media and count % 5 == 3

        peer.lose = every_fifth
        for frame in np.split(tone, 100):
            peer.client.send_audio("0", frame)
            peer.flush()
            await asyncio.sleep(0.003)
        await room.run(1.2)
        assert 97 <= len(peer.frames()) <= 100
        session = room.driver.endpoint.sessions["a"]
        statistics = session.incoming[next(iter(session.incoming))].receiver.statistics
        assert 15 <= statistics.lost <= 20
        assert peer.client.session is not None
        assert peer.client.session.rates["0"].loss > 0.1

    in_room(check)


def test_strangers_and_junk_are_kept_out() -> None:
    """Datagrams of every kind from unknown sources are counted and change nothing."""

    async def check(room: Room) -> None:
        peer = await room.join("a", ClientTrack(L16))
        room.driver.endpoint.set_routes("a", "0", (Route(Forward(), "a", "0"),))
        stranger = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        rng = np.random.default_rng(4)
        for k in range(5000):
            junk = bytes([(22, 128, 200, 90)[k % 4]]) + rng.bytes(60)
            stranger.sendto(junk, room.driver.address)
            if k % 500 == 0:
                peer.client.send_audio("0", np.full(80, 0.1))
                peer.flush()
                await asyncio.sleep(0.01)
        await room.run(0.3)
        stranger.close()
        assert len(peer.frames()) == 10
        counters = room.driver.carrier.loop.counters()
        assert counters["ungated"] > 4000
        assert counters["upward_dropped"] == 0

    in_room(check)


def test_a_closed_session_is_gone_from_the_loop() -> None:
    """After closing, its packets are ungated and its slot is used again."""

    async def check(room: Room) -> None:
        first = await room.join("a", ClientTrack(L16))
        endpoint: Endpoint = room.driver.endpoint
        endpoint.close("a")
        room.driver.flush()
        first.client.send_audio("0", np.zeros(80))
        first.flush()
        await room.run(0.1)
        assert room.driver.carrier.sessions == {}
        second = await room.join("b", ClientTrack(L16))
        assert next(iter(room.driver.carrier.sessions)) == 0
        second.client.send_audio("0", np.zeros(80))
        second.flush()
        await room.run(0.1)

    room = in_room(check)
    heard = [e.session_id for e in room.events if isinstance(e, AudioReceived)]
    assert heard == ["b"]
