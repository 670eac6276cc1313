"""Packets that are sent again, both drivers over real UDP: repeats by agreement, and on request."""

from __future__ import annotations

import numpy as np
import pytest
from aiortc import rtp as aiortc_rtp

from antiphase.media.client import ClientTrack
from antiphase.media.events import AudioReceived
from antiphase.media.routing import Forward, Gain, Route
from antiphase.media.rtp import RtpPacket
from antiphase.media.session import SessionSettings
from tests.media.room import DRIVERS, Driver, Room, in_room, is_media
from tests.media.test_impairments import L16, N_FRAMES, dropping, talk


@DRIVERS
@pytest.mark.parametrize("treatment", [Forward(), Gain()], ids=["forward", "gain"])
def test_what_is_repeated_survives_single_losses_both_ways(
    kind: Driver, treatment: Forward | Gain
) -> None:
    """Every tenth datagram lost each way, and all frames come; no repeat counts as an attack."""
    repeat = SessionSettings(repeat=("L16",))

    async def check(room: Room) -> None:
        peer = await room.join("a", ClientTrack(L16), settings=repeat)
        room.endpoint.set_routes("a", "0", (Route(treatment, "a", "0"),))
        peer.spoil = dropping(lambda k: k % 10 == 5)
        peer.spoil_heard = dropping(lambda k: k % 10 == 7)
        await talk(room, peer, L16)
        await room.run(0.3)
        server, session = room.endpoint.sessions["a"], peer.client.session
        assert session is not None
        for side in (server, session):
            statistics = next(iter(side.incoming.values())).receiver.statistics
            statistics.report(1, 0, 0)
            # Of packets that came twice one is a repeat; the last one is never repeated.
            assert statistics.received == N_FRAMES
            assert 0.7 * N_FRAMES < statistics.repeats < N_FRAMES
            assert statistics.lost == 0
        assert len(peer.frames()) == N_FRAMES
        counters = (room.endpoint.counters, peer.client.counters)
        assert [(c.srtp_replayed, c.srtp_failed) for c in counters] == [(0, 0), (0, 0)]

    in_room(kind, check, session=repeat)


@DRIVERS
def test_repeats_that_come_before_their_source_is_known(kind: Driver) -> None:
    """Copies that overtake the finding of their section count as repeats, not as an attack."""
    repeat = SessionSettings(repeat=("L16",))

    async def check(room: Room) -> None:
        peer = await room.join("a", ClientTrack(L16), settings=repeat)
        for _ in range(10):  # all in one batch, before Python runs
            peer.say(np.zeros(80))
        await room.run(0.2)
        assert sum(isinstance(e, AudioReceived) for e in room.events) == 10
        assert room.endpoint.counters.srtp_replayed == 0

    in_room(kind, check, session=repeat)


@DRIVERS
def test_repeats_are_copies_of_the_packet_before(kind: Driver) -> None:
    """On the wire each packet comes twice, byte by byte, the second time before the next one."""

    async def check(room: Room) -> None:
        peer = await room.join("a", ClientTrack(L16))
        room.endpoint.set_routes("a", "0", (Route(Gain(), "a", "0"),))
        await talk(room, peer, L16)
        await room.run(0.2)
        media = [d for d in peer.heard if is_media(d)]
        assert len(media) == 2 * N_FRAMES - 1
        assert all(again == first for first, again in zip(media[:-1:2], media[1::2], strict=True))

    in_room(kind, check, session=SessionSettings(repeat=("L16",)))


@DRIVERS
def test_a_lost_packet_is_sent_again_on_request(kind: Driver) -> None:
    """A NACK brings the very packet."""

    async def check(room: Room) -> None:
        peer = await room.join("a", ClientTrack(L16))
        for k in range(5):
            room.endpoint.send_audio("a", "0", np.full(80, k / 10))
            room.driver.flush()
            await room.run(0.01)
        await room.until(lambda: len(peer.frames()) == 5)
        first = next(d for d in peer.heard if is_media(d))
        packet = RtpPacket.parse(first)
        session = peer.client.session
        assert session is not None
        assert session.srtp is not None
        nack = aiortc_rtp.RtcpRtpfbPacket(
            fmt=aiortc_rtp.RTCP_RTPFB_NACK,
            ssrc=1,
            media_ssrc=packet.ssrc,
            lost=[packet.sequence, packet.sequence + 999],
        )
        session._outgoing.append(session.srtp.protect_rtcp(bytes(nack)))
        peer.flush()
        await room.until(lambda: sum(is_media(d) for d in peer.heard) == 6)
        again = [d for d in peer.heard if is_media(d)][-1]
        assert RtpPacket.parse(again).sequence == packet.sequence

    in_room(kind, check)
