"""STUN messages (RFC 8489) with the attributes that ICE (RFC 8445) needs: parse, check, build."""

from __future__ import annotations

import binascii
import hashlib
import hmac
import ipaddress
import secrets
import struct
from dataclasses import dataclass, field
from enum import IntEnum

from antiphase.errors import ProtocolError

__all__ = [
    "Attribute",
    "Message",
    "MessageClass",
    "Method",
    "decode_xor_address",
    "encode_error",
    "encode_xor_address",
    "is_stun",
]

MAGIC_COOKIE = 0x2112A442
HEADER = struct.Struct("!HHI12s")
_FINGERPRINT_XOR = 0x5354554E
_INTEGRITY_SIZE = 24
_FINGERPRINT_SIZE = 8
_MAX_ATTRIBUTES = 32

Address = tuple[str, int]


class MessageClass(IntEnum):
    """The two class bits of the message type, in place."""

    REQUEST = 0x000
    INDICATION = 0x010
    SUCCESS = 0x100
    ERROR = 0x110


class Method(IntEnum):
    """Methods in use: binding, and those of TURN that the client's relay test speaks."""

    BINDING = 0x001
    ALLOCATE = 0x003
    REFRESH = 0x004
    SEND = 0x006
    DATA = 0x007
    CREATE_PERMISSION = 0x008
    CHANNEL_BIND = 0x009


class Attribute(IntEnum):
    """Attribute types by their registered names."""

    MAPPED_ADDRESS = 0x0001
    USERNAME = 0x0006
    MESSAGE_INTEGRITY = 0x0008
    ERROR_CODE = 0x0009
    UNKNOWN_ATTRIBUTES = 0x000A
    CHANNEL_NUMBER = 0x000C
    LIFETIME = 0x000D
    XOR_PEER_ADDRESS = 0x0012
    DATA = 0x0013
    REALM = 0x0014
    NONCE = 0x0015
    XOR_RELAYED_ADDRESS = 0x0016
    REQUESTED_TRANSPORT = 0x0019
    XOR_MAPPED_ADDRESS = 0x0020
    PRIORITY = 0x0024
    USE_CANDIDATE = 0x0025
    SOFTWARE = 0x8022
    FINGERPRINT = 0x8028
    ICE_CONTROLLED = 0x8029
    ICE_CONTROLLING = 0x802A


def is_stun(datagram: bytes) -> bool:
    """Whether a datagram claims to be STUN: first bits 0, magic cookie, whole words (RFC 7983)."""
    return (
        len(datagram) >= HEADER.size
        and datagram[0] < 4
        and datagram[4:8] == b"\x21\x12\xa4\x42"
        and len(datagram) % 4 == 0
    )


@dataclass
class Message:
    """One STUN message.

    Parameters
    ----------
    method : Method
    message_class : MessageClass
    transaction_id : bytes
        12 bytes, random for a new request.
    attributes : dict of Attribute or int to bytes
        The first of each type, as it was sent; MESSAGE-INTEGRITY and FINGERPRINT are kept out.
    """

    method: int
    message_class: MessageClass
    transaction_id: bytes = field(default_factory=lambda: secrets.token_bytes(12))
    attributes: dict[int, bytes] = field(default_factory=dict)
    integrity_end: int | None = field(default=None, compare=False)
    raw: bytes = field(default=b"", repr=False, compare=False)

    @classmethod
    def parse(cls, datagram: bytes) -> Message:
        """Read a message; a wrong FINGERPRINT is refused, MESSAGE-INTEGRITY is checked by `verify`.

        Raises
        ------
        ProtocolError
            If the bytes are no well-formed STUN message.
        """
        if not is_stun(datagram):
            raise ProtocolError("not a STUN message")
        kind, length, _, transaction_id = HEADER.unpack_from(datagram)
        if length != len(datagram) - HEADER.size:
            raise ProtocolError("STUN length does not fit the datagram")
        message = cls(kind & 0x3EEF, MessageClass(kind & 0x110), transaction_id, raw=datagram)
        position, count = HEADER.size, 0
        while position < len(datagram):
            count += 1
            if count > _MAX_ATTRIBUTES or position + 4 > len(datagram):
                raise ProtocolError("STUN attributes are malformed or too many")
            attribute, size = struct.unpack_from("!HH", datagram, position)
            value = datagram[position + 4 : position + 4 + size]
            if len(value) != size:
                raise ProtocolError("STUN attribute is cut short")
            message._take(attribute, value, position)
            position += 4 + size + (-size % 4)
        return message

    def _take(self, attribute: int, value: bytes, position: int) -> None:
        if attribute == Attribute.FINGERPRINT:
            expected = _fingerprint(self.raw[:position])
            if position + _FINGERPRINT_SIZE != len(self.raw) or value != expected:
                raise ProtocolError("STUN fingerprint does not match")
        elif attribute == Attribute.MESSAGE_INTEGRITY:
            if len(value) != _INTEGRITY_SIZE - 4:
                raise ProtocolError("STUN message integrity has a wrong length")
            self.integrity_end = self.integrity_end or position
        elif self.integrity_end is None:
            self.attributes.setdefault(attribute, value)

    def verify(self, key: bytes) -> bool:
        """Whether the parsed message carries a MESSAGE-INTEGRITY made with `key`."""
        if self.integrity_end is None:
            return False
        start = self.integrity_end
        given = self.raw[start + 4 : start + _INTEGRITY_SIZE]
        return hmac.compare_digest(given, _integrity(self.raw[:start], key))

    def encode(self, key: bytes | None = None, *, fingerprint: bool = True) -> bytes:
        """Return the message as bytes, with MESSAGE-INTEGRITY when a key is given."""
        body = b"".join(
            struct.pack("!HH", kind, len(value)) + value + bytes(-len(value) % 4)
            for kind, value in self.attributes.items()
        )
        kind = self.method | self.message_class
        data = HEADER.pack(kind, len(body), MAGIC_COOKIE, self.transaction_id) + body
        if key is not None:
            digest = _integrity(data, key)
            data += struct.pack("!HH", Attribute.MESSAGE_INTEGRITY, len(digest)) + digest
            data = _with_length(data, len(data) - HEADER.size)
        if fingerprint:
            value = _fingerprint(data)
            data = _with_length(data, len(data) - HEADER.size + _FINGERPRINT_SIZE)
            data += struct.pack("!HH", Attribute.FINGERPRINT, len(value)) + value
        return data

    def answer(self, message_class: MessageClass) -> Message:
        """Return an empty success or error answer to this request."""
        return Message(self.method, message_class, self.transaction_id)

    def unknown_required(self, known: frozenset[int]) -> list[int]:
        """Return the attributes that must be understood (type below 0x8000) and are not."""
        return [kind for kind in self.attributes if kind < 0x8000 and kind not in known]


def _with_length(data: bytes, length: int) -> bytes:
    return data[:2] + struct.pack("!H", length) + data[4:]


def _integrity(before: bytes, key: bytes) -> bytes:
    """HMAC-SHA1 over the message up to the attribute, its length field counting the attribute."""
    covered = _with_length(before, len(before) - HEADER.size + _INTEGRITY_SIZE)
    return hmac.new(key, covered, hashlib.sha1).digest()


def _fingerprint(before: bytes) -> bytes:
    covered = _with_length(before, len(before) - HEADER.size + _FINGERPRINT_SIZE)
    return struct.pack("!I", binascii.crc32(covered) ^ _FINGERPRINT_XOR)


def _mask(transaction_id: bytes, size: int) -> bytes:
    return (struct.pack("!I", MAGIC_COOKIE) + transaction_id)[:size]


def encode_xor_address(address: Address, transaction_id: bytes) -> bytes:
    """Return the value of an XOR-…-ADDRESS attribute for an IPv4 or IPv6 address and port."""
    host = ipaddress.ip_address(address[0].split("%", 1)[0])
    packed = host.packed
    hidden = bytes(a ^ b for a, b in zip(packed, _mask(transaction_id, len(packed)), strict=True))
    family = 1 if host.version == 4 else 2
    return struct.pack("!BBH", 0, family, address[1] ^ (MAGIC_COOKIE >> 16)) + hidden


def decode_xor_address(value: bytes, transaction_id: bytes) -> Address:
    """Return address and port of an XOR-…-ADDRESS attribute.

    Raises
    ------
    ProtocolError
        If the value is malformed.
    """
    sizes = {1: 4, 2: 16}
    if len(value) < 4 or len(value) != 4 + sizes.get(value[1], -1):
        raise ProtocolError("STUN address is malformed")
    hidden = value[4:]
    packed = bytes(a ^ b for a, b in zip(hidden, _mask(transaction_id, len(hidden)), strict=True))
    port = struct.unpack_from("!H", value, 2)[0] ^ (MAGIC_COOKIE >> 16)
    return str(ipaddress.ip_address(packed)), port


def encode_error(code: int, reason: str) -> bytes:
    """Return the value of an ERROR-CODE attribute."""
    return struct.pack("!HBB", 0, code // 100, code % 100) + reason.encode()
