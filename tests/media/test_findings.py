"""Everything that fuzzing has found, replayed on both drivers beside an honest peer."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import signal
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from antiphase.errors import ProtocolError
from antiphase.media.client import Client, ClientTrack
from antiphase.media.dtls import Certificate
from antiphase.media.sdp import parse_description
from tests.media.findings import FINDINGS, packets_of, text_of
from tests.media.packets import numbered
from tests.media.room import DRIVERS, L16, Driver, Peer, Room, echoes, in_room

CERTIFICATE = Certificate()
WATCHDOG_SECONDS = 10


@pytest.fixture
def stuck() -> Iterator[list[str]]:
    """Break what does not end by itself, and note it."""
    notes: list[str] = []

    def bark(*_: object) -> None:
        notes.append("stuck")
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, bark)
    signal.alarm(WATCHDOG_SECONDS)
    yield notes
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


async def offer(room: Room, path: Path) -> None:
    """Offer it, and where it is taken connect as whoever wrote it would."""
    text = text_of(path)
    try:
        answer = room.endpoint.open("finding", text, time.monotonic())
    except ProtocolError:
        assert room.endpoint.counters.sdp_refused == 1
        return
    answer.encode()
    client = Client((ClientTrack(L16),), certificate=CERTIFICATE)
    client._credentials = parse_description(text).credentials
    client.accept(answer, time.monotonic())
    _, peer = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: Peer(client), local_addr=("127.0.0.1", 0)
    )
    room.peers.append(peer)
    await room.run(0.5)


async def send_stun(room: Room, path: Path) -> None:
    """From the address of a peer that is connected."""
    peer = await room.join("finding", ClientTrack(L16))
    assert peer.client.server is not None
    for packet in packets_of(path):
        peer.transport.sendto(packet, peer.client.server)


async def send_media(room: Room, path: Path) -> None:
    """Through SRTP, from a peer that is connected; what SRTP can't carry as it is."""
    peer = await room.join("finding", ClientTrack(L16))
    session = peer.client.session
    assert session is not None
    assert session.srtp is not None
    protect = session.srtp.protect if path.suffix == ".rtp" else session.srtp.protect_rtcp
    for packet in packets_of(path):
        session._outgoing.append(protect(packet) if len(packet) >= 8 else packet)
    peer.flush()


async def send_sctp(room: Room, path: Path) -> None:
    """Through DTLS, from a peer with an open data channel."""
    peer, channels = await room.join_with_channels("finding")
    assert peer.client.session is not None
    for packet in packets_of(path):
        peer.client.session.dtls.send(numbered(packet, channels._sctp))
    peer.flush()


SEND: dict[str, Callable[[Room, Path], Awaitable[None]]] = {
    ".sdp": offer,
    ".stun": send_stun,
    ".rtp": send_media,
    ".rtcp": send_media,
    ".sctp": send_sctp,
}


@DRIVERS
@pytest.mark.parametrize("path", FINDINGS, ids=lambda path: path.name)
def test_what_was_found_harms_nobody(kind: Driver, path: Path, stuck: list[str]) -> None:
    """No exception, nothing stuck, and the honest peer's ten frames come back."""
    faults: list[str] = []

    async def check(room: Room) -> None:
        asyncio.get_running_loop().set_exception_handler(
            lambda _, context: faults.append(str(context))
        )
        honest = await room.join("honest", ClientTrack(L16))
        await SEND[path.suffix](room, path)
        await room.run(0.1)
        await echoes(room, honest)

    in_room(kind, check)
    assert faults == []
    assert stuck == []


@pytest.mark.parametrize(
    "path", [p for p in FINDINGS if p.suffix == ".sdp"], ids=lambda path: path.name
)
def test_as_an_answer_it_harms_no_client(path: Path) -> None:
    """A client that gets it refuses it, or sends its checks to addresses that there can be."""
    client = Client((ClientTrack(L16),), certificate=CERTIFICATE)
    with contextlib.suppress(ProtocolError):
        client.accept(text_of(path), 0.0)
    for _, (host, port) in client.poll_outgoing():
        ipaddress.ip_address(host)
        assert 0 < port < 65536
