"""Mutated plain packets from an authenticated peer, through either driver's whole path."""

from __future__ import annotations

import numpy as np
import pytest

from antiphase.media.client import ClientTrack
from antiphase.media.payload import AudioFormat
from antiphase.media.routing import Forward, Gain, Listen, Route
from antiphase.media.session import SessionSettings
from tests.media.room import DRIVERS, Driver, Room, in_room

OPUS = AudioFormat("opus", 111, 48000)
L16 = AudioFormat("L16", 96, 8000, 2)
G722 = AudioFormat("G722", 9, 8000)


def mutate(packet: bytes, rng: np.random.Generator) -> bytes:
    """Flip, cut, stretch or overwrite; the version stays 2, or libsrtp would not encrypt it."""
    data = bytearray(packet)
    for _ in range(rng.integers(1, 4)):
        at = int(rng.integers(0, len(data)))
        match rng.integers(0, 4):
            case 0:
                data[at] ^= 1 << int(rng.integers(0, 8))
            case 1:
                data[at:] = data[at:][: int(rng.integers(0, 20))]
            case 2:
                data[at:at] = rng.bytes(int(rng.integers(1, 900)))
            case _:
                data[at : at + 4] = b"\xff" * 4
        if len(data) < 12:
            data += bytes(12 - len(data))
    data[0] = data[0] & 0x3F | 0x80
    return bytes(data[:1450])


@DRIVERS
@pytest.mark.parametrize("reorder", [0, 3])
@pytest.mark.parametrize("form", [OPUS, L16, G722], ids=lambda f: str(f.kind))
def test_mutated_packets_harm_nobody(kind: Driver, form: AudioFormat, reorder: int) -> None:
    """Every decoder, route and concealment survives; the listener and the next frames are fine."""
    rng = np.random.default_rng(reorder)
    n = form.sample_rate() // 100
    frame = np.full(n if form.channels == 1 else (n, 2), 0.2)

    async def check(room: Room) -> None:
        peer = await room.join("a", ClientTrack(form))
        ear = await room.join("ear", ClientTrack(form, "recvonly"))
        routes = (Route(Forward(), "a", "0"), Route(Gain(2.0), "ear", "0"), Route(Listen()))
        room.endpoint.set_routes("a", "0", routes)
        session = peer.client.session
        assert session is not None
        assert session.srtp is not None
        sender = session.senders["0"]
        for k in range(1500):
            packet = mutate(sender.send(frame).encode(), rng)
            try:
                session._outgoing.append(session.srtp.protect(packet))
            except Exception:  # noqa: BLE001, S112 - libsrtp refuses some broken headers itself
                continue
            if k % 50 == 0:
                peer.flush()
                await room.run(0.0)
        await room.run(0.1)
        honest = await room.join("honest", ClientTrack(form))
        room.endpoint.set_routes("a", "0", ())
        room.endpoint.set_routes("honest", "0", (Route(Gain(), "ear", "0"),))
        before = len(ear.frames())
        for _ in range(10):
            honest.say(frame)
            await room.run(0.01)
        assert await room.until(lambda: len(ear.frames()) >= before + 10)
        assert list(room.endpoint.sessions) == ["a", "ear", "honest"]

    in_room(kind, check, session=SessionSettings(reorder=reorder))
