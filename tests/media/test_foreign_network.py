"""aiortc behind a NAT on a bad network, under attack, in stereo: both drivers hold its sound."""

from __future__ import annotations

import random
from collections.abc import Callable

import aioice.ice
import numpy as np
import pytest

from antiphase.codecs import OpusEncoder
from antiphase.media import ice
from antiphase.media.answer import AnswerPolicy
from antiphase.media.bitrate import BitrateLimits
from antiphase.media.session import SessionSettings
from tests.media.foreign import LEFT_HZ, RIGHT_HZ, Call, in_call, level_db
from tests.media.nat import Spoil
from tests.media.room import DRIVERS, Driver, is_media


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
