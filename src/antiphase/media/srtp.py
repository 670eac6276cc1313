"""SRTP and SRTCP (RFC 3711, RFC 7714) of one session through libsrtp."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from functools import cache

import pylibsrtp
from pylibsrtp import _binding
from pylibsrtp._binding import ffi

from antiphase.errors import MissingDependencyError, ProtocolError, SignalError

__all__ = ["PROFILES", "SrtpKeys", "SrtpProfile", "SrtpSession", "library"]


@dataclass(frozen=True)
class SrtpProfile:
    """A DTLS-SRTP protection profile: its OpenSSL name, its libsrtp number and its key sizes."""

    name: bytes
    libsrtp: int
    key_bytes: int
    salt_bytes: int


PROFILES = (
    SrtpProfile(b"SRTP_AEAD_AES_128_GCM", pylibsrtp.Policy.SRTP_PROFILE_AEAD_AES_128_GCM, 16, 12),
    SrtpProfile(b"SRTP_AES128_CM_SHA1_80", pylibsrtp.Policy.SRTP_PROFILE_AES128_CM_SHA1_80, 16, 14),
)
"""Offered to DTLS in this order: AES-GCM first, the older profile for interoperation."""


@dataclass(frozen=True)
class SrtpKeys:
    """Master keys (key and salt joined) of both directions, as DTLS exported them."""

    profile: SrtpProfile
    receive: bytes
    send: bytes


class SrtpSession:
    """Both directions of one peer; every SSRC shares the direction's master key.

    Parameters
    ----------
    keys : SrtpKeys
        From the finished DTLS handshake.
    """

    def __init__(self, keys: SrtpKeys) -> None:
        self.keys = keys
        self._receive = self._session(keys.receive, pylibsrtp.Policy.SSRC_ANY_INBOUND)
        self._send = self._session(keys.send, pylibsrtp.Policy.SSRC_ANY_OUTBOUND)

    def _session(self, key: bytes, direction: int) -> pylibsrtp.Session:
        policy = pylibsrtp.Policy(
            key=key, ssrc_type=direction, srtp_profile=self.keys.profile.libsrtp
        )
        policy.allow_repeat_tx = True
        policy.window_size = 128
        return pylibsrtp.Session(policy=policy)

    def handles(self) -> tuple[int, int]:
        """Addresses of libsrtp's contexts (receive, send), for the native loop.

        Whoever takes them is the only one to use this session from then on, and keeps it alive.
        """
        return _address(self._receive), _address(self._send)

    def protect(self, packet: bytes) -> bytes:
        """Encrypt and sign an RTP packet.

        Raises
        ------
        SignalError
            If it is longer than a datagram may be.
        """
        try:
            return bytes(self._send.protect(packet))
        except ValueError as error:
            raise SignalError(f"RTP packet of {len(packet)} bytes: {error}") from error

    def protect_rtcp(self, packet: bytes) -> bytes:
        """Encrypt and sign a compound RTCP packet."""
        return bytes(self._send.protect_rtcp(packet))

    def unprotect(self, packet: bytes) -> bytes | None:
        """Check and decrypt an SRTP packet; None where it has come before or is too old to tell.

        Raises
        ------
        ProtocolError
            If it is forged or malformed.
        """
        try:
            return bytes(self._receive.unprotect(packet))
        except (pylibsrtp.Error, TypeError, ValueError) as error:
            if str(error).startswith("replay check failed"):
                return None
            raise ProtocolError(f"SRTP: {error}") from error

    def unprotect_rtcp(self, packet: bytes) -> bytes:
        """Check and decrypt an SRTCP packet.

        Raises
        ------
        ProtocolError
            If it is forged, replayed or malformed.
        """
        try:
            return bytes(self._receive.unprotect_rtcp(packet))
        except (pylibsrtp.Error, TypeError, ValueError) as error:
            raise ProtocolError(f"SRTCP: {error}") from error


def _address(session: pylibsrtp.Session) -> int:
    return int(ffi.cast("uintptr_t", session._srtp[0]))  # noqa: SLF001 - no public accessor


@cache
def library() -> ctypes.CDLL:
    """Load the libsrtp that pylibsrtp carries, for its functions' addresses.

    Raises
    ------
    MissingDependencyError
        If it is not of the version line whose calling convention the native loop knows.
    """
    lib = ctypes.CDLL(str(_binding.__file__))
    lib.srtp_get_version_string.restype = ctypes.c_char_p
    version = lib.srtp_get_version_string()
    if not version.startswith(b"libsrtp2 2."):
        raise MissingDependencyError(f"libsrtp 2.x is needed, pylibsrtp has {version.decode()}")
    return lib
