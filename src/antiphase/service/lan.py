"""The service on a local network: a certificate of its own, a key, and how a phone gets there."""

from __future__ import annotations

import datetime as dt
import io
import ipaddress
import os
import secrets
import socket
from dataclasses import dataclass
from pathlib import Path

import segno
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from antiphase.errors import ParameterError

__all__ = ["LanCertificate", "lan_address", "make_key", "qr_svg", "qr_terminal"]

# Reserved for documentation: no packet is sent, the system only says which address it would use.
_ELSEWHERE = ("192.0.2.1", 9)
# What phones take at most.
_DAYS = 397
_SPARE_DAYS = 7


def lan_address() -> str:
    """Return the address of this machine that its network knows.

    Raises
    ------
    ParameterError
        If there is no network.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(_ELSEWHERE)
            address = str(probe.getsockname()[0])
        except OSError:
            address = "127.0.0.1"
    if ipaddress.ip_address(address).is_loopback:
        raise ParameterError("lan", True, "used on a network; there is none, or name it by --host")
    return address


def make_key() -> str:
    """Return a new API key."""
    return secrets.token_urlsafe(12)


@dataclass(frozen=True)
class LanCertificate:
    """A certificate that this machine has signed itself.

    Attributes
    ----------
    certificate, key : Path
        PEM files.
    fingerprint : str
        SHA-256, as browsers show it.
    """

    certificate: Path
    key: Path
    fingerprint: str

    @classmethod
    def load_or_make(cls, folder: Path, address: str) -> LanCertificate:
        """Return the one in a folder, or a new one where none fits; a phone asks once for each.

        Parameters
        ----------
        folder : path-like
            It is made if there is none.
        address : str
            IP address or name that the certificate must hold.
        """
        folder.mkdir(parents=True, exist_ok=True)
        paths = folder / "lan.pem", folder / "lan.key"
        found = _load(paths[0])
        if found is None or not paths[1].exists() or not _fits(found, address):
            found = _make(paths, address)
        digest = found.fingerprint(hashes.SHA256()).hex(":").upper()
        return cls(*paths, digest)


def _load(path: Path) -> x509.Certificate | None:
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except (OSError, ValueError):
        return None


def _name(address: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(address))
    except ValueError:
        return x509.DNSName(address)


def _fits(found: x509.Certificate, address: str) -> bool:
    names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    left = found.not_valid_after_utc - dt.datetime.now(dt.UTC)
    return _name(address) in list(names) and left > dt.timedelta(days=_SPARE_DAYS)


def _make(paths: tuple[Path, Path], address: str) -> x509.Certificate:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Antiphase at {address}")])
    now = dt.datetime.now(dt.UTC)
    others = [_name(other) for other in ("localhost", "127.0.0.1") if other != address]
    server = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=_DAYS - 1))
        .add_extension(x509.SubjectAlternativeName([_name(address), *others]), critical=False)
        .add_extension(server, critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    with os.fdopen(os.open(paths[1], flags, 0o600), "wb") as file:
        file.write(secret)
    paths[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    return made


def qr_terminal(text: str) -> str:
    """Return a QR code for a terminal, dark on light whatever its colours."""
    into = io.StringIO()
    segno.make(text, error="m").terminal(into, compact=True, border=2)
    return into.getvalue()


def qr_svg(text: str) -> bytes:
    """Return a QR code as an SVG image."""
    into = io.BytesIO()
    segno.make(text, error="m").save(
        into, kind="svg", scale=6, border=4, dark="#000", light="#fff", xmldecl=False
    )
    return into.getvalue()
