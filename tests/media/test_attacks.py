"""Both drivers under attack over real UDP while aiortc listens to its own tone; see `attack.py`."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pytest
from aiortc import RTCPeerConnection

from antiphase.media.answer import AnswerPolicy
from antiphase.media.dtls import is_dtls
from antiphase.media.events import Closed
from antiphase.media.rtp import is_rtcp, is_rtp
from antiphase.media.session import SessionSettings
from antiphase.media.stun import Attribute, Message, is_stun
from tests.media.attack import (
    CERTIFICATE,
    Stranger,
    attacked,
    dropped,
    foreign_hello,
    pour,
)
from tests.media.foreign import Call
from tests.media.room import DRIVERS, Driver, is_media

ROUNDS, FEW = 2000, 200
HANDSHAKE, APPLICATION = 22, 23  # DTLS records
FATAL = bytes([21, 0xFE, 0xFD, *bytes(8), 0, 2, 2, 40])  # an alert in clear text


@DRIVERS
@pytest.mark.parametrize("moment", ["before", "during", "after"])
def test_a_foreign_client_hello_changes_nothing(
    kind: Driver, moment: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A stranger's handshake is dropped at the gate before, during and after the peer's own."""
    hello = foreign_hello()

    async def before(call: Call) -> None:
        stranger = Stranger(call.room)
        if moment == "before":
            await pour(call.room, stranger.send, [hello] * ROUNDS)
        if moment == "during":

            def beside(datagram: bytes) -> list[bytes]:
                for _ in range(50):
                    stranger.send(hello)
                return [datagram]

            call.nat.up = beside

    async def attack(call: Call) -> None:
        call.nat.up = lambda datagram: [datagram]
        if moment == "after":
            await pour(call.room, Stranger(call.room).send, [hello] * ROUNDS)

    attacked(kind, caplog, {"ungated": 500}, attack, before=before)


@DRIVERS
def test_junk_floods_keep_memory_and_the_honest_peer(
    kind: Driver, caplog: pytest.LogCaptureFixture
) -> None:
    """A hundred thousand datagrams of every kind: each is counted, none is kept."""
    rng = np.random.default_rng(1)
    junk = [bytes([first]) + rng.bytes(60) for first in (22, 128, 200, 90) for _ in range(250)]

    async def flood(call: Call) -> None:
        await pour(call.room, Stranger(call.room).send, junk * 100)
        assert dropped(call.room.endpoint) == {"ungated": 100_000}

    attacked(kind, caplog, {"ungated": 100_000}, flood)


@DRIVERS
def test_junk_from_the_peers_own_address(kind: Driver, caplog: pytest.LogCaptureFixture) -> None:
    """What claims the right source still fails authentication, or is no record of its own."""
    rng = np.random.default_rng(2)

    async def spoof(call: Call) -> None:
        kinds = [(first, size) for first in range(128, 192, 3) for size in (12, 60, 1400)]
        forged = [bytes([first, 96]) + rng.bytes(size) for first, size in kinds]
        await pour(call.room, call.nat.send, forged * 30)
        await pour(call.room, call.nat.send, [bytes([250]) + rng.bytes(60)] * ROUNDS)
        await pour_uncounted(call, Stranger(call.room), [foreign_hello(), FATAL] * FEW)

    attacked(kind, caplog, {"srtp_failed": 1900, "junk": ROUNDS, "ungated": 20}, spoof)


def checks_of(call: Call) -> list[bytes]:
    """Return the peer's own checks, recorded on their way."""
    return [d for d in call.nat.sent if is_stun(d) and Message.parse(d).message_class == 0]


def forged(check: bytes) -> bytes:
    """Return a check with a spoiled digest and a fingerprint that is right."""
    message = Message.parse(check)
    message.attributes[Attribute.PRIORITY] = bytes(4)
    return message.encode(b"a guess")


def is_report(datagram: bytes) -> bool:
    return is_rtp(datagram) and is_rtcp(datagram)


@DRIVERS
def test_stun_with_a_bad_integrity(kind: Driver, caplog: pytest.LogCaptureFixture) -> None:
    """Checks that name a real session but not its password open no gate and move nothing."""

    async def forge(call: Call) -> None:
        stranger = Stranger(call.room)
        checks = [forged(check) for check in checks_of(call)]
        many = (checks * ROUNDS)[:ROUNDS]
        await pour(call.room, stranger.send, many)
        await pour(call.room, call.nat.send, many[:FEW])  # the peer's own address gets answers
        await pour(call.room, stranger.send, [foreign_hello()])
        assert call.room.endpoint._peers["honest"].agent.selected == call.nat.outside

    attacked(kind, caplog, {"stun_unauthenticated": ROUNDS + FEW, "ungated": 1}, forge)


@DRIVERS
def test_replayed_stun_checks(kind: Driver, caplog: pytest.LogCaptureFixture) -> None:
    """Checks that a stranger has recorded open no gate for him and don't take the media away."""

    async def replay(call: Call) -> None:
        stranger = Stranger(call.room)
        await pour(call.room, stranger.send, (checks_of(call) * ROUNDS)[:ROUNDS])
        await pour(call.room, stranger.send, [foreign_hello()])
        assert call.room.endpoint._peers["honest"].agent.selected == call.nat.outside

    attacked(kind, caplog, {"stun_replayed": ROUNDS, "ungated": 1}, replay)


@DRIVERS
def test_stun_for_nobody_and_broken_stun(kind: Driver, caplog: pytest.LogCaptureFixture) -> None:
    """Unknown user names, cut attributes and what lost its digest are counted apart."""

    async def guess(call: Call) -> None:
        stranger = Stranger(call.room)
        check = checks_of(call)[0]
        pieces = []
        for cut in range(20, len(check) - 8, 4):  # without its fingerprint it would be whole
            piece = bytearray(check[:cut])
            pieces.append(bytes(piece))
            piece[2:4] = (cut - 20).to_bytes(2, "big")
            pieces.append(bytes(piece))
        await pour(call.room, stranger.send, pieces * 20)

    expected = {"stun_malformed": 300, "stun_unknown": 20, "stun_unauthenticated": 20}
    attacked(kind, caplog, expected, guess)


@DRIVERS
def test_replayed_media(kind: Driver, caplog: pytest.LogCaptureFixture) -> None:
    """Sound and reports count once each, also when they come from the peer's own address."""

    async def replay(call: Call) -> None:
        def recorded(wanted: Callable[[bytes], bool]) -> list[bytes]:
            return [datagram for datagram in call.nat.sent if wanted(datagram)]

        assert await call.room.until(lambda: any(map(is_report, call.nat.sent)))
        await pour(call.room, call.nat.send, (recorded(is_media) * ROUNDS)[:ROUNDS])
        await pour(call.room, call.nat.send, (recorded(is_report) * ROUNDS)[:ROUNDS])

    attacked(kind, caplog, {"srtp_replayed": ROUNDS, "rtcp_malformed": ROUNDS}, replay)


@DRIVERS
def test_replayed_media_of_a_repeated_format(
    kind: Driver, caplog: pytest.LogCaptureFixture
) -> None:
    """Where the peer may repeat each packet once, what is more than that is told as an attack."""

    async def replay(call: Call) -> None:
        media = [datagram for datagram in call.nat.sent if is_media(datagram)]
        for datagram in media:  # its due
            call.nat.send(datagram)
        await call.room.run(0.2)
        assert dropped(call.room.endpoint) == {}
        await pour(call.room, call.nat.send, (media * ROUNDS)[:ROUNDS], uncounted=FEW)

    session = SessionSettings(repeat=("PCMU",))
    policy = AnswerPolicy(formats=("PCMU",))
    attacked(kind, caplog, {"srtp_replayed": ROUNDS - FEW}, replay, session=session, policy=policy)


def with_data(peer: RTCPeerConnection) -> None:
    peer.createDataChannel("telemetry")


async def pour_uncounted(call: Call, stranger: Stranger, datagrams: list[bytes]) -> None:
    """Send what OpenSSL drops without a word, as fast as the server counts junk behind it."""
    for k in range(0, len(datagrams), 20):
        for datagram in datagrams[k : k + 20]:
            call.nat.send(datagram)
        await pour(call.room, stranger.send, [b"behind it"])


@DRIVERS
def test_everything_truncated(kind: Driver, caplog: pytest.LogCaptureFixture) -> None:
    """Every kind of datagram that the peer has sent comes in every length from both sides."""

    async def truncate(call: Call) -> None:
        stranger = Stranger(call.room)
        assert await call.room.until(lambda: any(map(is_report, call.nat.sent)))
        kinds = {(is_report(d), d[0], d[13:14] if is_dtls(d) else b""): d for d in call.nat.sent}
        assert {d[0] for d in kinds.values() if is_dtls(d)} == {HANDSHAKE, APPLICATION}
        call.nat.up = lambda datagram: [datagram[:-1], datagram]
        for datagram in kinds.values():
            pieces = [datagram[:size] for size in range(len(datagram))]
            await pour(call.room, stranger.send, pieces)
            if is_dtls(datagram):
                await pour_uncounted(call, stranger, pieces)
            else:
                await pour(call.room, call.nat.send, pieces, uncounted=5)

    expected = {
        "ungated": 1000,
        "stun_malformed": 30,
        "junk": 100,
        "srtp_failed": 10,
        "srtp_replayed": 100,
        "rtcp_malformed": 35,
    }
    attacked(kind, caplog, expected, truncate, prepare=with_data)


@DRIVERS
def test_a_wrong_fingerprint_closes_that_session_only(
    kind: Driver, caplog: pytest.LogCaptureFixture
) -> None:
    """A second aiortc whose certificate is not the announced one is closed; the first goes on."""

    def lied(offer: str) -> str:
        others = re.sub(r"a=fingerprint:sha-(384|512) .*\r\n", "", offer)
        return re.sub(r"(?<=a=fingerprint:sha-256 )\S+", CERTIFICATE.fingerprint.value, others)

    async def lie(call: Call) -> None:
        room = call.room
        liar = await Call.dial(room, "liar", rewrite=lied)
        await liar.go()
        assert await room.until(lambda: "liar" not in room.endpoint.sessions)
        reasons = [e.reason for e in room.events if isinstance(e, Closed)]
        assert reasons == ["DTLS certificate does not match the fingerprint in the SDP"]
        await pour(room, liar.nat.send, [foreign_hello()])  # its gate is closed again
        await liar.hang_up()
        assert liar.frames == []

    attacked(kind, caplog, {"dtls_failed": 1, "ungated": 1}, lie)


@DRIVERS
def test_nothing_secret_is_logged(kind: Driver, caplog: pytest.LogCaptureFixture) -> None:
    """Log lines hold counts and names of counters: no passwords, addresses or payloads."""

    async def spoof(call: Call) -> None:
        await pour(call.room, call.nat.send, [b"\xfa" * 50])
        await call.room.run(0.2)
        agent = call.room.endpoint._peers["honest"].agent
        for secret in (agent.local.password, agent.remote.password, str(call.nat.outside[1])):
            assert secret not in caplog.text

    attacked(kind, caplog, {"junk": 1}, spoof)
