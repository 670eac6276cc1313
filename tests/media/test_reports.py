"""Reports of one peer, read by aiortc's RTCP classes."""

from __future__ import annotations

import numpy as np
import pytest
from aiortc import rtp as aiortc_rtp

from antiphase.media.audio import AudioReceiver, AudioSender
from antiphase.media.payload import AudioFormat
from antiphase.media.reports import NTP_EPOCH, Incoming, write_report
from antiphase.media.rtp import parse_rtcp

L16 = AudioFormat("L16", 96, 8000)


def incoming(received: int, lost: int) -> Incoming:
    """Return a stream that lost some packets after its first."""
    sender, receiver = AudioSender(L16), AudioReceiver(L16)
    for k in range(received + lost):
        packet = sender.send(np.zeros(80))
        if not 1 <= k <= lost:
            receiver.receive(packet, 0.01 * k)
    return Incoming("0", receiver)


def test_a_sender_reports_what_it_sent_and_what_it_lost() -> None:
    """Time, packets and octets of our stream, and the peer's losses, in one sender report."""
    sender = AudioSender(L16, ssrc=7)
    for _ in range(5):
        sender.send(np.zeros(80))
    peer = incoming(received=30, lost=10)
    peer.last_sr, peer.last_sr_at = 99, 1.0
    report, name = parse_rtcp(write_report([sender], {5: peer}, 1.5, 1000.25))
    assert isinstance(report, aiortc_rtp.RtcpSrPacket)
    info, block = report.sender_info, report.reports[0]
    assert info.ntp_timestamp / 2**32 == pytest.approx(1000.25 + NTP_EPOCH, abs=1e-6)
    assert (info.packet_count, info.octet_count) == (5, 5 * 160)
    assert (block.ssrc, block.packets_lost, block.fraction_lost) == (5, 10, 64)
    assert (block.lsr, block.dlsr) == (99, 32768)
    assert isinstance(name, aiortc_rtp.RtcpSdesPacket)
    assert name.chunks[0].ssrc == 7


@pytest.mark.parametrize(("now", "told"), [(0.9, 0), (1.0, 0), (1e6, 65535 * 65536)])
def test_delays_that_do_not_fit_are_cut(now: float, told: int) -> None:
    """A clock a moment behind the newest sender report, or a day ahead, gives the nearest delay."""
    peer = incoming(received=1, lost=0)
    peer.last_sr, peer.last_sr_at = 99, 1.0
    report, _ = parse_rtcp(write_report([AudioSender(L16)], {5: peer}, now, 0.0))
    assert isinstance(report, aiortc_rtp.RtcpRrPacket)
    assert report.reports[0].dlsr == told


def test_who_has_sent_nothing_sends_a_receiver_report() -> None:
    """Without packets of ours the blocks go in a receiver report, at most 31 of them."""
    streams = {k: incoming(1, 0) for k in range(40)}
    report, _ = parse_rtcp(write_report([AudioSender(L16)], streams, 1.0, 0.0))
    assert isinstance(report, aiortc_rtp.RtcpRrPacket)
    assert [b.ssrc for b in report.reports] == list(range(31))
    assert report.reports[0].lsr == 0


def test_blocks_go_with_the_first_of_several_senders() -> None:
    """Each stream that has sent has a report of its own; the blocks are told once."""
    senders = [AudioSender(L16, ssrc=k) for k in (1, 2, 3)]
    for sender in senders[1:]:
        sender.send(np.zeros(80))
    packets = parse_rtcp(write_report(senders, {5: incoming(1, 0)}, 1.0, 0.0))
    told = [(p.ssrc, len(p.reports)) for p in packets if isinstance(p, aiortc_rtp.RtcpSrPacket)]
    assert told == [(2, 1), (3, 0)]
