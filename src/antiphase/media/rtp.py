"""RTP (RFC 3550) packets and reception statistics; RTCP through aiortc's packet classes."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from enum import Enum

from aiortc import rtp as aiortc_rtp

from antiphase.errors import ProtocolError

__all__ = [
    "Arrival",
    "ReceptionStatistics",
    "RtcpPacket",
    "RtpPacket",
    "is_rtcp",
    "is_rtp",
    "parse_rtcp",
    "sequence_distance",
    "unwrap_timestamp",
]

RtcpPacket = (
    aiortc_rtp.RtcpSrPacket
    | aiortc_rtp.RtcpRrPacket
    | aiortc_rtp.RtcpSdesPacket
    | aiortc_rtp.RtcpByePacket
    | aiortc_rtp.RtcpRtpfbPacket
    | aiortc_rtp.RtcpPsfbPacket
)

_HEADER = struct.Struct("!BBHII")
_ONE_BYTE_EXTENSIONS = 0xBEDE
_MAX_DROPOUT = 3000


def is_rtp(datagram: bytes) -> bool:
    """Whether a datagram's first byte is in the range of RTP and RTCP (RFC 7983)."""
    return len(datagram) >= 8 and 128 <= datagram[0] <= 191


def is_rtcp(datagram: bytes) -> bool:
    """Whether an RTP-like datagram is RTCP (RFC 5761)."""
    return len(datagram) >= 8 and 192 <= datagram[1] <= 223


def sequence_distance(newer: int, older: int) -> int:
    """Signed distance of two 16-bit sequence numbers, −32768 … 32767."""
    return ((newer - older + 0x8000) & 0xFFFF) - 0x8000


def unwrap_timestamp(timestamp: int, near: int) -> int:
    """Return the value nearest to `near` whose low 32 bits are `timestamp`."""
    return near + ((timestamp - near + 0x80000000) & 0xFFFFFFFF) - 0x80000000


@dataclass(slots=True)
class RtpPacket:
    """One RTP packet; header extensions of the one-byte form (RFC 8285) by their id."""

    payload_type: int
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes
    marker: bool = False
    extensions: dict[int, bytes] = field(default_factory=dict)

    @classmethod
    def parse(cls, data: bytes) -> RtpPacket:
        """Read a packet.

        Raises
        ------
        ProtocolError
            If the bytes are no well-formed RTP packet.
        """
        if len(data) < _HEADER.size:
            raise ProtocolError("RTP packet is shorter than its header")
        first, second, sequence, timestamp, ssrc = _HEADER.unpack_from(data)
        if first >> 6 != 2:
            raise ProtocolError("RTP version is not 2")
        start = _HEADER.size + 4 * (first & 15)
        extensions: dict[int, bytes] = {}
        if first & 0x10:
            if len(data) < start + 4:
                raise ProtocolError("RTP header extension is cut short")
            profile, words = struct.unpack_from("!HH", data, start)
            end = start + 4 + 4 * words
            if profile == _ONE_BYTE_EXTENSIONS:
                extensions = _read_extensions(data[start + 4 : end])
            start = end
        padding = data[-1] if first & 0x20 else 0
        if start + padding > len(data) or (first & 0x20 and padding == 0):
            raise ProtocolError("RTP packet is cut short")
        payload = data[start : len(data) - padding]
        return cls(
            second & 0x7F, sequence, timestamp, ssrc, payload, bool(second & 0x80), extensions
        )

    def encode(self) -> bytes:
        """Return the packet as bytes."""
        extension = b""
        if self.extensions:
            body = b"".join(
                bytes([kind << 4 | (len(value) - 1)]) + value
                for kind, value in self.extensions.items()
            )
            body += bytes(-len(body) % 4)
            extension = struct.pack("!HH", _ONE_BYTE_EXTENSIONS, len(body) // 4) + body
        header = _HEADER.pack(
            0x90 if extension else 0x80,
            self.payload_type | (0x80 if self.marker else 0),
            self.sequence & 0xFFFF,
            self.timestamp & 0xFFFFFFFF,
            self.ssrc,
        )
        return header + extension + self.payload


def _read_extensions(body: bytes) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    position = 0
    while position < len(body):
        kind, size = body[position] >> 4, (body[position] & 15) + 1
        if kind == 0:
            position += 1
            continue
        if kind == 15 or position + 1 + size > len(body):
            break
        found[kind] = body[position + 1 : position + 1 + size]
        position += 1 + size
    return found


def parse_rtcp(data: bytes) -> list[RtcpPacket]:
    """Read a compound RTCP packet.

    Raises
    ------
    ProtocolError
        If it is malformed.
    """
    try:
        return list(aiortc_rtp.RtcpPacket.parse(data))
    except (ValueError, struct.error, IndexError, AssertionError) as error:
        raise ProtocolError(f"RTCP: {error}") from error


class Arrival(Enum):
    """What an arriving sequence number is."""

    NEXT = "next"
    AHEAD = "ahead"
    LATE = "late"
    DUPLICATE = "duplicate"
    RESTART = "restart"


class ReceptionStatistics:
    """Sequence, loss and jitter of one incoming stream (RFC 3550 appendix A).

    Parameters
    ----------
    clock_rate : int
        RTP clock in Hz.
    """

    def __init__(self, clock_rate: int) -> None:
        self.clock_rate = clock_rate
        self.received = 0
        self.duplicates = 0
        self.repeats = 0
        """Copies of packets that had come, at most one for each, stopped by SRTP."""
        self.late = 0
        self.jitter = 0.0
        """Inter-arrival jitter in RTP clock units."""
        self._first = self._highest = -1
        self._seen = 0
        self._transit: float | None = None
        self._before = (0, 0)

    def add(self, packet: RtpPacket, arrival: float) -> tuple[int, Arrival]:
        """Count a packet that arrived at `arrival` seconds.

        Returns
        -------
        tuple of (int, Arrival)
            The extended sequence number and what it is relative to the highest one so far.
        """
        if self._highest < 0:
            self._first = self._highest = packet.sequence + 0x10000
            self._seen = 1
            self._count(packet, arrival)
            return self._highest, Arrival.NEXT
        step = sequence_distance(packet.sequence, self._highest & 0xFFFF)
        sequence = self._highest + step
        if abs(step) > _MAX_DROPOUT:
            self._first = self._highest = sequence
            self._seen, self._before, self.received, self.repeats = 1, (0, 0), 0, 0
            self._count(packet, arrival)
            return sequence, Arrival.RESTART
        if step > 0:
            self._seen = (self._seen << step | 1) & (1 << 64) - 1
            self._highest = sequence
            self._count(packet, arrival)
            return sequence, Arrival.NEXT if step == 1 else Arrival.AHEAD
        if step > -64 and self._seen >> -step & 1:
            self.duplicates += 1
            return sequence, Arrival.DUPLICATE
        self._seen |= 1 << -step if step > -64 else 0
        self.late += 1
        self._count(packet, arrival)
        return sequence, Arrival.LATE

    def _count(self, packet: RtpPacket, arrival: float) -> None:
        self.received += 1
        transit = arrival * self.clock_rate - packet.timestamp
        if self._transit is not None:
            change = abs(transit - self._transit)
            if change < self.clock_rate:
                self.jitter += (change - self.jitter) / 16
        self._transit = transit

    def take_repeat(self) -> bool:
        """Count a copy as the sender's own repeat; False where all of those have come."""
        if self.repeats >= self.received:
            return False
        self.repeats += 1
        return True

    @property
    def expected(self) -> int:
        """Packets that should have arrived."""
        return 0 if self._first < 0 else self._highest - self._first + 1

    @property
    def lost(self) -> int:
        """Packets expected minus received; negative with duplicates of lost ones."""
        return self.expected - self.received

    @property
    def highest(self) -> int:
        """Extended highest sequence number as reports carry it."""
        return max(self._highest - 0x10000, 0) & 0xFFFFFFFF

    def report(self, ssrc: int, last_sr: int, delay_since_sr: int) -> aiortc_rtp.RtcpReceiverInfo:
        """Return a report block; its loss fraction counts from the report before."""
        expected = self.expected - self._before[0]
        received = self.received - self._before[1]
        self._before = (self.expected, self.received)
        lost = max(expected - received, 0)
        return aiortc_rtp.RtcpReceiverInfo(
            ssrc=ssrc,
            fraction_lost=min(256 * lost // expected, 255) if expected > 0 else 0,
            packets_lost=aiortc_rtp.clamp_packets_lost(self.lost),
            highest_sequence=self.highest,
            jitter=int(self.jitter),
            lsr=last_sr,
            dlsr=delay_since_sr,
        )
