"""STUN against aioice's independent implementation and against hostile bytes."""

from __future__ import annotations

import aioice.stun
import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphase.errors import ProtocolError
from antiphase.media.stun import (
    Attribute,
    Message,
    MessageClass,
    Method,
    decode_xor_address,
    encode_xor_address,
    is_stun,
)

KEY = b"a-password-of-24-letters"


def request() -> Message:
    message = Message(Method.BINDING, MessageClass.REQUEST)
    message.attributes[Attribute.USERNAME] = b"remote:local"
    message.attributes[Attribute.PRIORITY] = (12345).to_bytes(4, "big")
    message.attributes[Attribute.USE_CANDIDATE] = b""
    return message


def test_aioice_reads_our_messages() -> None:
    """The peer finds type, attributes, integrity and fingerprint right."""
    ours = request()
    theirs = aioice.stun.parse_message(ours.encode(KEY))
    assert theirs.check_message_integrity(KEY)
    assert theirs.message_class == aioice.stun.Class.REQUEST
    assert theirs.transaction_id == ours.transaction_id
    assert theirs.attributes["USERNAME"] == "remote:local"
    assert theirs.attributes["PRIORITY"] == 12345


def test_we_read_aioices_messages() -> None:
    """A message of the peer parses, verifies with its key and with no other."""
    theirs = aioice.stun.Message(
        message_method=aioice.stun.Method.BINDING, message_class=aioice.stun.Class.RESPONSE
    )
    theirs.attributes["XOR-MAPPED-ADDRESS"] = ("192.0.2.7", 4567)
    theirs.add_message_integrity(KEY)
    theirs.add_fingerprint()
    ours = Message.parse(bytes(theirs))
    assert ours.message_class == MessageClass.SUCCESS
    assert ours.verify(KEY)
    assert not ours.verify(b"another password")
    value = ours.attributes[Attribute.XOR_MAPPED_ADDRESS]
    assert decode_xor_address(value, ours.transaction_id) == ("192.0.2.7", 4567)


@pytest.mark.parametrize("address", [("127.0.0.1", 1), ("2001:db8::17", 65535), ("::1", 8443)])
def test_addresses_survive_the_round_trip(address: tuple[str, int]) -> None:
    """IPv4 and IPv6 addresses come back as they went."""
    tid = bytes(range(12))
    assert decode_xor_address(encode_xor_address(address, tid), tid) == address


def test_without_integrity_nothing_verifies() -> None:
    """A message that carries no MESSAGE-INTEGRITY is not authenticated by any key."""
    assert not Message.parse(request().encode()).verify(KEY)


def test_attributes_after_the_integrity_are_not_trusted() -> None:
    """What is appended behind MESSAGE-INTEGRITY is ignored, as it is not covered."""
    data = request().encode(KEY, fingerprint=False)
    extra = bytes.fromhex("0014000474727565")
    grown = data[:2] + (len(data) - 20 + len(extra)).to_bytes(2, "big") + data[4:] + extra
    assert Attribute.REALM not in Message.parse(grown).attributes


@given(st.integers(0, 8 * 100), st.integers(1, 255))
def test_any_changed_byte_is_noticed(position: int, change: int) -> None:
    """A flipped byte makes the message unreadable or unverified."""
    data = bytearray(request().encode(KEY))
    data[position % len(data)] ^= change
    try:
        message = Message.parse(bytes(data))
    except (ProtocolError, ValueError):
        return
    assert not message.verify(KEY)


@given(st.binary(max_size=200))
def test_random_bytes_raise_one_error(data: bytes) -> None:
    """Anything that is not STUN raises ProtocolError and nothing else."""
    for candidate in (data, b"\x00\x01\x00\x40\x21\x12\xa4\x42" + data):
        try:
            Message.parse(candidate)
        except ProtocolError:
            continue


@given(st.integers(0, 100))
def test_truncated_messages_are_refused(cut: int) -> None:
    """A message cut anywhere is refused."""
    data = request().encode(KEY)
    if cut < len(data):
        with pytest.raises(ProtocolError):
            Message.parse(data[:cut])


def test_unknown_required_attributes_are_listed() -> None:
    """Only comprehension-required types that we don't know are reported."""
    message = request()
    message.attributes[0x7FFF] = b""
    message.attributes[0x8FFF] = b""
    parsed = Message.parse(message.encode())
    assert parsed.unknown_required(frozenset(Attribute)) == [0x7FFF]


def test_media_is_not_taken_for_stun() -> None:
    """RTP and DTLS have other first bytes."""
    assert not is_stun(b"\x80\x6f" + bytes(30))
    assert not is_stun(b"\x16\xfe\xff" + bytes(33))
