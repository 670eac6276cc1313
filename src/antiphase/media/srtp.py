"""SRTP and SRTCP (RFC 3711, RFC 7714) of one session through libsrtp."""

from __future__ import annotations

from dataclasses import dataclass

import pylibsrtp

from antiphase.errors import ProtocolError

__all__ = ["PROFILES", "SrtpKeys", "SrtpProfile", "SrtpSession"]


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
        policy.window_size = 1024
        return pylibsrtp.Session(policy=policy)

    def protect(self, packet: bytes) -> bytes:
        """Encrypt and sign an RTP packet."""
        return bytes(self._send.protect(packet))

    def protect_rtcp(self, packet: bytes) -> bytes:
        """Encrypt and sign a compound RTCP packet."""
        return bytes(self._send.protect_rtcp(packet))

    def unprotect(self, packet: bytes) -> bytes:
        """Check and decrypt an SRTP packet.

        Raises
        ------
        ProtocolError
            If it is forged, replayed or malformed.
        """
        try:
            return bytes(self._receive.unprotect(packet))
        except (pylibsrtp.Error, TypeError) as error:
            raise ProtocolError(f"SRTP: {error}") from error

    def unprotect_rtcp(self, packet: bytes) -> bytes:
        """Check and decrypt an SRTCP packet; raises as `unprotect`."""
        try:
            return bytes(self._receive.unprotect_rtcp(packet))
        except (pylibsrtp.Error, TypeError) as error:
            raise ProtocolError(f"SRTCP: {error}") from error
