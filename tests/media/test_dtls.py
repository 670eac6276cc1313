"""DTLS between our two roles, with loss and hostile bytes (aiortc and Chromium follow in peers)."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antiphase.errors import ProtocolError
from antiphase.media.dtls import Certificate, DtlsTransport, Fingerprint, is_dtls
from antiphase.media.srtp import SrtpSession

SERVER, CLIENT = Certificate(), Certificate()


def pair() -> tuple[DtlsTransport, DtlsTransport]:
    server = DtlsTransport(SERVER, "server", (CLIENT.fingerprint,))
    client = DtlsTransport(CLIENT, "client", (SERVER.fingerprint,))
    client.start()
    return server, client


def exchange(server: DtlsTransport, client: DtlsTransport) -> None:
    for _ in range(20):
        sent = client.take_outgoing(), server.take_outgoing()
        for datagram in sent[0]:
            server.receive(datagram)
        for datagram in sent[1]:
            client.receive(datagram)
        if not any(sent):
            return


def test_both_sides_get_matching_keys() -> None:
    """What one side protects the other can read, in both directions, with AES-GCM."""
    server, client = pair()
    exchange(server, client)
    assert server.keys is not None
    assert client.keys is not None
    assert server.keys.profile.name == b"SRTP_AEAD_AES_128_GCM"
    packet = bytes.fromhex("8060000100000001000000ff") + b"payload"
    a, b = SrtpSession(server.keys), SrtpSession(client.keys)
    assert b.unprotect(a.protect(packet)) == packet
    assert a.unprotect(b.protect(packet)) == packet


def test_datagrams_fit_the_mtu() -> None:
    """No flight is sent in datagrams longer than 1200 bytes, and each begins with a record."""
    server, client = pair()
    for datagram in client.take_outgoing():
        server.receive(datagram)
    flight = server.take_outgoing()
    assert flight
    assert all(is_dtls(datagram) and len(datagram) <= 1200 for datagram in flight)


def test_application_data_passes_both_ways() -> None:
    """Data channels ride on DTLS records."""
    server, client = pair()
    exchange(server, client)
    client.send(b"to the server")
    assert [d for x in client.take_outgoing() for d in server.receive(x)] == [b"to the server"]
    server.send(b"to the client")
    assert [d for x in server.take_outgoing() for d in client.receive(x)] == [b"to the client"]


def test_a_wrong_fingerprint_ends_the_association() -> None:
    """A certificate that the SDP did not announce gets no keys."""
    server = DtlsTransport(SERVER, "server", (SERVER.fingerprint,))
    client = DtlsTransport(CLIENT, "client", (SERVER.fingerprint,))
    client.start()
    with pytest.raises(ProtocolError, match="fingerprint"):
        exchange(server, client)
    assert server.keys is None
    assert server.closed


@pytest.mark.parametrize("algorithm", ["md5", "sha-1", "nonsense"])
def test_weak_hashes_never_match(algorithm: str) -> None:
    """Fingerprints by broken or unknown hashes are not accepted, whatever their value."""
    value = SERVER.fingerprint.value
    assert not Fingerprint(algorithm, value).matches(SERVER.certificate)


def test_a_lost_flight_is_sent_again() -> None:
    """The timer repeats the last flight, and the handshake completes."""
    server, client = pair()
    client.take_outgoing()
    wait = client.timeout()
    assert wait is not None
    time.sleep(wait + 0.05)
    client.retransmit()
    exchange(server, client)
    assert server.keys is not None


def test_closing_reaches_the_peer() -> None:
    """A clean close is noticed by the other side at once."""
    server, client = pair()
    exchange(server, client)
    server.close()
    for datagram in server.take_outgoing():
        client.receive(datagram)
    assert client.closed


@settings(max_examples=50)
@given(st.binary(min_size=1, max_size=100))
def test_junk_in_an_established_association_does_no_harm(junk: bytes) -> None:
    """Records that do not authenticate are dropped and data still passes."""
    server, client = ESTABLISHED
    server.receive(b"\x17\xfe\xfd" + junk)
    client.send(b"still here")
    assert [d for x in client.take_outgoing() for d in server.receive(x)] == [b"still here"]


ESTABLISHED = pair()
exchange(*ESTABLISHED)
