"""What fuzzing and attacks have found, kept as files named after the defect.

The suffix says which parser it is for. An ``.sdp`` is the text itself; the others hold packets,
each behind its length in two bytes (RFC 4571): ``.rtp`` and ``.rtcp`` before SRTP, ``.sctp`` before
DTLS (tag and checksum are set on replay), ``.stun`` as it comes.
"""

from __future__ import annotations

from pathlib import Path

__all__ = ["FINDINGS", "packets_of", "text_of", "write_packets"]

FINDINGS = sorted(path for path in Path(__file__).with_name("findings").iterdir())


def text_of(path: Path) -> str:
    """Return an SDP; a lone surrogate is kept as the three bytes that it would be."""
    return path.read_bytes().decode("utf-8", "surrogatepass")


def packets_of(path: Path) -> list[bytes]:
    """Return the packets of a finding in their order."""
    data, packets = path.read_bytes(), []
    while data:
        size = int.from_bytes(data[:2])
        packets.append(data[2 : 2 + size])
        data = data[2 + size :]
    return packets


def write_packets(path: Path, *packets: bytes) -> None:
    """Keep a new finding."""
    path.write_bytes(b"".join(len(packet).to_bytes(2) + packet for packet in packets))
