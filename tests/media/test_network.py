"""Both drivers over real UDP while peers move, vanish, come back, restart and do not fit."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import numpy as np
import pytest

from antiphase.media import ice
from antiphase.media.client import Client, ClientTrack
from antiphase.media.events import AudioReceived, Closed, Connected
from antiphase.media.payload import AudioFormat
from antiphase.media.routing import Forward, Gain, Route
from tests.media.room import DRIVERS, Driver, Peer, Room, in_room

L16 = AudioFormat("L16", 96, 8000)
OPUS = AudioFormat("opus", 111, 48000)
N_FRAMES = 150
Spoil = Callable[[bytes], list[bytes]]


@DRIVERS
def test_nat_rebinding_moves_the_stream(kind: Driver) -> None:
    """When the peer's address changes, its next check moves media there; no new handshake."""

    async def check(room: Room) -> None:
        peer = await room.join("a", ClientTrack(L16))
        room.endpoint.set_routes("a", "0", (Route(Gain(), "a", "0"),))
        room.peers.remove(peer)
        peer.transport.close()
        _, moved = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: Peer(peer.client), local_addr=("127.0.0.1", 0)
        )
        room.peers.append(moved)
        agent = peer.client._agent
        assert agent is not None
        agent._next_check = 0.0
        await room.run(0.1)
        moved.say(np.full(80, 0.1))
        assert await room.until(lambda: len(moved.frames()) == 1)
        assert room.endpoint._peers["a"].agent.rebindings == 1

    room = in_room(kind, check)
    assert sum(isinstance(e, Connected) for e in room.events) == 1


@DRIVERS
def test_consent_expires(kind: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    """A peer that vanishes without a word is gone after the consent time, and its place is free."""
    monkeypatch.setattr(ice, "CONSENT_SECONDS", 0.5)

    async def check(room: Room) -> None:
        peer = await room.join("a", ClientTrack(L16))
        room.peers.remove(peer)
        peer.transport.close()
        assert await room.until(lambda: not room.endpoint.sessions)

    room = in_room(kind, check)
    assert any(isinstance(e, Closed) and "consent" in e.reason for e in room.events)


@DRIVERS
@pytest.mark.parametrize("name", ["L16", "opus"])
def test_stereo_in_mono_out_and_back(kind: Driver, name: str) -> None:
    """Left and right arrive as their mean where the listener is mono, mono on both sides."""
    n = 240  # L16 in stereo would not fit a datagram at 10 ms
    mono = AudioFormat(name, 111, 48000)
    stereo = AudioFormat(name, 112, 48000, 2, {"sprop-stereo": "1"})
    time_s = np.arange(n * 60) / 48000
    left, right = (0.3 * np.sin(2 * np.pi * hz * time_s) for hz in (300, 1000))

    def level(pcm: np.ndarray, hz: float) -> float:
        steady = pcm[-n * 30 :]
        turns = hz * np.arange(len(steady)) / 48000
        return float(2 * abs(np.mean(steady * np.exp(-2j * np.pi * turns))))

    async def check(room: Room) -> None:
        wide = await room.join("wide", ClientTrack(stereo))
        narrow = await room.join("narrow", ClientTrack(mono))
        room.endpoint.set_routes("wide", "0", (Route(Gain(), "narrow", "0"),))
        room.endpoint.set_routes("narrow", "0", (Route(Gain(), "wide", "0"),))
        for k in range(60):
            part = slice(n * k, n * (k + 1))
            wide.say(np.stack([left[part], right[part]], axis=1))
            narrow.say(left[part])
            await room.run(0.01)
        assert await room.until(lambda: len(wide.frames()) == len(narrow.frames()) == 60)
        to_mono = np.concatenate(narrow.frames())
        assert to_mono.ndim == 1
        assert level(to_mono, 300) == pytest.approx(0.15, rel=0.1)
        assert level(to_mono, 1000) == pytest.approx(0.15, rel=0.1)
        to_stereo = np.concatenate(wide.frames())
        assert to_stereo.shape[1] == 2
        assert level(to_stereo[:, 0], 300) == pytest.approx(0.3, rel=0.1)
        assert level(to_stereo[:, 1], 300) == pytest.approx(0.3, rel=0.1)

    in_room(kind, check)


@DRIVERS
def test_a_source_that_says_goodbye_may_come_back(kind: Driver) -> None:
    """After BYE the source is forgotten everywhere; others may join, and it starts anew."""
    from aiortc import rtp as aiortc_rtp  # noqa: PLC0415 - only here

    async def check(room: Room) -> None:
        peer = await room.join("a", ClientTrack(L16))
        peer.say(np.full(80, 0.1))
        session = peer.client.session
        assert session is not None
        assert session.srtp is not None
        assert await room.until(lambda: bool(room.endpoint.sessions["a"].incoming))
        bye = bytes(aiortc_rtp.RtcpByePacket([session.senders["0"].ssrc]))
        empty = bytes(aiortc_rtp.RtcpRrPacket(ssrc=1, reports=[]))
        session._outgoing.append(session.srtp.protect_rtcp(empty + bye))
        peer.flush()
        assert await room.until(lambda: not room.endpoint.sessions["a"].incoming)
        await room.join("b", ClientTrack(L16))
        peer.say(np.full(80, 0.2))
        await room.until(lambda: len(room.events) >= 4)

    room = in_room(kind, check)
    heard = [float(e.frame.pcm[0]) for e in room.events if isinstance(e, AudioReceived)]
    np.testing.assert_allclose(heard, [0.1, 0.2], atol=1e-4)


@DRIVERS
def test_a_route_to_nobody_is_silent(kind: Driver) -> None:
    """Routes to sections that are not there yet, or no more, carry nothing and break nothing."""

    async def check(room: Room) -> None:
        peer = await room.join("a", ClientTrack(L16))
        routes = (
            Route(Forward(), "gone", "0"),
            Route(Gain(), "gone", "9"),
            Route(Gain(), "a", "0"),
        )
        room.endpoint.set_routes("a", "0", routes)
        for _ in range(5):
            peer.say(np.full(80, 0.1))
            await room.run(0.01)
        late = await room.join("gone", ClientTrack(L16, "recvonly"))
        for _ in range(5):
            peer.say(np.full(80, 0.1))
            await room.run(0.01)
        room.endpoint.close("gone")
        for _ in range(5):
            peer.say(np.full(80, 0.1))
            await room.run(0.01)
        assert await room.until(lambda: len(peer.frames()) == 15)
        assert len(late.frames()) == 5

    in_room(kind, check)


@DRIVERS
def test_frames_that_do_not_fit_are_counted(kind: Driver) -> None:
    """A peer whose frames its listener's format can't hold costs a counter, no exception."""

    async def check(room: Room) -> None:
        talker = await room.join("talker", ClientTrack(AudioFormat("L16", 97, 48000)))
        await room.join("ear", ClientTrack(OPUS), ClientTrack(L16))
        routes = (Route(Gain(), "ear", "0"), Route(Gain(), "ear", "1"))
        room.endpoint.set_routes("talker", "0", routes)
        for _ in range(5):
            talker.say(np.zeros(100))
            await room.run(0.01)
        assert await room.until(lambda: room.endpoint.counters.unencodable == 10)

    in_room(kind, check)


@DRIVERS
def test_an_ice_restart_and_a_new_track_keep_the_stream(kind: Driver) -> None:
    """A second offer with new credentials and one more section; the first stream goes on."""

    async def check(room: Room) -> None:
        peer = await room.join("a", ClientTrack(L16))
        room.endpoint.set_routes("a", "0", (Route(Gain(), "a", "0"),))
        peer.say(np.full(80, 0.1))
        assert await room.until(lambda: len(peer.frames()) == 1)
        ssrc = room.endpoint.sessions["a"].senders["0"].ssrc
        again = Client((ClientTrack(L16), ClientTrack(L16)), certificate=peer.client._certificate)
        answer = room.endpoint.open("a", again.offer(), time.monotonic())
        assert answer.count("m=audio 9") == 2
        peer.say(np.full(80, 0.1))
        assert await room.until(lambda: len(peer.frames()) == 2)
        assert room.endpoint.sessions["a"].senders["0"].ssrc == ssrc

    in_room(kind, check)
