"""DTLS (RFC 6347) with the SRTP extension (RFC 5764) over memory buffers, for one peer.

OpenSSL keeps the handshake's retransmission timer on its own clock; everything else is bytes in,
bytes out.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import hmac
import secrets
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from OpenSSL import SSL

from antiphase.errors import ProtocolError
from antiphase.media.srtp import PROFILES, SrtpKeys

__all__ = ["Certificate", "DtlsTransport", "Fingerprint", "is_dtls"]

_MTU = 1200
_RECORD_HEADER = 13
_MAX_PENDING = 64
_HASHES: dict[str, hashes.HashAlgorithm] = {
    "sha-256": hashes.SHA256(),
    "sha-384": hashes.SHA384(),
    "sha-512": hashes.SHA512(),
}


def is_dtls(datagram: bytes) -> bool:
    """Whether a datagram's first byte is in DTLS's range (RFC 7983)."""
    return len(datagram) >= _RECORD_HEADER and 20 <= datagram[0] <= 63


@dataclass(frozen=True)
class Fingerprint:
    """Hash of a certificate as SDP carries it: algorithm, and hexadecimal pairs with colons."""

    algorithm: str
    value: str

    def matches(self, certificate: x509.Certificate) -> bool:
        """Whether `certificate` has this fingerprint; False for algorithms we don't accept."""
        algorithm = _HASHES.get(self.algorithm.lower())
        if algorithm is None or not self.value.isascii():
            return False
        actual = certificate.fingerprint(algorithm).hex()
        return hmac.compare_digest(actual, self.value.replace(":", "").lower())


class Certificate:
    """A self-signed P-256 certificate; one for the life of a server process is enough."""

    def __init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, secrets.token_hex(8))])
        now = dt.datetime.now(tz=dt.UTC)
        self.certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(self.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(days=1))
            .not_valid_after(now + dt.timedelta(days=365))
            .sign(self.key, hashes.SHA256())
        )

    @property
    def fingerprint(self) -> Fingerprint:
        """The SHA-256 fingerprint to announce in SDP."""
        digest = self.certificate.fingerprint(hashes.SHA256()).hex().upper()
        return Fingerprint("sha-256", ":".join(digest[k : k + 2] for k in range(0, 64, 2)))

    @cached_property
    def context(self) -> SSL.Context:
        """One OpenSSL context for all peers (making one costs more than a handshake's crypto)."""
        context = SSL.Context(SSL.DTLS_METHOD)
        # Any certificate passes: trust comes from the fingerprint, checked after the handshake.
        context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, lambda *_: True)
        context.use_certificate(self.certificate)
        context.use_privatekey(self.key)
        context.set_cipher_list(
            b"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305"
            b":ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-CHACHA20-POLY1305"
        )
        context.set_tlsext_use_srtp(b":".join(profile.name for profile in PROFILES))
        context.set_options(SSL.OP_NO_QUERY_MTU | SSL.OP_NO_RENEGOTIATION)
        return context

    def pem(self) -> tuple[bytes, bytes]:
        """Certificate and private key as PEM."""
        return (
            self.certificate.public_bytes(serialization.Encoding.PEM),
            self.key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            ),
        )


class DtlsTransport:
    """One DTLS association.

    Parameters
    ----------
    certificate : Certificate
        Ours.
    role : {"server", "client"}
        Who sends the first flight: the client.
    fingerprints : sequence of Fingerprint
        The peer's, from its SDP; one must match its certificate.

    Attributes
    ----------
    keys : SrtpKeys or None
        Set once the handshake is done and the fingerprint matched.
    closed : bool
        The peer closed the association, or it failed.
    """

    def __init__(
        self,
        certificate: Certificate,
        role: Literal["server", "client"],
        fingerprints: tuple[Fingerprint, ...],
    ) -> None:
        self.role = role
        self.fingerprints = fingerprints
        self.keys: SrtpKeys | None = None
        self.closed = False
        self._outgoing: list[bytes] = []
        self._connection = SSL.Connection(certificate.context)
        self._connection.set_ciphertext_mtu(_MTU)
        if role == "server":
            self._connection.set_accept_state()
        else:
            self._connection.set_connect_state()

    def start(self) -> None:
        """Send the first flight (client only; a server waits)."""
        if self.role == "client":
            self._handshake()

    def receive(self, datagram: bytes) -> list[bytes]:
        """Take one datagram and return the application data that it completed.

        Raises
        ------
        ProtocolError
            If the handshake fails for good or the fingerprint does not match; `closed` is set.
        """
        if self.closed:
            return []
        try:
            self._connection.bio_write(datagram)
        except SSL.Error as error:
            raise ProtocolError(f"DTLS: {_reason(error)}") from error
        if self.keys is None:
            self._handshake()
        return self._read() if self.keys is not None else []

    def send(self, data: bytes) -> None:
        """Queue application data; ignored before the handshake is done and after closing."""
        if self.keys is None or self.closed:
            return
        self._connection.send(data)
        self._flush()

    def close(self) -> None:
        """Queue the closing alert."""
        if not self.closed and self.keys is not None:
            with contextlib.suppress(SSL.Error):
                self._connection.shutdown()
            self._flush()
        self.closed = True

    def timeout(self) -> float | None:
        """Seconds until `retransmit` should be called, None when nothing waits for an answer."""
        if self.keys is not None or self.closed:
            return None
        seconds: float | None = self._connection.DTLSv1_get_timeout()
        return seconds

    def retransmit(self) -> None:
        """Send the last flight again if its time has come.

        Raises
        ------
        ProtocolError
            If the handshake has been given up.
        """
        try:
            self._connection.DTLSv1_handle_timeout()
        except SSL.Error as error:
            self.closed = True
            raise ProtocolError(f"DTLS handshake timed out: {_reason(error)}") from error
        self._flush()

    def take_outgoing(self) -> list[bytes]:
        """Return and clear the datagrams to send."""
        outgoing, self._outgoing = self._outgoing, []
        return outgoing

    def _handshake(self) -> None:
        try:
            self._connection.do_handshake()
        except SSL.WantReadError:
            self._flush()
            return
        except SSL.Error as error:
            self._flush()
            self.closed = True
            raise ProtocolError(f"DTLS handshake failed: {_reason(error)}") from error
        self._flush()
        peer = self._connection.get_peer_certificate(as_cryptography=True)
        if peer is None or not any(f.matches(peer) for f in self.fingerprints):
            self.close()
            self.closed = True
            raise ProtocolError("DTLS certificate does not match the fingerprint in the SDP")
        self.keys = self._export()

    def _export(self) -> SrtpKeys:
        name = self._connection.get_selected_srtp_profile()
        profile = next((p for p in PROFILES if p.name == name), None)
        if profile is None:
            self.closed = True
            raise ProtocolError("DTLS peer offers no SRTP profile that we have")
        k, s = profile.key_bytes, profile.salt_bytes
        material = self._connection.export_keying_material(b"EXTRACTOR-dtls_srtp", 2 * (k + s))
        client = material[:k] + material[2 * k : 2 * k + s]
        server = material[k : 2 * k] + material[2 * k + s :]
        if self.role == "server":
            return SrtpKeys(profile, receive=client, send=server)
        return SrtpKeys(profile, receive=server, send=client)

    def _read(self) -> list[bytes]:
        data = []
        while True:
            try:
                data.append(self._connection.recv(65536))
            except SSL.ZeroReturnError:
                self.closed = True
                break
            except SSL.Error:
                break
        self._flush()
        return data

    def _flush(self) -> None:
        """Cut OpenSSL's byte stream at record boundaries into datagrams of at most the MTU."""
        try:
            stream = self._connection.bio_read(1 << 20)
        except SSL.WantReadError:
            return
        position, datagram = 0, b""
        while position < len(stream):
            size = _RECORD_HEADER + int.from_bytes(stream[position + 11 : position + 13], "big")
            record = stream[position : position + size]
            if datagram and len(datagram) + size > _MTU:
                self._outgoing.append(datagram)
                datagram = b""
            datagram += record
            position += size
        self._outgoing.append(datagram)
        del self._outgoing[:-_MAX_PENDING]


def _reason(error: SSL.Error) -> str:
    details = error.args[0] if error.args else ()
    return details[0][2] if details and isinstance(details, list) else type(error).__name__
