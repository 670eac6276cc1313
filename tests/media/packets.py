"""Packets for the parsers: mutations of honest ones, and SCTP with its checksum made right."""

from __future__ import annotations

import struct

from aiortc.rtcsctptransport import RTCSctpTransport
from google_crc32c import value as crc32c
from hypothesis import strategies as st

__all__ = ["RECIPES", "mutate", "mutated", "numbered"]

_INIT = 1


def numbered(packet: bytes, receiver: RTCSctpTransport) -> bytes:
    """Return an SCTP packet with the tag that the receiver expects and the right checksum."""
    tag = 0 if packet[12:13] == bytes([_INIT]) else receiver._local_verification_tag
    head = packet[:4] + struct.pack("!LL", tag, 0)
    return head[:8] + struct.pack("<L", crc32c(head + packet[12:])) + packet[12:]


RECIPES = st.lists(
    st.tuples(
        st.sampled_from(["flip", "cut", "end", "insert", "zero", "ones", "repeat"]),
        st.integers(0, 2047),
        st.binary(min_size=1, max_size=12),
    ),
    max_size=4,
)


def mutated(packet: bytes) -> st.SearchStrategy[bytes]:
    """Draw mutations of a packet by `mutate`; what is drawn does not depend on the packet."""
    return RECIPES.map(lambda recipe: mutate(packet, recipe))


def mutate(packet: bytes, recipe: list[tuple[str, int, bytes]]) -> bytes:
    """Return a packet with bits flipped, bytes cut, put in, repeated or made all 0 or all 1."""
    data = bytearray(packet)
    for change, place, more in recipe:
        at = place % max(1, len(data))
        match change:
            case "flip":
                data[at : at + 1] = bytes(b ^ 1 << more[0] % 8 for b in data[at : at + 1])
            case "cut":
                del data[at : at + len(more)]
            case "end":
                del data[at:]
            case "insert":
                data[at:at] = more
            case "zero":
                data[at : at + 2] = bytes(2)
            case "ones":
                data[at : at + 2] = b"\xff\xff"
            case "repeat":
                data[at:at] = data[at : at + 16]
    return bytes(data)
