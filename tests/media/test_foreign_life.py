"""aiortc comes, stays, falls silent and goes: consent, closing by either side."""

from __future__ import annotations

import aioice.ice
import pytest

from antiphase.media import ice
from antiphase.media.events import Closed
from antiphase.media.stun import is_stun
from tests.media.foreign import Call, Tone, in_call
from tests.media.nat import Spoil
from tests.media.room import DRIVERS, Driver, Room, is_media

CONSENT_SECONDS = 1.0
EXPIRED = Closed("a", "consent expired: no connectivity check for 30 s")


@pytest.fixture
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seconds in place of half minutes, on both sides."""
    monkeypatch.setattr(aioice.ice, "CONSENT_INTERVAL", 0.2)
    monkeypatch.setattr(ice, "CONSENT_SECONDS", CONSENT_SECONDS)


def check_free(room: Room) -> None:
    """Check that the place is free and the gate closed."""
    endpoint = room.endpoint
    assert endpoint.sessions == {}
    assert endpoint._by_ufrag == {}
    assert endpoint._by_source == {}


def nothing(_: bytes) -> list[bytes]:
    return []


def media_alone(datagram: bytes) -> list[bytes]:
    return [] if is_stun(datagram) else [datagram]


@DRIVERS
@pytest.mark.usefixtures("_short")
def test_checks_keep_consent(kind: Driver) -> None:
    """As long as it checks, it stays for many times the consent time, and its tone is whole."""

    async def check(call: Call) -> None:
        await call.heard(0.2)
        since = len(call.ear.frames)
        await call.heard(2.5 * CONSENT_SECONDS)
        assert list(call.room.endpoint.sessions) == ["a"]
        call.ear.check_whole(since, -10.0)

    in_call(kind, check, track=Tone)


@DRIVERS
@pytest.mark.usefixtures("_short")
@pytest.mark.parametrize("up", [nothing, media_alone])
def test_without_checks_consent_expires(kind: Driver, up: Spoil) -> None:
    """A peer that vanishes is let go; so is one whose sound goes on without checks (RFC 7675)."""

    async def check(call: Call) -> None:
        call.nat.up = up
        frames = len(call.frames)
        assert await call.room.until(lambda: not call.room.endpoint.sessions)
        assert (len(call.frames) > frames + 20) == (up is media_alone)
        check_free(call.room)
        await call.room.run(0.3)  # what is under way comes through
        got = len(call.nat.got)
        await call.room.run(0.3)  # it goes on talking; nobody answers
        assert not any(map(is_media, call.nat.got[got:]))

    room = in_call(kind, check, track=Tone)
    assert [event for event in room.events if isinstance(event, Closed)] == [EXPIRED]


@DRIVERS
def test_the_server_closes(kind: Driver) -> None:
    """Its DTLS alert ends the peer's connection at once, not after a timeout."""

    async def check(call: Call) -> None:
        call.room.endpoint.close("a")
        call.room.driver.flush()
        assert await call.room.until(lambda: call.peer.connectionState == "closed")
        check_free(call.room)

    in_call(kind, check)


@DRIVERS
def test_the_peer_closes(kind: Driver) -> None:
    """Its place is free at once, and the same name may come again."""

    async def check(call: Call) -> None:
        room = call.room
        await call.hang_up()
        assert await room.until(lambda: not room.endpoint.sessions)
        check_free(room)
        again = await Call.dial(room, "a", track=Tone)
        await again.go()
        assert await room.until(lambda: again.ear.seconds > 0.2)
        since = len(again.ear.frames)
        await again.heard(0.3)
        again.ear.check_whole(since, -10.0)
        await again.hang_up()
        assert await room.until(lambda: not room.endpoint.sessions)

    room = in_call(kind, check, track=Tone)
    assert room.events.count(Closed("a", "closed by the peer")) == 2
