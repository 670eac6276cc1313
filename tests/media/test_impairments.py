"""Both drivers on a bad network over real UDP: loss, reordering, duplicates, jitter."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Callable

import numpy as np
import pytest

from antiphase.codecs import OpusEncoder
from antiphase.media.bitrate import BitrateLimits
from antiphase.media.client import ClientTrack
from antiphase.media.events import AudioReceived
from antiphase.media.payload import AudioFormat, OpusSettings
from antiphase.media.routing import Gain, Listen, Route
from antiphase.media.rtp import RtpPacket, sequence_distance
from antiphase.media.session import SessionSettings
from antiphase.media.stun import Address
from tests.media.room import DRIVERS, Driver, Peer, Room, in_room, is_media

L16 = AudioFormat("L16", 96, 8000)
OPUS = AudioFormat("opus", 111, 48000)
N_FRAMES = 150
Spoil = Callable[[bytes], list[bytes]]


def dropping(lost: Callable[[int], bool]) -> Spoil:
    """Drop media packets by their number."""
    count = 0

    def spoil(datagram: bytes) -> list[bytes]:
        nonlocal count
        if not is_media(datagram):
            return [datagram]
        count += 1
        return [] if lost(count - 1) else [datagram]

    return spoil


def drops(share: float) -> Callable[[int], bool]:
    rng = random.Random(1)  # noqa: S311 - reproducible loss
    lost = [rng.random() < share for _ in range(N_FRAMES)]
    lost[0] = lost[-1] = False
    return lambda k: k < N_FRAMES and lost[k]


def in_bursts(k: int) -> bool:
    return k % 40 in range(20, 26)


async def talk(room: Room, peer: Peer, form: AudioFormat, pause: float = 0.004) -> None:
    """Send frames of 10 ms, faster than real time."""
    n = form.sample_rate() // 100
    tone = 0.3 * np.sin(2 * np.pi * 300 * np.arange(N_FRAMES * n) / form.sample_rate())
    for frame in np.split(tone, N_FRAMES):
        peer.say(frame)
        await asyncio.sleep(pause)


def sequence_numbers(peer: Peer) -> list[int]:
    return [RtpPacket.parse(d).sequence for d in peer.heard if is_media(d)]


@DRIVERS
@pytest.mark.parametrize(
    "lost",
    [drops(0.05), in_bursts],
    ids=["5 %", "bursts of 6"],
)
def test_loss_is_concealed_and_counted(kind: Driver, lost: Callable[[int], bool]) -> None:
    """As many frames go on as were sent, in a continuous sequence; every loss is known."""

    async def check(room: Room) -> None:
        peer = await room.join("a", ClientTrack(L16))
        room.endpoint.set_routes("a", "0", (Route(Gain(), "a", "0"), Route(Listen())))
        peer.spoil = dropping(lost)
        await talk(room, peer, L16)
        await room.until(lambda: len(sequence_numbers(peer)) >= N_FRAMES)
        await room.run(1.1)
        numbers = sequence_numbers(peer)
        assert len(numbers) == N_FRAMES
        steps = [sequence_distance(b, a) for a, b in itertools.pairwise(numbers)]
        assert set(steps) == {1}
        missing = sum(lost(k) for k in range(N_FRAMES))
        session = room.endpoint.sessions["a"]
        assert next(iter(session.incoming.values())).receiver.statistics.lost == missing
        frames = [e.frame for e in room.events if isinstance(e, AudioReceived)]
        assert sum(f.concealed for f in frames) == missing
        assert set(np.diff([f.timestamp for f in frames])) == {L16.clock_rate // 100}
        assert all(np.isfinite(f.pcm).all() and np.abs(f.pcm).max() < 1 for f in frames)

    in_room(kind, check)


@DRIVERS
@pytest.mark.parametrize("reorder", [0, 2])
def test_reordering(kind: Driver, reorder: int) -> None:
    """Swapped neighbours: within the window all come in order, without one the late are dropped."""
    held: list[bytes] = []

    def swap(datagram: bytes) -> list[bytes]:
        if not is_media(datagram):
            return [datagram]
        held.append(datagram)
        if len(held) < 5:
            return [] if len(held) == 4 else [datagram]
        pair = [held[4], held[3]]
        held.clear()
        return pair

    async def check(room: Room) -> None:
        peer = await room.join("a", ClientTrack(L16))
        peer.spoil = swap
        for k in range(N_FRAMES):
            peer.say(np.full(80, k / 1000))
            await asyncio.sleep(0.002)
        await room.run(0.2)
        frames = [e.frame for e in room.events if isinstance(e, AudioReceived)]
        assert len(frames) == N_FRAMES
        numbers = [round(1000 * float(f.pcm[0])) for f in frames if not f.concealed]
        if reorder:
            assert numbers == list(range(N_FRAMES))
        else:
            assert numbers == [k for k in range(N_FRAMES) if k % 5 != 3]
        receiver = room.endpoint.sessions["a"].receiver("0")
        assert receiver is not None
        receiver.statistics.report(1, 0, 0)
        assert receiver.statistics.lost == 0

    in_room(kind, check, session=SessionSettings(reorder=reorder))


@DRIVERS
def test_a_gap_wider_than_the_window_is_concealed_in_time(kind: Driver) -> None:
    """With a window of two a lost packet is concealed when the second newer one has come."""

    async def check(room: Room) -> None:
        peer = await room.join("a", ClientTrack(L16))
        peer.spoil = dropping(lambda k: k == 3)
        for k in range(10):
            peer.say(np.full(80, (k + 1) / 100))
            await room.run(0.01)
        await room.until(lambda: len(room.events) >= 11)
        frames = [e.frame for e in room.events if isinstance(e, AudioReceived)]
        assert [f.concealed for f in frames] == [k == 3 for k in range(10)]

    in_room(kind, check, session=SessionSettings(reorder=2))


@DRIVERS
def test_duplicates_are_heard_once(kind: Driver) -> None:
    """Every packet twice: one frame each, the copies stopped by SRTP's replay list."""

    async def check(room: Room) -> None:
        peer = await room.join("a", ClientTrack(L16))
        peer.spoil = lambda datagram: [datagram, datagram] if is_media(datagram) else [datagram]
        await talk(room, peer, L16)
        await room.run(0.2)
        assert sum(isinstance(e, AudioReceived) for e in room.events) == N_FRAMES
        assert room.endpoint.counters.srtp_replayed == N_FRAMES

    in_room(kind, check)


@DRIVERS
def test_jitter(kind: Driver) -> None:
    """Delays of 0 to 10 ms, drawn packet by packet: no stall, order kept, jitter measured."""
    jitter_ms = 10
    rng = random.Random(2)  # noqa: S311 - reproducible delays

    async def check(room: Room) -> None:
        peer = await room.join("a", ClientTrack(L16))
        peer.late = lambda d: rng.uniform(0, jitter_ms / 1000) if is_media(d) else 0.0
        await talk(room, peer, L16, pause=0.01)
        await room.run(0.2)
        frames = [e.frame for e in room.events if isinstance(e, AudioReceived)]
        assert N_FRAMES - 8 <= len(frames) <= N_FRAMES
        assert set(np.diff([f.timestamp for f in frames])) == {80}
        receiver = next(iter(room.endpoint.sessions["a"].incoming.values())).receiver
        receiver.statistics.report(1, 0, 0)
        assert 0.1 < receiver.statistics.jitter / 8 / jitter_ms < 2

    in_room(kind, check, session=SessionSettings(reorder=5))


@DRIVERS
def test_receiver_reports_drive_the_bitrate_within_its_limits(kind: Driver) -> None:
    """A listener that loses a third of the packets brings the server's encoder to the floor."""
    limits = BitrateLimits(minimum=20000, maximum=40000)

    async def check(room: Room) -> None:
        peer = await room.join("a", ClientTrack(OPUS))
        sender = room.endpoint.sessions["a"].senders["0"]
        assert isinstance(sender.encoder, OpusEncoder)
        receive, drop = peer.client.receive, dropping(lambda k: k % 3 == 0)

        def lossy(datagram: bytes, source: Address, now: float, wall: float) -> None:
            for copy in drop(datagram):
                receive(copy, source, now, wall)

        peer.client.receive = lossy  # type: ignore[method-assign]
        noise = 0.2 * np.random.default_rng(1).standard_normal(480)
        for _ in range(400):
            room.endpoint.send_audio("a", "0", noise)
            room.driver.flush()
            await room.run(0.01)
            if sender.encoder.bitrate == limits.minimum:
                break
        assert sender.encoder.bitrate == limits.minimum
        peer.heard.clear()
        for _ in range(50):
            room.endpoint.send_audio("a", "0", noise)
            room.driver.flush()
            await room.run(0.01)
        sizes = [len(d) - 12 - 8 - 16 for d in peer.heard if is_media(d)][10:]
        assert np.mean(sizes) * 800 == pytest.approx(limits.minimum, rel=0.3)

    in_room(kind, check, session=SessionSettings(bitrate=limits, opus=OpusSettings(bitrate=26000)))
