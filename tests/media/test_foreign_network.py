"""aiortc behind a NAT on a bad network, under attack, in stereo: both drivers hold its sound."""

from __future__ import annotations

import asyncio
import random
import re
import socket
import time
from collections.abc import Awaitable, Callable
from fractions import Fraction

import aioice.ice
import av
import numpy as np
import pytest
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack

from antiphase.codecs import OpusEncoder
from antiphase.media import ice
from antiphase.media.answer import AnswerPolicy
from antiphase.media.bitrate import BitrateLimits
from antiphase.media.events import AudioReceived
from antiphase.media.routing import Gain, Listen, Route
from antiphase.media.session import SessionSettings
from tests.media.nat import Nat, Spoil
from tests.media.offer_answer import check_answer
from tests.media.room import DRIVERS, Driver, Room, in_room, is_media
from tests.media.test_attacks import foreign_hello

LEFT_HZ, RIGHT_HZ = 440, 1200


class Stereo(AudioStreamTrack):
    """Another tone in each channel, at −10 dB."""

    async def recv(self) -> av.AudioFrame:
        frame = await super().recv()
        assert isinstance(frame, av.AudioFrame)
        n = np.arange(frame.samples) + (frame.pts or 0)
        tones = [np.sin(2 * np.pi * hz * n / frame.sample_rate) for hz in (LEFT_HZ, RIGHT_HZ)]
        pcm = (10362 * np.stack(tones, axis=1)).astype(np.int16).reshape(1, -1)
        out = av.AudioFrame.from_ndarray(pcm, "s16", "stereo")
        out.sample_rate, out.pts = frame.sample_rate, frame.pts
        out.time_base = Fraction(1, frame.sample_rate)
        return out


def level_db(pcm: np.ndarray, hz: float, fs: int) -> float:
    """Return the level of a tone in the last half second."""
    steady = pcm[-fs // 2 :]
    turns = hz * np.arange(len(steady)) / fs
    return float(20 * np.log10(2 * abs(np.mean(steady * np.exp(-2j * np.pi * turns))) + 1e-9))


class Call:
    """aiortc's peer, its NAT, and the server that sends its sound back."""

    def __init__(self, room: Room, nat: Nat, peer: RTCPeerConnection) -> None:
        self.room, self.nat, self.peer = room, nat, peer

    @property
    def frames(self) -> list[AudioReceived]:
        return [e for e in self.room.events if isinstance(e, AudioReceived)]

    async def heard(self, seconds: float) -> tuple[np.ndarray, int]:
        """Return what the peer played in about so long, shape (n, 2), and its rate."""
        track, fs = self.peer.getReceivers()[0].track, 48000
        parts: list[np.ndarray] = []
        while sum(map(len, parts)) < seconds * fs:
            frame = await asyncio.wait_for(track.recv(), 10)
            assert isinstance(frame, av.AudioFrame)
            fs = frame.sample_rate
            parts.append(frame.to_ndarray().astype(float).reshape(-1, 2) / 32768)
        return np.concatenate(parts), fs


def in_call(
    kind: Driver,
    check: Callable[[Call], Awaitable[None]],
    policy: AnswerPolicy | None = None,
    session: SessionSettings | None = None,
) -> Room:
    async def whole(room: Room) -> None:
        nat = await Nat.start(room.driver.address)
        room.closing.append(nat.close)
        peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        peer.addTrack(Stereo())
        await peer.setLocalDescription(await peer.createOffer())
        offer = peer.localDescription.sdp
        answer = room.endpoint.open("a", offer, time.monotonic())
        check_answer(offer, answer)
        mid = room.endpoint.sessions["a"].sections[0].offer.mid
        room.endpoint.set_routes("a", mid, (Route(Gain(), "a", mid), Route(Listen())))
        host, port = nat.inside
        answer = re.sub(r"(a=candidate:\S+ 1 udp \d+) \S+ \d+", rf"\1 {host} {port}", answer)
        await peer.setRemoteDescription(RTCSessionDescription(answer, "answer"))
        call = Call(room, nat, peer)
        try:
            assert await room.until(lambda: len(call.frames) > 5)
            await check(call)
        finally:
            await peer.close()

    return in_room(
        kind, whole, policy=policy or AnswerPolicy(), session=session or SessionSettings()
    )


def media_only(spoil: Callable[[int, bytes], list[bytes]]) -> Spoil:
    """Treat media packets by their number, let others pass."""
    count = 0

    def treat(datagram: bytes) -> list[bytes]:
        nonlocal count
        count += is_media(datagram)
        return spoil(count, datagram) if is_media(datagram) else [datagram]

    return treat


def losing(share: float) -> Callable[[int, bytes], list[bytes]]:
    rng = random.Random(3)  # noqa: S311 - reproducible loss
    return lambda _, datagram: [] if rng.random() < share else [datagram]


def swapping() -> Callable[[int, bytes], list[bytes]]:
    """Return every packet twice, and every fifth after the next one."""
    held: list[bytes] = []

    def spoil(k: int, datagram: bytes) -> list[bytes]:
        if k % 5 == 0:
            held.append(datagram)
            return []
        out = [datagram, datagram, *held]
        held.clear()
        return out

    return spoil


def in_bursts(k: int, datagram: bytes) -> list[bytes]:
    return [] if k % 25 < 5 else [datagram]


def passing(_: int, datagram: bytes) -> list[bytes]:
    return [datagram]


BAD: dict[str, Callable[[], Callable[[int, bytes], list[bytes]]]] = {
    "1 %": lambda: losing(0.01),
    "20 %": lambda: losing(0.2),
    "bursts of 5": lambda: in_bursts,
    "copies and swaps": swapping,
    "jitter of 50 ms": lambda: passing,
}


@DRIVERS
@pytest.mark.parametrize("name", BAD)
def test_sound_on_a_bad_network(kind: Driver, name: str) -> None:
    """Frames follow each other without a hole, losses as stand-ins; the peer hears its tone."""
    rng = random.Random(4)  # noqa: S311 - reproducible delays

    async def check(call: Call) -> None:
        if name.startswith("jitter"):
            call.nat.late = lambda d: rng.uniform(0, 0.05) if is_media(d) else 0.0
        call.nat.up = media_only(BAD[name]())
        sound, fs = await call.heard(2.0)
        call.nat.up = lambda datagram: [datagram]
        frames = [event.frame for event in call.frames]
        assert set(np.diff([f.timestamp for f in frames])) == {960}
        receiver = next(iter(call.room.endpoint.sessions["a"].incoming.values())).receiver
        receiver.statistics.report(1, 0, 0)
        lost = sum(f.concealed for f in frames)
        assert abs(lost - receiver.statistics.lost) <= 4  # what waits for its place
        assert (lost > 5) == (name in {"20 %", "bursts of 5"})
        assert level_db(sound[:, 0], LEFT_HZ, fs) > -25
        if name.startswith("copies"):
            assert call.room.endpoint.counters.srtp_replayed > 20

    in_call(kind, check, session=SessionSettings(reorder=4))


@DRIVERS
def test_its_reports_drive_the_bitrate(kind: Driver) -> None:
    """Where a third of what it is sent is lost the encoder goes to its floor, not below."""
    limits = BitrateLimits(minimum=20000, maximum=40000)

    async def check(call: Call) -> None:
        (sender,) = call.room.endpoint.sessions["a"].senders.values()
        encoder = sender.encoder
        assert isinstance(encoder, OpusEncoder)
        start = encoder.bitrate
        call.nat.down = media_only(losing(0.35))
        assert await call.room.until(lambda: encoder.bitrate == limits.minimum, 30)
        assert start > limits.minimum

    in_call(kind, check, session=SessionSettings(bitrate=limits))


@DRIVERS
def test_a_nat_that_rebinds(kind: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its consent checks do not nominate; media goes to the new address all the same."""
    monkeypatch.setattr(aioice.ice, "CONSENT_INTERVAL", 0.5)
    monkeypatch.setattr(ice, "_SILENT_SECONDS", 0.6)

    async def check(call: Call) -> None:
        before = call.nat.outside
        await call.nat.rebind()
        agent = call.room.endpoint._peers["a"].agent
        assert await call.room.until(lambda: agent.selected == call.nat.outside)
        assert before != call.nat.outside
        assert agent.rebindings == 1
        await call.room.run(0.3)
        frames = len(call.frames)
        sound, fs = await call.heard(1.0)
        assert level_db(sound[:, 0], LEFT_HZ, fs) > -20
        assert len(call.frames) > frames

    in_call(kind, check)


@DRIVERS
@pytest.mark.parametrize("stereo", [True, False])
def test_stereo_comes_back_as_agreed(kind: Driver, stereo: bool) -> None:
    """Each tone in its own channel where stereo is agreed, their mean in both where mono is."""

    async def check(call: Call) -> None:
        sound, fs = await call.heard(1.5)
        own = [level_db(sound[:, 0], LEFT_HZ, fs), level_db(sound[:, 1], RIGHT_HZ, fs)]
        other = [level_db(sound[:, 0], RIGHT_HZ, fs), level_db(sound[:, 1], LEFT_HZ, fs)]
        channels = {call.frames[-1].frame.pcm.ndim}
        assert channels == ({2} if stereo else {1})
        for mine, theirs in zip(own, other, strict=True):
            assert mine == pytest.approx(-10 if stereo else -16, abs=2)
            assert (theirs < -30) if stereo else (theirs == pytest.approx(-16, abs=2))

    in_call(kind, check, AnswerPolicy(stereo=stereo))


@DRIVERS
def test_attacks_do_not_reach_it(kind: Driver) -> None:
    """Strangers' handshakes, junk and its own packets again, from both sides: its tone is whole."""
    hello = foreign_hello()

    async def check(call: Call) -> None:
        stranger = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        call.room.closing.append(stranger.close)
        rng = np.random.default_rng(1)

        def attack(datagram: bytes) -> list[bytes]:
            for junk in (hello, datagram, bytes([128]) + rng.bytes(80), datagram[:20]):
                stranger.sendto(junk, call.nat.server)
            call.nat.send(datagram[:30])
            call.nat.send(bytes([144]) + rng.bytes(80))
            return [datagram, *call.nat.sent[-20:-10]]

        call.nat.up = attack
        sound, fs = await call.heard(1.5)
        assert level_db(sound[:, 0], LEFT_HZ, fs) == pytest.approx(-16, abs=2)
        assert not any(event.frame.concealed for event in call.frames)
        counters = call.room.endpoint.counters
        assert min(counters.ungated, counters.srtp_failed, counters.srtp_replayed) > 50
        assert counters.dtls_failed == 0
        assert list(call.room.endpoint.sessions) == ["a"]

    in_call(kind, check)
