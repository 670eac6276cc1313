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
from antiphase.media.events import Connected
from antiphase.media.session import SessionSettings
from tests.media.foreign import LEFT_HZ, RIGHT_HZ, Call, Tone, in_call, level_db
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


def losing(lost: Callable[[int], bool], gone: list[int]) -> Callable[[int, bytes], list[bytes]]:
    """Drop by number; the sequence numbers of what was dropped go to `gone`."""

    def spoil(k: int, datagram: bytes) -> list[bytes]:
        if not lost(k):
            return [datagram]
        gone.append(sequence_of(datagram))
        return []

    return spoil


def share(part: float) -> Callable[[int], bool]:
    rng = random.Random(3)  # noqa: S311 - reproducible loss
    return lambda _: rng.random() < part


def sequence_of(datagram: bytes) -> int:
    return int.from_bytes(datagram[2:4])


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


LOSSES: dict[str, Callable[[], Callable[[int], bool]]] = {
    "1 %": lambda: lambda k: k % 100 == 50,
    "5 %": lambda: share(0.05),
    "20 %": lambda: share(0.2),
    "bursts of 5": lambda: lambda k: k % 25 in range(10, 15),
}
SETTLED = 10  # frames after which a coder that begins has its level


def check_stream(call: Call, since: int) -> None:
    """Check that nothing stalls: frames without a hole, sent on and heard in sequence."""
    assert set(np.diff([event.frame.timestamp for event in call.frames])) == {960}
    assert set(np.diff([sequence_of(d) for d in call.nat.got if is_media(d)]) % 65536) == {1}
    call.ear.check_gapless(since)


@DRIVERS
@pytest.mark.parametrize("name", LOSSES)
def test_losses_are_concealed_and_counted(kind: Driver, name: str) -> None:
    """Each packet that was lost, and no other, is a stand-in and a loss; the tone goes on."""

    async def check(call: Call) -> None:
        since, gone = len(call.ear.frames) + SETTLED, list[int]()
        call.nat.up = media_only(losing(LOSSES[name](), gone))
        await call.heard(2.4)
        call.nat.up = lambda datagram: [datagram]
        await call.heard(0.2)
        statistics = next(iter(call.room.endpoint.sessions["a"].incoming.values())).receiver
        report = statistics.statistics.report(1, 0, 0)
        assert report.packets_lost == len(gone) > 0
        assert sum(event.frame.concealed for event in call.frames) == len(gone)
        check_stream(call, since)
        levels, phases = call.ear.tones(since)
        kept = 1 - 2 * len(gone) / len(levels)  # a loss is also heard in the frame behind it
        assert np.mean((np.abs(levels + 10) < 1.5) & (np.abs(phases) < 0.3)) >= kept
        assert np.median(levels) == pytest.approx(-10, abs=1)

    in_call(kind, check, track=Tone)


@DRIVERS
@pytest.mark.parametrize("name", ["copies and swaps", "jitter of 50 ms"])
def test_what_comes_within_the_window_is_whole(kind: Driver, name: str) -> None:
    """Where all packets come, late, twice or in another order, the window puts them right."""
    rng = random.Random(4)  # noqa: S311 - reproducible delays

    async def check(call: Call) -> None:
        since = len(call.ear.frames) + SETTLED
        if name.startswith("jitter"):
            call.nat.late = lambda d: rng.uniform(0, 0.05) if is_media(d) else 0.0
        else:
            call.nat.up = media_only(swapping())
        await call.heard(2.0)
        assert not any(event.frame.concealed for event in call.frames)
        check_stream(call, since)
        call.ear.check_whole(since, -10.0)
        receiver = next(iter(call.room.endpoint.sessions["a"].incoming.values())).receiver
        report = receiver.statistics.report(1, 0, 0)
        assert report.packets_lost == 0
        if name.startswith("jitter"):
            assert 5 < report.jitter / 48 < 50  # ms, RFC 3550
        else:
            assert call.room.endpoint.counters.srtp_replayed > 20

    in_call(kind, check, session=SessionSettings(reorder=4), track=Tone)


@DRIVERS
@pytest.mark.parametrize("reorder", [0, 2])
def test_each_packet_is_handed_over_on_arrival(kind: Driver, reorder: int) -> None:
    """When the peer falls silent its last packet is a frame, nothing waits for a next one."""
    passed: list[int] = []

    def ten(datagram: bytes) -> list[bytes]:
        if not is_media(datagram):
            return [datagram]
        if len(passed) == 10:
            return []
        passed.append(int.from_bytes(datagram[4:8]))
        return [datagram]

    async def check(call: Call) -> None:
        call.nat.up = ten
        assert await call.room.until(lambda: len(passed) == 10)
        newest = passed[-1]
        assert await call.room.until(lambda: call.frames[-1].frame.timestamp % 2**32 == newest)
        assert not any(event.frame.concealed for event in call.frames)

    in_call(kind, check, session=SessionSettings(reorder=reorder))


@DRIVERS
@pytest.mark.parametrize("reorder", [0, 2])
def test_a_window_holds_back_only_where_asked_for(kind: Driver, reorder: int) -> None:
    """Of swapped neighbours the late one is dropped, or waited for and its tone is whole."""
    held: list[bytes] = []

    def swap(k: int, datagram: bytes) -> list[bytes]:
        held.append(datagram)
        if k % 5 == 0:
            return []
        out = held[::-1]
        held.clear()
        return out

    async def check(call: Call) -> None:
        since = len(call.ear.frames) + SETTLED
        call.nat.up = media_only(swap)
        await call.heard(1.5)
        call.nat.up = lambda datagram: [datagram]
        concealed = sum(event.frame.concealed for event in call.frames)
        check_stream(call, since)
        receiver = next(iter(call.room.endpoint.sessions["a"].incoming.values())).receiver
        assert receiver.statistics.report(1, 0, 0).packets_lost <= len(held)  # late is not lost
        if reorder:
            assert concealed == 0
            call.ear.check_whole(since, -10.0)
        else:
            assert concealed >= 12

    in_call(kind, check, session=SessionSettings(reorder=reorder), track=Tone)


@DRIVERS
def test_its_reports_drive_the_bitrate(kind: Driver) -> None:
    """While a third is lost the encoder goes to its floor, without loss to its ceiling."""
    limits = BitrateLimits(minimum=20000, maximum=21600)

    async def check(call: Call) -> None:
        (sender,) = call.room.endpoint.sessions["a"].senders.values()
        encoder = sender.encoder
        assert isinstance(encoder, OpusEncoder)
        rates: list[int] = []

        def reached(bitrate: int) -> bool:
            rates.append(encoder.bitrate)
            return encoder.bitrate == bitrate

        call.nat.down = media_only(losing(share(0.35), []))
        assert await call.room.until(lambda: reached(limits.minimum), 30)
        await call.room.run(1.5)
        call.nat.down = lambda datagram: [datagram]
        assert await call.room.until(lambda: reached(limits.maximum), 30)
        for _ in range(15):
            await call.room.run(0.1)
            reached(limits.maximum)
        assert rates[-1] == limits.maximum
        assert limits.minimum == min(rates)
        assert limits.maximum == max(rates)

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
        since = len(call.ear.frames) + SETTLED
        await call.heard(1.0)
        call.ear.check_whole(since, -10.0)
        assert sum(isinstance(event, Connected) for event in call.room.events) == 1

    in_call(kind, check, track=Tone)


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
