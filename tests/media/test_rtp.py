"""RTP packets against aiortc's implementation; reception statistics against RFC 3550."""

from __future__ import annotations

import pytest
from aiortc.rtcrtpparameters import RTCRtpHeaderExtensionParameters, RTCRtpReceiveParameters
from aiortc.rtp import HeaderExtensions, HeaderExtensionsMap, RtcpByePacket
from aiortc.rtp import RtpPacket as AiortcPacket
from hypothesis import given
from hypothesis import strategies as st

from antiphase.errors import ProtocolError
from antiphase.media.rtp import (
    Arrival,
    ReceptionStatistics,
    RtpPacket,
    is_rtcp,
    is_rtp,
    parse_rtcp,
    sequence_distance,
)

MID = RTCRtpReceiveParameters(
    headerExtensions=[
        RTCRtpHeaderExtensionParameters(id=4, uri="urn:ietf:params:rtp-hdrext:sdes:mid")
    ]
)


def packet(sequence: int, timestamp: int = 0) -> RtpPacket:
    return RtpPacket(111, sequence & 0xFFFF, timestamp, 7, b"x")


def test_aiortc_reads_our_packets() -> None:
    """Header, extension and payload are where the peer looks for them."""
    ours = RtpPacket(111, 65535, 2**32 - 1, 2**31, b"payload", marker=True, extensions={4: b"a0"})
    extensions = HeaderExtensionsMap()
    extensions.configure(MID)
    theirs = AiortcPacket.parse(ours.encode(), extensions)
    assert theirs.sequence_number == 65535
    assert theirs.timestamp == 2**32 - 1
    assert theirs.marker == 1
    assert theirs.payload == b"payload"
    assert theirs.extensions.mid == "a0"


def test_we_read_aiortcs_packets() -> None:
    """Padding, contributing sources and extensions of the peer's packets are handled."""
    theirs = AiortcPacket(payload_type=96, sequence_number=3, timestamp=9, ssrc=5)
    theirs.payload, theirs.csrc, theirs.padding_size = b"payload", [1, 2, 3], 4
    theirs.extensions = HeaderExtensions(mid="video")
    extensions = HeaderExtensionsMap()
    extensions.configure(MID)
    ours = RtpPacket.parse(theirs.serialize(extensions))
    assert (ours.payload_type, ours.sequence, ours.timestamp, ours.ssrc) == (96, 3, 9, 5)
    assert ours.payload == b"payload"
    assert ours.extensions == {4: b"video"}


@given(st.binary(max_size=60), st.integers(0, 255))
def test_random_bytes_raise_one_error(data: bytes, first: int) -> None:
    """Anything that is not RTP or RTCP raises ProtocolError and nothing else."""
    for candidate in (data, bytes([first]) + data, b"\x80\xc8" + data, b"\x81\xcd" + data):
        for parse in (RtpPacket.parse, parse_rtcp):
            try:
                parse(candidate)
            except ProtocolError:
                continue


def test_kinds_are_told_apart_by_their_first_bytes() -> None:
    """RTP, RTCP and STUN share a port."""
    assert is_rtp(packet(1).encode())
    assert not is_rtcp(packet(1).encode())
    assert is_rtcp(bytes(RtcpByePacket(sources=[1])))
    assert not is_rtp(bytes(20))


@pytest.mark.parametrize(
    ("newer", "older", "distance"), [(5, 3, 2), (0, 65535, 1), (65535, 0, -1), (0, 40000, 25536)]
)
def test_sequence_numbers_wrap(newer: int, older: int, distance: int) -> None:
    """Distance is signed and crosses the wrap."""
    assert sequence_distance(newer, older) == distance


def test_loss_reorder_and_duplicates_are_counted() -> None:
    """Each kind of arrival is named and the loss is what is still missing."""
    statistics = ReceptionStatistics(48000)
    kinds = [statistics.add(packet(n), 0.0)[1] for n in [65534, 65535, 1, 0, 1, 4]]
    assert kinds == [
        Arrival.NEXT,
        Arrival.NEXT,
        Arrival.AHEAD,
        Arrival.LATE,
        Arrival.DUPLICATE,
        Arrival.AHEAD,
    ]
    assert (statistics.expected, statistics.received, statistics.lost) == (7, 5, 2)
    assert (statistics.late, statistics.duplicates) == (1, 1)


def test_reports_count_loss_since_the_report_before() -> None:
    """A quarter lost shows as 64/256, and the next interval without loss as 0."""
    statistics = ReceptionStatistics(48000)
    for n in [0, 1, 2, 4]:
        statistics.add(packet(n), 0.0)
    assert statistics.report(7, 0, 0).fraction_lost == 256 // 5
    for n in [5, 6, 7]:
        statistics.add(packet(n), 0.0)
    second = statistics.report(7, 0, 0)
    assert (second.fraction_lost, second.packets_lost) == (0, 1)


def test_a_sender_that_starts_anew_is_followed() -> None:
    """A jump far outside the window is a restart, not thousands of lost packets."""
    statistics = ReceptionStatistics(48000)
    statistics.add(packet(100), 0.0)
    assert statistics.add(packet(40000), 0.0)[1] is Arrival.RESTART
    assert statistics.lost == 0


def test_even_arrivals_have_no_jitter_and_uneven_ones_theirs() -> None:
    """Alternating ±1 ms gives the 2 ms steps that RFC 3550's estimator settles on."""
    even, uneven = ReceptionStatistics(48000), ReceptionStatistics(48000)
    for n in range(400):
        even.add(packet(n, 960 * n), n * 0.02)
        uneven.add(packet(n, 960 * n), n * 0.02 + (0.001 if n % 2 else -0.001))
    assert even.jitter < 1e-6 * 48000
    assert uneven.jitter == pytest.approx(0.002 * 48000, rel=0.01)
