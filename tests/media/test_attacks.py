"""Both drivers under attack over real UDP: the honest peer goes on; counted, and logged once."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
import tracemalloc
from collections.abc import Awaitable, Callable, Iterator

import numpy as np
import pytest

from antiphase.errors import ProtocolError
from antiphase.media.client import Client, ClientTrack
from antiphase.media.dtls import Certificate, DtlsTransport
from antiphase.media.events import Closed
from antiphase.media.session import SessionSettings
from antiphase.media.stun import Address, is_stun
from tests.media.room import DRIVERS, FRAME, L16, Driver, Peer, Room, echoes, in_room, is_media

CERTIFICATE = Certificate()


@pytest.fixture(autouse=True)
def _log(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    with caplog.at_level(logging.INFO, "antiphase.media"):
        yield


class Stranger:
    """A socket that belongs to nobody's session."""

    def __init__(self, room: Room) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.target = room.driver.address
        room.closing.append(self.socket.close)

    def send(self, *datagrams: bytes) -> None:
        for datagram in datagrams:
            self.socket.sendto(datagram, self.target)


def foreign_hello() -> bytes:
    transport = DtlsTransport(CERTIFICATE, "client", (CERTIFICATE.fingerprint,))
    transport.start()
    return transport.take_outgoing()[0]


def lines(caplog: pytest.LogCaptureFixture, counter: str) -> int:
    return sum(f"({counter})" in r.getMessage() for r in caplog.records)


def attacked(
    kind: Driver,
    caplog: pytest.LogCaptureFixture,
    counter: str,
    attack: Callable[[Room, Peer], Awaitable[int]],
    session: SessionSettings = SessionSettings(),  # noqa: B008 - it is frozen
) -> None:
    """Check that an attack of n datagrams is counted, logged once and changes nothing."""
    begin = time.monotonic()

    async def check(room: Room) -> None:
        peer = await room.join("honest", ClientTrack(L16))
        await echoes(room, peer)
        caplog.clear()
        count = await attack(room, peer)
        await room.until(lambda: getattr(room.endpoint.counters, counter) >= count)
        await echoes(room, peer)
        assert getattr(room.endpoint.counters, counter) >= count
        assert list(room.endpoint.sessions) == ["honest"]

    in_room(kind, check, session=session)
    assert 1 <= lines(caplog, counter) <= 1 + (time.monotonic() - begin) / 10


@DRIVERS
@pytest.mark.parametrize("moment", ["before", "during", "after"])
def test_a_foreign_client_hello_changes_nothing(
    kind: Driver, moment: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A stranger's handshake is dropped at the gate before, during and after the peer's own."""
    hello = foreign_hello()

    async def check(room: Room) -> None:
        stranger = Stranger(room)
        peer = await room.offer("honest", Client((ClientTrack(L16),)))
        if moment == "before":
            stranger.send(*[hello] * 50)
        if moment == "during":

            def spoil(datagram: bytes) -> list[bytes]:
                stranger.send(*[hello] * 10)
                return [datagram]

            peer.spoil = spoil
        assert await room.until(lambda: peer.client.connected)
        peer.spoil = lambda datagram: [datagram]
        if moment == "after":
            stranger.send(*[hello] * 50)
        await echoes(room, peer)
        assert room.endpoint.counters.ungated >= 30
        assert room.endpoint.counters.dtls_failed == 0

    in_room(kind, check)
    assert lines(caplog, "ungated") == 1


@DRIVERS
def test_junk_floods_keep_memory_and_the_honest_peer(
    kind: Driver, caplog: pytest.LogCaptureFixture
) -> None:
    """A hundred thousand datagrams of every kind: bounded memory, one line, no echo lost."""

    async def flood(room: Room, peer: Peer) -> int:
        stranger = Stranger(room)
        rng = np.random.default_rng(1)
        junk = [bytes([first]) + rng.bytes(60) for first in (22, 128, 200, 90) for _ in range(250)]
        tracemalloc.start()
        flood = asyncio.get_running_loop().run_in_executor(None, lambda: stranger.send(*junk * 100))
        while not flood.done():
            peer.say(FRAME)
            await room.run(0.01)
        await room.run(0.5)
        held, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert held < 4e6
        return 1000  # the kernel drops what Python is too slow for

    attacked(kind, caplog, "ungated", flood)


@DRIVERS
def test_junk_from_the_peers_own_address(kind: Driver, caplog: pytest.LogCaptureFixture) -> None:
    """What claims the right source still fails authentication, packet by packet."""

    async def spoof(_: Room, peer: Peer) -> int:
        rng = np.random.default_rng(2)
        target = peer.client.server
        for first in range(128, 192, 3):
            for size in (12, 60, 1400):
                peer.transport.sendto(bytes([first, 96]) + rng.bytes(size), target)
        return 60

    attacked(kind, caplog, "srtp_failed", spoof)


@DRIVERS
def test_stun_with_a_bad_integrity(kind: Driver, caplog: pytest.LogCaptureFixture) -> None:
    """Checks that name a real session but not its password open no gate."""

    async def forge(room: Room, peer: Peer) -> int:
        stranger = Stranger(room)
        checks = [d for d in peer.sent if is_stun(d)]
        # The digest is spoiled and the fingerprint left out (its header length corrected).
        for check in checks * 20:
            body = bytearray(check[:-8])
            body[-1] ^= 1
            body[2:4] = (len(body) - 20).to_bytes(2, "big")
            stranger.send(bytes(body))
        stranger.send(foreign_hello())
        assert await room.until(lambda: room.endpoint.counters.ungated >= 1)
        return 20

    attacked(kind, caplog, "stun_unauthenticated", forge)


@DRIVERS
def test_replayed_stun_checks(kind: Driver, caplog: pytest.LogCaptureFixture) -> None:
    """Checks that a stranger has recorded open no gate for him and don't take the media away."""

    async def replay(room: Room, peer: Peer) -> int:
        stranger = Stranger(room)
        checks = [d for d in peer.sent if is_stun(d)]
        stranger.send(*checks * 20)
        stranger.send(foreign_hello())
        assert await room.until(lambda: room.endpoint.counters.ungated >= 1)
        home = peer.transport.get_extra_info("sockname")
        assert room.endpoint._peers["honest"].agent.selected == home
        return 20 * len(checks)

    attacked(kind, caplog, "stun_replayed", replay)


@DRIVERS
def test_stun_for_nobody_and_broken_stun(kind: Driver, caplog: pytest.LogCaptureFixture) -> None:
    """Unknown user names and cut attributes are counted apart and stay unanswered."""

    async def guess(room: Room, peer: Peer) -> int:
        stranger = Stranger(room)
        check = next(d for d in peer.sent if is_stun(d))
        for cut in range(20, len(check) - 8, 4):  # without its fingerprint it would be whole
            piece = bytearray(check[:cut])
            stranger.send(bytes(piece))
            piece[2:4] = (cut - 20).to_bytes(2, "big")
            stranger.send(bytes(piece))
        return 5

    attacked(kind, caplog, "stun_malformed", guess)


@DRIVERS
def test_replayed_media(kind: Driver, caplog: pytest.LogCaptureFixture) -> None:
    """Each recorded packet counts once, also when it comes from the peer's own address."""

    async def replay(_: Room, peer: Peer) -> int:
        media = [d for d in peer.sent if is_media(d)]
        for datagram in media * 5:
            peer.transport.sendto(datagram, peer.client.server)
        return len(media) * 5

    attacked(kind, caplog, "srtp_replayed", replay)


@DRIVERS
def test_replayed_media_of_a_repeated_format(
    kind: Driver, caplog: pytest.LogCaptureFixture
) -> None:
    """Where the peer may repeat each packet once, what is more than that is told as an attack."""

    async def replay(_: Room, peer: Peer) -> int:
        media = [d for d in peer.sent if is_media(d)]
        for datagram in media * 5:
            peer.transport.sendto(datagram, peer.client.server)
        return len(media) * 4

    attacked(kind, caplog, "srtp_replayed", replay, session=SessionSettings(repeat=("L16",)))


@DRIVERS
def test_everything_truncated(kind: Driver, caplog: pytest.LogCaptureFixture) -> None:
    """Every datagram that the peer ever sent comes again in every length, from both sides."""

    async def truncate(room: Room, peer: Peer) -> int:
        stranger = Stranger(room)
        kinds = {d[0]: d for d in peer.sent}.values()
        for k, datagram in enumerate(kinds):
            for size in range(len(datagram)):
                peer.transport.sendto(datagram[:size], peer.client.server)
                stranger.send(datagram[:size])
            await room.run(0.02 * (k % 2))
        return 10

    attacked(kind, caplog, "srtp_replayed", truncate)


@DRIVERS
def test_a_wrong_fingerprint_closes_that_session_only(
    kind: Driver, caplog: pytest.LogCaptureFixture
) -> None:
    """A peer whose certificate is not the announced one is closed; the honest one goes on."""

    async def lie(room: Room, _: Peer) -> int:
        client = Client((ClientTrack(L16),), certificate=Certificate())
        mine = client._certificate.fingerprint.value
        liar = await room.offer(
            "liar", client, client.offer().replace(mine, CERTIFICATE.fingerprint.value)
        )
        assert await room.until(lambda: "liar" not in room.endpoint.sessions)
        room.peers.remove(liar)
        liar.transport.close()
        reasons = [e.reason for e in room.events if isinstance(e, Closed)]
        assert reasons == ["DTLS certificate does not match the fingerprint in the SDP"]
        return 1

    attacked(kind, caplog, "dtls_failed", lie)


def hostile_offers() -> dict[str, str]:
    offer = Client((ClientTrack(L16),)).offer()
    section = offer[offer.index("m=audio") :]
    lines_of = offer.split("\r\n")
    return {
        "ten megabytes": offer + "a=x:" + "y" * 10_000_000,
        "200 m-lines": offer + section * 200,
        "keys in clear text": offer + "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:x\r\n",
        "no fingerprint": "\r\n".join(x for x in lines_of if "fingerprint" not in x),
        "no credentials": "\r\n".join(x for x in lines_of if "ice-pwd" not in x),
        "huge numbers": offer.replace("L16/8000", "L16/" + "9" * 5000),
        "bad extension id": offer.replace("a=extmap:1 ", "a=extmap:x "),
        "empty": "",
    }


@DRIVERS
@pytest.mark.parametrize("name", hostile_offers())
def test_hostile_offers(kind: Driver, name: str, caplog: pytest.LogCaptureFixture) -> None:
    """Each is refused in one line, quickly, and nothing of it stays."""

    async def offer(room: Room, _: Peer) -> int:
        for k in range(5):
            with pytest.raises(ProtocolError) as caught:
                room.endpoint.open(f"hostile{k}", hostile_offers()[name], time.monotonic())
            assert "\n" not in str(caught.value)
            assert len(str(caught.value)) < 300
        return 5

    attacked(kind, caplog, "sdp_refused", offer)


@DRIVERS
def test_a_mid_too_long_for_a_header_extension(kind: Driver) -> None:
    """Long mids and odd extension ids are taken, without the extension that can't carry them."""

    async def check(room: Room) -> None:
        text = Client((ClientTrack(L16),)).offer()
        room.endpoint.open("a", text.replace("a=mid:0", "a=mid:" + "m" * 40), time.monotonic())
        room.endpoint.open("b", text.replace("a=extmap:1 ", "a=extmap:300 "), time.monotonic())
        assert all(s.senders for s in room.endpoint.sessions.values())

    in_room(kind, check)


@DRIVERS
def test_nothing_secret_is_logged(kind: Driver, caplog: pytest.LogCaptureFixture) -> None:
    """Log lines hold counts and names of counters: no passwords, addresses or payloads."""

    async def check(room: Room) -> None:
        peer = await room.join("honest", ClientTrack(L16))
        address: Address = peer.transport.get_extra_info("sockname")
        peer.transport.sendto(b"\xfa" * 50, peer.client.server)
        assert await room.until(lambda: room.endpoint.counters.junk == 1)
        await room.run(0.2)
        logged = caplog.text
        session = room.endpoint._peers["honest"].agent
        for secret in (session.local.password, session.remote.password, str(address[1])):
            assert secret not in logged

    in_room(kind, check)
    assert lines(caplog, "junk") == 1
