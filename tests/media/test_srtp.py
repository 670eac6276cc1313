"""SRTP: forged, replayed and truncated packets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphase.errors import ProtocolError, SignalError
from antiphase.media.srtp import PROFILES, SrtpKeys, SrtpProfile, SrtpSession, library


def pair(profile: SrtpProfile = PROFILES[0]) -> tuple[SrtpSession, SrtpSession]:
    size = profile.key_bytes + profile.salt_bytes
    a, b = bytes(range(size)), bytes(range(100, 100 + size))
    return SrtpSession(SrtpKeys(profile, a, b)), SrtpSession(SrtpKeys(profile, b, a))


def packet(sequence: int) -> bytes:
    return b"\x80\x60" + sequence.to_bytes(2, "big") + bytes(4) + b"\0\0\0\xff" + b"payload"


@pytest.mark.parametrize("profile", PROFILES, ids=lambda p: p.name.decode())
def test_round_trip(profile: SrtpProfile) -> None:
    """RTP and RTCP come back as they were, under both profiles."""
    one, other = pair(profile)
    assert other.unprotect(one.protect(packet(1))) == packet(1)
    report = bytes.fromhex("80c9000100000001")
    assert other.unprotect_rtcp(one.protect_rtcp(report)) == report


def test_a_replayed_packet_is_refused() -> None:
    """The same packet passes once."""
    one, other = pair()
    protected = one.protect(packet(7))
    assert other.unprotect(protected) == packet(7)
    assert other.unprotect(protected) is None


@given(st.integers(0, 200), st.integers(1, 255))
def test_any_changed_byte_is_refused(position: int, change: int) -> None:
    """A flipped byte anywhere fails authentication or parsing."""
    one, other = pair()
    data = bytearray(one.protect(packet(9)))
    data[position % len(data)] ^= change
    with pytest.raises(ProtocolError):
        other.unprotect(bytes(data))


@given(st.binary(max_size=80))
def test_random_bytes_raise_one_error(data: bytes) -> None:
    """Anything that is not SRTP raises ProtocolError and nothing else."""
    _, other = pair()
    with pytest.raises(ProtocolError):
        other.unprotect(data)
    with pytest.raises(ProtocolError):
        other.unprotect_rtcp(data)


@pytest.mark.parametrize("size", [1500, 2000, 65000])
def test_oversize_packets_are_refused_both_ways(size: int) -> None:
    """A datagram longer than any we send raises the library's own errors, not the wrapper's."""
    one, other = pair()
    with pytest.raises(ProtocolError):
        other.unprotect(b"\x80" * size)
    with pytest.raises(ProtocolError):
        other.unprotect_rtcp(b"\x80" * size)
    with pytest.raises(SignalError, match="bytes"):
        one.protect(b"\x80" * size)


def test_the_library_is_the_one_whose_calls_we_know() -> None:
    """Version 2.x of libsrtp is loaded from the wheel."""
    assert library().srtp_get_version_string().startswith(b"libsrtp2 2.")
