"""Hostile offers to both drivers while aiortc listens to its own tone; see `attack.py`."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable

import pytest

from antiphase.errors import ProtocolError
from antiphase.media.client import Client, ClientTrack
from tests.media.attack import attacked
from tests.media.foreign import Call
from tests.media.room import DRIVERS, L16, Driver, Room, in_room

ROUNDS = 20


def without(name: str) -> Callable[[str], str]:
    return lambda offer: re.sub(rf"a={name}:.*\r\n", "", offer)


def repeated(offer: str) -> str:
    return offer + "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\n" * 200  # the whole would be too long


HOSTILE: dict[str, tuple[Callable[[str], str], str]] = {
    "ten megabytes": (lambda o: o + "a=x:" + "y" * 10_000_000, "bytes, at most"),
    "ten megabytes of lines": (lambda o: o + "a=x:y\r\n" * 1_500_000, "bytes, at most"),
    "200 m-lines": (repeated, "m-lines"),
    "keys in clear text": (
        lambda o: o + "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:x\r\n",
        "a=crypto",
    ),
    "no fingerprint": (without("fingerprint"), "fingerprint"),
    "no credentials": (without("ice-pwd"), "ice-pwd"),
    "huge numbers": (lambda o: o.replace("opus/48000", "opus/" + "9" * 5000), "malformed"),
    "bad extension id": (lambda o: o.replace("a=extmap:1 ", "a=extmap:x "), "malformed"),
    "empty": (lambda _: "", "v=0"),
}


def refuse(call: Call, name: str, k: int) -> None:
    """Check that it is refused in one line, as a new call and within the peer's own."""
    spoil, words = HOSTILE[name]
    hostile = spoil(call.offer)
    assert hostile != call.offer, name
    for session_id in (f"hostile {k}", call.session_id):
        with pytest.raises(ProtocolError, match=words) as caught:
            call.room.endpoint.open(session_id, hostile, time.monotonic())
        assert "\n" not in str(caught.value)
        assert len(str(caught.value)) < 300


@DRIVERS
def test_hostile_offers(kind: Driver, caplog: pytest.LogCaptureFixture) -> None:
    """What aiortc has offered, made hostile: refused for what it is, and nothing of it stays."""

    async def offer(call: Call) -> None:
        for k in range(ROUNDS):
            for name in HOSTILE:
                refuse(call, name, k)
                await asyncio.sleep(0)

    attacked(kind, caplog, {"sdp_refused": 2 * ROUNDS * len(HOSTILE)}, offer)


@DRIVERS
def test_a_mid_too_long_for_a_header_extension(kind: Driver) -> None:
    """Long mids and odd extension ids are taken, without the extension that can't carry them."""

    async def check(room: Room) -> None:
        text = Client((ClientTrack(L16),)).offer()
        room.endpoint.open("a", text.replace("a=mid:0", "a=mid:" + "m" * 40), time.monotonic())
        room.endpoint.open("b", text.replace("a=extmap:1 ", "a=extmap:300 "), time.monotonic())
        assert all(s.senders for s in room.endpoint.sessions.values())

    in_room(kind, check)
