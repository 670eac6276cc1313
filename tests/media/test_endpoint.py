"""The endpoint under attack, under change and at its limits, on an in-memory link."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest

from antiphase.errors import ParameterError, ProtocolError
from antiphase.media.client import Client, ClientTrack
from antiphase.media.dtls import Certificate, DtlsTransport
from antiphase.media.endpoint import Endpoint, EndpointSettings
from antiphase.media.events import AudioReceived, Closed, Connected, Event
from antiphase.media.ice import IceCredentials
from antiphase.media.stun import Address
from tests.media.link import CERTIFICATE, L16, SERVER, Link

STRANGER: Address = ("203.0.113.66", 6666)
HOME: Address = ("198.51.100.1", 1000)


def foreign_hello() -> bytes:
    other = Certificate()
    transport = DtlsTransport(other, "client", (other.fingerprint,))
    transport.start()
    return transport.take_outgoing()[0]


def passes_audio(link: Link, client: Client) -> bool:
    before = sum(isinstance(e, AudioReceived) for e in link.events)
    client.send_audio("0", np.zeros(80))
    link.step()
    return sum(isinstance(e, AudioReceived) for e in link.events) == before + 1


@pytest.mark.parametrize("moment", ["before", "during", "after"])
def test_a_foreign_client_hello_changes_nothing(moment: str) -> None:
    """A stranger's handshake is dropped at the gate, whenever it comes."""
    link = Link()
    client = link.join("a")
    hello = foreign_hello()

    def attack(*passing: bytes) -> list[bytes]:
        for _ in range(20):
            link.endpoint.receive(hello, STRANGER, link.now, link.now)
        return list(passing)

    if moment == "before":
        attack()
    if moment == "during":
        link.spoil = attack
    link.until_connected(client)
    link.spoil = lambda datagram: [datagram]
    if moment == "after":
        attack()
    assert passes_audio(link, client)
    assert link.endpoint.counters.ungated >= 20


def test_a_flood_of_junk_is_counted_and_kept_out() -> None:
    """A hundred thousand datagrams of every kind leave the honest peer and memory alone."""
    link = Link()
    client = link.join("a")
    link.until_connected(client)
    rng = np.random.default_rng(1)
    for k in range(100_000):
        first = (0, 22, 128, 250)[k % 4]
        junk = bytes([first]) + rng.bytes(40)
        link.endpoint.receive(junk, ("203.0.113.7", 1 + k % 60000), link.now, link.now)
    assert link.endpoint.poll_outgoing() == []
    assert link.endpoint.counters.ungated == 100_000
    assert passes_audio(link, client)


def test_junk_from_the_peers_own_address_is_survived() -> None:
    """Spoofed packets with the right source fail authentication one by one."""
    link = Link()
    client = link.join("a")
    link.until_connected(client)
    rng = np.random.default_rng(2)
    for first in range(0, 256, 3):
        for size in (1, 12, 60, 1400):
            datagram = bytes([first]) + rng.bytes(size)
            link.endpoint.receive(datagram, HOME, link.now, link.now)
    counters = link.endpoint.counters
    assert min(counters.junk, counters.srtp_failed) > 10
    assert passes_audio(link, client)


def test_replayed_media_is_dropped() -> None:
    """Each recorded packet counts once."""
    link = Link()
    client = link.join("a")
    link.until_connected(client)
    recorded: list[bytes] = []

    def record(datagram: bytes) -> list[bytes]:
        recorded.append(datagram)
        return [datagram]

    link.spoil = record
    assert passes_audio(link, client)
    media = [d for d in recorded if 128 <= d[0] <= 191]
    for datagram in media * 10:
        link.endpoint.receive(datagram, HOME, link.now, link.now)
    assert link.endpoint.counters.srtp_failed + link.endpoint.counters.rtcp_malformed >= 10


def test_forged_checks_open_no_gate() -> None:
    """A check for a known session under a wrong password moves no media and is counted."""
    link = Link()
    client = link.join("a")
    link.until_connected(client)
    offer = Client((ClientTrack(L16),), certificate=CERTIFICATE)
    answer = link.endpoint.open("b", offer.offer(), link.now)
    forged = "\r\n".join(
        "a=ice-pwd:" + "x" * 24 if line.startswith("a=ice-pwd") else line
        for line in answer.split("\r\n")
    )
    offer.accept(forged, link.now)
    for datagram, _ in offer.poll_outgoing():
        link.endpoint.receive(datagram, STRANGER, link.now, link.now)
    assert link.endpoint.counters.stun_unauthenticated == 1
    link.endpoint.receive(foreign_hello(), STRANGER, link.now, link.now)
    assert link.endpoint.counters.ungated == 1


def test_a_wrong_fingerprint_closes_that_session_only() -> None:
    """A peer whose certificate is not the announced one is closed; others go on."""
    link = Link()
    honest = link.join("honest")
    link.until_connected(honest)
    liar = Client((ClientTrack(L16),), certificate=Certificate())
    offer = liar.offer().replace(liar._certificate.fingerprint.value, CERTIFICATE.fingerprint.value)
    liar.accept(link.endpoint.open("liar", offer, link.now), link.now)
    link.clients[STRANGER] = liar
    for _ in range(20):
        link.step()
    reasons = [e.reason for e in link.events if isinstance(e, Closed)]
    assert reasons == ["DTLS certificate does not match the fingerprint in the SDP"]
    assert passes_audio(link, honest)


def test_nat_rebinding_moves_the_stream() -> None:
    """When the peer's address changes, its next check moves media there; no new handshake."""
    link = Link()
    client = link.join("a")
    link.until_connected(client)
    moved: Address = ("198.51.100.1", 2222)
    link.clients = {moved: client}
    for _ in range(600):
        link.step()
    assert passes_audio(link, client)
    link.endpoint.send_audio("a", "0", np.zeros(80))
    link.step()
    assert any(isinstance(e, AudioReceived) for e in link.client_events)
    assert sum(isinstance(e, Connected) for e in link.events) == 1


def test_ice_restart_keeps_the_handshake() -> None:
    """New credentials in a second offer are answered with new ones; media never stops."""
    link = Link()
    client = link.join("a")
    link.until_connected(client)
    client._credentials = IceCredentials.generate()
    answer = link.endpoint.open("a", client.offer(), link.now)
    assert passes_audio(link, client)
    session = client.session
    client.accept(answer, link.now)
    client.session = session
    for _ in range(20):
        link.step()
    assert passes_audio(link, client)
    assert sum(isinstance(e, Connected) for e in link.events) == 1


def test_renegotiation_adds_a_track_and_keeps_the_first() -> None:
    """A second offer with one more section gets it; the running stream keeps its source."""
    link = Link()
    client = link.join("a")
    link.until_connected(client)
    before = link.endpoint.sessions["a"].senders["0"].ssrc
    more = Client((ClientTrack(L16), ClientTrack(L16)), certificate=CERTIFICATE)
    more._credentials = client._credentials
    answer = link.endpoint.open("a", more.offer(), link.now)
    assert answer.count("m=audio 9") == 2
    assert link.endpoint.sessions["a"].senders["0"].ssrc == before
    assert passes_audio(link, client)


def test_a_changed_fingerprint_needs_a_new_session() -> None:
    """Another certificate under a known id is refused and the running session goes on."""
    link = Link()
    client = link.join("a")
    link.until_connected(client)
    with pytest.raises(ProtocolError, match="fingerprint"):
        link.endpoint.open("a", Client((ClientTrack(L16),)).offer(), link.now)
    assert passes_audio(link, client)


def test_a_full_server_says_so_and_a_freed_place_is_taken() -> None:
    """Beyond the limit offers are refused with the number; a close makes room."""
    endpoint = Endpoint(EndpointSettings((SERVER,), max_sessions=2), CERTIFICATE)
    link = Link(endpoint)
    link.join("a")
    link.join("b")
    with pytest.raises(ProtocolError, match="2 sessions"):
        link.join("c")
    endpoint.close("a")
    link.join("c")
    assert endpoint.counters.sdp_refused == 1


def test_a_peer_that_never_comes_leaves_no_ghost() -> None:
    """A session without a connection is closed after its time, and nothing of it is kept."""
    link = Link()
    client = Client((ClientTrack(L16),), certificate=CERTIFICATE)
    link.endpoint.open("ghost", client.offer(), link.now)
    link.step(31.0)
    assert [type(e) for e in link.events] == [Closed]
    assert (link.endpoint._by_ufrag, link.endpoint._by_source) == ({}, {})


def test_a_peer_whose_timers_fail_is_tried_again_and_others_do_not_wait() -> None:
    """A fault in one session's timers costs that tick only: its consent runs out all the same."""
    link = Link()
    for name in ("a", "b"):
        link.until_connected(link.join(name))
    broken = link.endpoint.sessions["a"]

    def fault(now: float, wall: float) -> list[Event]:
        raise RuntimeError

    broken.tick = fault  # type: ignore[method-assign]
    for step in range(60):
        with contextlib.suppress(RuntimeError):
            link.endpoint.tick(link.now + 1.0 + step, 0.0)
    assert link.endpoint.sessions == {}


def test_a_source_that_another_session_proves_is_that_sessions() -> None:
    """Two sessions from one address: the newer keeps it when the older closes."""
    link = Link()
    link.until_connected(link.join("a", address=HOME))
    second = Client((ClientTrack(L16),), certificate=CERTIFICATE)
    second.accept(link.endpoint.open("b", second.offer(), link.now), link.now)
    for check, _ in second.poll_outgoing():
        link.endpoint.receive(check, HOME, link.now, link.now)
    link.endpoint.close("a")
    assert link.endpoint.knows(HOME)
    link.endpoint.close("b")
    assert not link.endpoint.knows(HOME)


def test_a_peer_that_would_be_passive_is_refused() -> None:
    """Two passive sides would wait for ever."""
    offer = Client((ClientTrack(L16),)).offer().replace("setup:actpass", "setup:passive")
    with pytest.raises(ProtocolError, match="actpass"):
        Endpoint(EndpointSettings((SERVER,)), CERTIFICATE).open("a", offer, 0.0)


def test_sending_to_nobody_is_an_error_of_the_caller() -> None:
    """An unknown session id is named."""
    with pytest.raises(ParameterError, match="session_id='x'"):
        Endpoint(EndpointSettings((SERVER,)), CERTIFICATE).send_audio("x", "0", np.zeros(80))
