"""What both drivers share: their ports, and that nothing of one is another's."""

from __future__ import annotations

import asyncio
import socket

import numpy as np
import pytest

from antiphase.media.client import ClientTrack
from antiphase.media.endpoint import Endpoint, EndpointSettings
from antiphase.media.events import AudioReceived, Closed, Event
from antiphase.media.payload import AudioFormat
from antiphase.media.routing import Gain, Route
from antiphase.media.sdp import parse_description
from antiphase.media.tcp import is_tcp
from tests.media.room import DRIVERS, Driver, Room, in_room

L16 = AudioFormat("L16", 96, 8000)


async def start(kind: Driver, port: int, tcp_port: int | None = None) -> None:
    driver = await kind.start(
        "127.0.0.1",
        port,
        lambda address: EndpointSettings((address,)),
        lambda *_: None,
        tcp_port=tcp_port,
    )
    await driver.stop()


@DRIVERS
def test_taken_ports_are_told_and_nothing_stays_open(kind: Driver) -> None:
    """A taken UDP or TCP port raises; the other port is free afterwards."""

    async def check() -> None:
        with (
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
            socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp,
        ):
            udp.bind(("127.0.0.1", 0))
            tcp.bind(("127.0.0.1", 0))
            tcp.listen()
            with pytest.raises(OSError, match="in use"):
                await start(kind, udp.getsockname()[1])
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
                probe.bind(("127.0.0.1", 0))
                free = probe.getsockname()[1]
            with pytest.raises(OSError, match="in use"):
                await start(kind, free, tcp.getsockname()[1])
            await start(kind, free)

    asyncio.run(check())


@DRIVERS
def test_a_fault_of_the_application_costs_its_own_event_only(kind: Driver) -> None:
    """What it raises is reported; the frames behind it, the other session and the timers go on."""
    told: list[str] = []

    async def check(room: Room) -> None:
        asyncio.get_running_loop().set_exception_handler(
            lambda _, context: told.append(str(context["exception"]))
        )
        good, bad = (
            await room.join("good", ClientTrack(L16)),
            await room.join("bad", ClientTrack(L16)),
        )
        take = room.driver._on_event

        def faulty(endpoint: Endpoint, event: Event) -> None:
            if event.session_id == "bad":
                raise RuntimeError(type(event).__name__)
            take(endpoint, event)

        room.driver._on_event = faulty
        for _ in range(10):
            for peer in (bad, good):
                peer.say(np.zeros(80))
            await room.run(0.01)
        assert await room.until(
            lambda: sum(isinstance(e, AudioReceived) for e in room.events) == 10
        )
        room.endpoint.close("bad")  # told at the next tick
        assert await room.until(lambda: "Closed" in told)
        room.endpoint.close("good")
        assert await room.until(lambda: any(isinstance(e, Closed) for e in room.events))

    in_room(kind, check)
    assert told == ["AudioReceived"] * 10 + ["Closed"]


@DRIVERS
def test_tcp_is_told_to_peers_after_udp(kind: Driver) -> None:
    """The answer has a passive TCP candidate of lower priority; without a TCP port it has none."""

    async def check(room: Room) -> None:
        peer = await room.join("a", ClientTrack(L16))
        answer = room.endpoint.open("a", peer.client.offer(), 0.0)
        udp, *tcp = [line.split() for line in answer.splitlines() if "a=candidate" in line]
        assert udp[2] == "udp"
        assert [(c[2], c[8:]) for c in tcp] == [("tcp", ["tcptype", "passive"])] * room.tcp
        assert all(int(c[3]) < int(udp[3]) for c in tcp)
        assert not any(is_tcp(c) for c in parse_description(answer).candidates)

    in_room(kind, check, tcp_port=0)
    in_room(kind, check)


@DRIVERS
def test_two_drivers_share_nothing(kind: Driver) -> None:
    """Of two endpoints in one process each has its port, sessions, keys and counters."""

    async def check(room: Room) -> None:
        other = Room(kind)
        await other.start()
        try:
            mine, theirs = (
                await room.join("a", ClientTrack(L16)),
                await other.join("a", ClientTrack(L16)),
            )
            assert room.driver.address != other.driver.address
            assert room.endpoint.certificate is not other.endpoint.certificate
            room.endpoint.set_routes("a", "0", (Route(Gain(), "a", "0"),))
            # A datagram of the one's peer at the other's port is a stranger's.
            mine.transport.sendto(b"\x80" + bytes(40), other.driver.address)
            assert await other.until(lambda: other.endpoint.counters.ungated == 1)
            assert room.endpoint.counters.ungated == 0
            other.endpoint.close("a")
            theirs.transport.close()
            other.peers.clear()
            assert list(room.endpoint.sessions) == ["a"]
        finally:
            await other.driver.stop()

    in_room(kind, check)
