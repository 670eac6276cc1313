"""A real server on loopback with either driver, and peers of ours on sockets of their own."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import numpy as np
import pytest

from antiphase.media.client import Client, ClientTrack
from antiphase.media.datachannel import DataChannels
from antiphase.media.endpoint import Endpoint, EndpointSettings
from antiphase.media.events import AudioReceived, Event
from antiphase.media.loop import AsyncioDriver
from antiphase.media.native_loop import NativeDriver
from antiphase.media.payload import AudioFormat
from antiphase.media.routing import Gain, Route
from antiphase.media.session import SessionSettings
from antiphase.media.stun import Address

__all__ = ["DRIVERS", "FRAME", "L16", "Driver", "Peer", "Room", "echoes", "in_room", "is_media"]

Driver = type[AsyncioDriver] | type[NativeDriver]
DRIVERS = pytest.mark.parametrize("kind", [AsyncioDriver, NativeDriver], ids=["asyncio", "native"])
L16 = AudioFormat("L16", 96, 8000)
FRAME = np.full(80, 0.25)


def is_media(datagram: bytes) -> bool:
    """Whether a datagram is SRTP, not SRTCP."""
    return 128 <= datagram[0] <= 191 and not 192 <= datagram[1] <= 223


class Peer(asyncio.DatagramProtocol):
    """Our client; `spoil` may drop, repeat or keep what it sends, `late` delays by seconds.

    `spoil_heard` does the same to what comes.
    """

    def __init__(self, client: Client) -> None:
        self.client = client
        self.events: list[Event] = []
        self.spoil: Callable[[bytes], list[bytes]] = lambda datagram: [datagram]
        self.spoil_heard: Callable[[bytes], list[bytes]] = lambda datagram: [datagram]
        self.late: Callable[[bytes], float] = lambda _: 0.0
        self.sent: list[bytes] = []
        self.heard: list[bytes] = []
        self.transport: asyncio.DatagramTransport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]

    def datagram_received(self, data: bytes, addr: Address) -> None:
        for copy in self.spoil_heard(data):
            self.heard.append(copy)
            self.client.receive(copy, (addr[0], addr[1]), time.monotonic(), time.time())
        self.flush()

    def flush(self) -> None:
        for datagram, target in self.client.poll_outgoing():
            self.sent.append(datagram)
            for copy in self.spoil(datagram):
                seconds = self.late(copy)
                if seconds > 0:
                    loop = asyncio.get_running_loop()
                    loop.call_later(seconds, self.transport.sendto, copy, target)
                else:
                    self.transport.sendto(copy, target)
        self.events += self.client.poll_events()

    def say(self, frame: np.ndarray, mid: str = "0") -> None:
        self.client.send_audio(mid, frame)
        self.flush()

    def frames(self) -> list[np.ndarray]:
        return [e.frame.pcm for e in self.events if isinstance(e, AudioReceived)]


class Room:
    """A server and its peers."""

    def __init__(self, kind: Driver) -> None:
        self.kind = kind
        self.tcp = False
        self.driver: AsyncioDriver | NativeDriver
        self.events: list[Event] = []
        self.peers: list[Peer] = []
        self.closing: list[Callable[[], None]] = []

    @property
    def endpoint(self) -> Endpoint:
        return self.driver.endpoint

    async def start(
        self, host: str = "127.0.0.1", tcp_port: int | None = None, **settings: object
    ) -> None:
        self.tcp = tcp_port is not None
        self.driver = await self.kind.start(
            host,
            0,
            lambda address: EndpointSettings((address,), **settings),  # type: ignore[arg-type]
            lambda _, event: self.events.append(event),
            tcp_port=tcp_port,
        )

    async def offer(self, session_id: str, client: Client, sdp: str | None = None) -> Peer:
        now = time.monotonic()
        client.accept(self.endpoint.open(session_id, sdp or client.offer(), now), now)
        self.driver.flush()
        _, peer = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: Peer(client), local_addr=(self.driver.address[0], 0)
        )
        self.peers.append(peer)
        return peer

    async def join(
        self, session_id: str, *tracks: ClientTrack, settings: SessionSettings | None = None
    ) -> Peer:
        peer = await self.offer(session_id, Client(tracks, settings=settings))
        assert await self.until(lambda: peer.client.connected)
        await self.until(lambda: self.endpoint.sessions[session_id].connected)
        return peer

    async def join_with_channels(self, session_id: str) -> tuple[Peer, DataChannels]:
        """Connect a peer of ours that has an open data channel; gives the server's side too."""
        peer = await self.offer(session_id, Client((ClientTrack(L16),), data=True))
        server = self.endpoint.sessions[session_id]
        assert await self.until(lambda: peer.client.channels is not None)
        assert await self.until(lambda: server.channels is not None)
        assert peer.client.channels is not None
        assert server.channels is not None
        peer.client.channels.open("x", time.monotonic())
        await self.run(0.3)
        return peer, server.channels

    async def until(self, condition: Callable[[], bool], seconds: float = 8.0) -> bool:
        end = time.monotonic() + seconds
        while not condition() and time.monotonic() < end:
            await self.run(0.01)
        return condition()

    async def run(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while True:
            for peer in self.peers:
                peer.client.tick(time.monotonic(), time.time())
                peer.flush()
            await asyncio.sleep(0.01)
            if time.monotonic() >= end:
                return


async def echoes(room: Room, peer: Peer, session_id: str = "honest") -> None:
    """Ten frames go out and ten come back, whatever else goes on."""
    room.endpoint.set_routes(session_id, "0", (Route(Gain(), session_id, "0"),))
    before = -1
    while before < len(peer.frames()):  # what is still under way
        before = len(peer.frames())
        await room.run(0.05)
    for _ in range(10):
        peer.say(FRAME)
        await room.run(0.01)
    assert await room.until(lambda: len(peer.frames()) >= before + 10)
    np.testing.assert_allclose(peer.frames()[-1], FRAME, atol=1e-4)


def in_room(
    kind: Driver,
    check: Callable[[Room], Awaitable[None]],
    host: str = "127.0.0.1",
    tcp_port: int | None = None,
    **settings: object,
) -> Room:
    """Run a check against a fresh server and return the room afterwards."""

    async def whole() -> Room:
        room = Room(kind)
        await room.start(host, tcp_port, **settings)
        try:
            await check(room)
        finally:
            for peer in room.peers:
                peer.transport.close()
            for close in room.closing:
                close()
            await room.driver.stop()
        return room

    return asyncio.run(whole())
