"""What an SCTP packet (RFC 9260) must hold before aiortc's association may see it.

aiortc walks parameters by the lengths that they state and acknowledged gaps number by number, so a
length of 0 would never end and a few thousand wide gaps would take minutes.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from antiphase.errors import ProtocolError

__all__ = ["check_packet", "first_tsn"]

_COMMON_HEADER = 12
_HEADER = 4
_DATA, _INIT, _INIT_ACK, _SACK = 0, 1, 2, 3
_DATA_FIELDS, _INIT_FIELDS, _SACK_FIELDS = 12, 16, 12
_WITH_PARAMETERS = frozenset({_INIT, _INIT_ACK, 4, 5, 6, 9, 130})
"""INIT, INIT ACK, HEARTBEAT, HEARTBEAT ACK, ABORT, ERROR and RE-CONFIG."""
_MAX_ACKNOWLEDGED = 0xFFFF


def check_packet(packet: bytes) -> None:
    """Refuse a packet that would keep the association busy or make it hold empty data.

    Checksum, tags and what else the association looks at itself are not checked here.

    Parameters
    ----------
    packet : bytes
        As DTLS gave it.

    Raises
    ------
    ProtocolError
        If a chunk or parameter states a length shorter than its own header, a DATA chunk has no
        user data, or the gaps of a SACK are reversed or cover more than 65535 numbers.
    """
    for kind, body in _chunks(packet):
        if kind == _DATA and len(body) <= _DATA_FIELDS:
            raise ProtocolError("SCTP DATA chunk has no user data")
        if kind in _WITH_PARAMETERS:
            _check_parameters(body[_INIT_FIELDS:] if kind in {_INIT, _INIT_ACK} else body)
        if kind == _SACK:
            _check_gaps(body)


def first_tsn(packet: bytes) -> int | None:
    """Return the number of the DATA chunk that a checked packet begins with, if it does."""
    kind, body = next(_chunks(packet), (-1, b""))
    return int.from_bytes(body[:4]) if kind == _DATA else None


def _chunks(packet: bytes) -> Iterator[tuple[int, bytes]]:
    position = _COMMON_HEADER
    while position + _HEADER <= len(packet):
        kind, _, size = struct.unpack_from("!BBH", packet, position)
        if size < _HEADER:
            raise ProtocolError(f"SCTP chunk states a length of {size}")
        yield kind, packet[position + _HEADER : position + size]
        position += size + -size % 4


def _check_parameters(body: bytes) -> None:
    position = 0
    while position + _HEADER <= len(body):
        size = int.from_bytes(body[position + 2 : position + 4])
        if size < _HEADER:
            raise ProtocolError(f"SCTP parameter states a length of {size}")
        position += size + -size % 4


def _check_gaps(body: bytes) -> None:
    if len(body) < _SACK_FIELDS:
        raise ProtocolError("SCTP SACK chunk is cut short")
    count = int.from_bytes(body[8:10])
    gaps = body[_SACK_FIELDS : _SACK_FIELDS + 4 * count]
    if len(gaps) < 4 * count:
        raise ProtocolError("SCTP SACK chunk is cut short")
    covered = 0
    for start, end in struct.iter_unpack("!HH", gaps):
        covered += end - start + 1
        if end < start or covered > _MAX_ACKNOWLEDGED:
            raise ProtocolError("SCTP SACK chunk has impossible gaps")
