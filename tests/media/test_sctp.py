"""SCTP packets that would keep the association busy are refused; honest ones pass."""

from __future__ import annotations

import struct

import pytest
from aiortc.rtcsctptransport import (
    DataChunk,
    ForwardTsnChunk,
    HeartbeatChunk,
    InitChunk,
    ReconfigChunk,
    SackChunk,
    ShutdownChunk,
    serialize_packet,
)

from antiphase.errors import ProtocolError
from antiphase.media.sctp import check_packet

HEAD = bytes(12)


def chunk(kind: int, body: bytes, size: int | None = None) -> bytes:
    return struct.pack("!BBH", kind, 0, len(body) + 4 if size is None else size) + body


def sack(*gaps: tuple[int, int]) -> bytes:
    body = struct.pack("!LLHH", 7, 1 << 17, len(gaps), 0)
    return HEAD + chunk(3, body + b"".join(struct.pack("!HH", *gap) for gap in gaps))


def test_packets_of_aiortc_pass() -> None:
    """Chunks that the other implementation writes, with parameters, gaps and data."""
    init, data, acknowledged = InitChunk(), DataChunk(), SackChunk()
    init.initiate_tag = init.advertised_rwnd = init.initial_tsn = 5
    init.outbound_streams = init.inbound_streams = 3
    init.params = [(0xC000, b""), (0x8008, b"\x82\xc0\x01")]
    data.user_data = b"x"
    acknowledged.gaps = [(2, 3), (5, 5), (100, 900)]
    heartbeat, reset = HeartbeatChunk(), ReconfigChunk()
    heartbeat.params = [(1, bytes(20))]
    reset.params = [(13, bytes(14))]
    for honest in (init, data, acknowledged, heartbeat, reset, ForwardTsnChunk(), ShutdownChunk()):
        check_packet(serialize_packet(5000, 5000, 1, honest))


@pytest.mark.parametrize("kind", [4, 5, 6, 9, 130])
@pytest.mark.parametrize("size", [0, 1, 3])
def test_parameters_shorter_than_their_header(kind: int, size: int) -> None:
    """They would be read for ever, in any chunk and behind a good one."""
    good = struct.pack("!HH", 9, 6) + bytes(4)
    with pytest.raises(ProtocolError, match=f"parameter states a length of {size}"):
        check_packet(HEAD + chunk(kind, good + struct.pack("!HH", 1, size)))


@pytest.mark.parametrize("kind", [1, 2])
def test_parameters_of_the_first_chunks(kind: int) -> None:
    """They come behind sixteen bytes of fields, which may be anything."""
    check_packet(HEAD + chunk(kind, bytes(16)))
    with pytest.raises(ProtocolError, match="parameter"):
        check_packet(HEAD + chunk(kind, bytes(16) + struct.pack("!HH", 1, 0)))


def test_a_chunk_shorter_than_its_header() -> None:
    """Also as the second of a packet."""
    with pytest.raises(ProtocolError, match="chunk states a length of 3"):
        check_packet(HEAD + chunk(11, b"") + chunk(11, b"", 3))


@pytest.mark.parametrize("gaps", [[(3, 2)], [(1, 65535), (1, 1)], [(1, 40000), (2, 40000)]])
def test_gaps_that_there_can_not_be(gaps: list[tuple[int, int]]) -> None:
    """Reversed ones, and more than there are numbers, refused before they are counted out."""
    check_packet(sack((1, 65535)))
    with pytest.raises(ProtocolError, match="gaps"):
        check_packet(sack(*gaps))


@pytest.mark.parametrize("body", [b"", bytes(11), struct.pack("!LLHH", 7, 9, 2, 0) + bytes(7)])
def test_a_short_acknowledgement(body: bytes) -> None:
    """Fewer fields or gaps than it states."""
    with pytest.raises(ProtocolError, match="cut short"):
        check_packet(HEAD + chunk(3, body))


@pytest.mark.parametrize("size", [0, 11, 12])
def test_data_of_no_length(size: int) -> None:
    """RFC 9260 §3.3.1: there must be user data."""
    with pytest.raises(ProtocolError, match="no user data"):
        check_packet(HEAD + chunk(0, bytes(size)))
