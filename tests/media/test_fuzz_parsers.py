"""Every parser of the media plane on mutations of honest input: its one error, or nothing.

A longer hunt: ``pytest tests/media/test_fuzz_parsers.py --hypothesis-profile=hunt``.
"""

from __future__ import annotations

import contextlib
import ipaddress
import itertools

import numpy as np
import pytest
from aiortc import rtp as aiortc_rtp
from hypothesis import given
from hypothesis import strategies as st

from antiphase.errors import ProtocolError
from antiphase.media.audio import AudioReceiver, AudioSender
from antiphase.media.client import Client, ClientTrack
from antiphase.media.dtls import DtlsTransport
from antiphase.media.ice import IceControllingAgent, IceCredentials, IceLiteAgent, local_ufrag
from antiphase.media.payload import AudioFormat
from antiphase.media.rtp import RtpPacket
from antiphase.media.sdp import parse_description
from antiphase.media.stun import Address, Attribute, Message, MessageClass, Method
from antiphase.media.turn import TurnClient, TurnCredentials
from tests.media.link import CERTIFICATE, L16, SERVER, Link
from tests.media.packets import RECIPES, mutate, mutated, numbered
from tests.media.test_datachannel import Pair
from tests.media.test_sdp import CHROMIUM

HOME: Address = ("198.51.100.1", 1000)
FORMATS = (
    AudioFormat("opus", 111, 48000),
    AudioFormat("opus", 111, 48000, 2),
    AudioFormat("L16", 96, 16000, 2),
    AudioFormat("G722", 9, 8000),
    AudioFormat("PCMU", 0, 8000),
    AudioFormat("PCMA", 8, 8000),
)
ODD = ("\ud800", "é", "１", "9" * 5000, "-1", "nan", "1e999", " ", "\0", "\u2028", "0", "65536", "")
LINES = (
    "a=ssrc:-1 x",
    "a=ptime:nan",
    "a=mid:0 1",
    "a=candidate:1 1 udp 1 x 70000 typ host",
    "a=extmap:14/sendonly urn:ietf:params:rtp-hdrext:sdes:mid",
    "a=rtpmap:111 L16/8000/0",
    "a=group:BUNDLE",
    "m=audio 9 UDP/TLS/RTP/SAVPF 0",
)


def own_client() -> Client:
    tracks = (ClientTrack(L16), ClientTrack(FORMATS[0]))
    return Client(tracks, data=True, certificate=CERTIFICATE)


OWN = own_client().offer()


@st.composite
def offers(draw: st.DrawFn) -> str:
    """Offers of ours and of a browser with lines lost, moved, cut, and odd values put in."""
    lines = draw(st.sampled_from([OWN, CHROMIUM])).splitlines()
    for _ in range(draw(st.integers(1, 5))):
        k = draw(st.integers(0, len(lines) - 1))
        line = lines[k]
        at = draw(st.integers(0, len(line)))
        match draw(st.sampled_from(["drop", "cut", "insert", "replace", "swap", "add"])):
            case "drop" if len(lines) > 1:
                del lines[k]
            case "cut":
                lines[k] = line[:at]
            case "insert":
                lines[k] = line[:at] + draw(st.sampled_from(ODD)) + line[at:]
            case "replace":
                lines[k] = line.partition(":")[0] + ":" + draw(st.sampled_from(ODD))
            case "swap":
                other = draw(st.integers(0, len(lines) - 1))
                lines[k], lines[other] = lines[other], line
            case "add":
                lines.insert(k, draw(st.sampled_from(LINES)))
    return "\r\n".join(lines)


@given(offers())
def test_offers(text: str) -> None:
    """Refused, or answered in text that a peer can take and connect on."""
    link, client = Link(), own_client()
    try:
        answer = link.endpoint.open("a", text, link.now)
        answer.encode()
        client._credentials = parse_description(text).credentials
        client.accept(answer, link.now)
    except ProtocolError:
        return
    link.clients[HOME] = client
    for _ in range(6):
        link.step()
    if link.endpoint.sessions:
        link.endpoint.sessions["a"].report(link.now, link.now)


@given(offers())
def test_answers(text: str) -> None:
    """A client refuses it or sends its checks to addresses that there can be."""
    client = own_client()
    try:
        client.accept(text, 0.0)
    except ProtocolError:
        return
    for _, (host, port) in client.poll_outgoing():
        ipaddress.ip_address(host)
        assert 0 < port < 65536


LOCAL, REMOTE = IceCredentials("abcd", "p" * 24), IceCredentials("efgh", "q" * 24)
ATTRIBUTES = st.dictionaries(
    st.sampled_from([int(a) for a in Attribute] + [0x7FFF, 0x8FFF]), st.binary(max_size=40)
)


@given(st.data(), st.sampled_from(list(MessageClass)), ATTRIBUTES)
def test_stun(data: st.DataObject, kind: MessageClass, more: dict[int, bytes]) -> None:
    """Messages of both agents' own, signed or not, with any attributes, and mutations of them."""
    controlling = IceControllingAgent(REMOTE, LOCAL, (SERVER,), 0.0)
    ((check, _),) = controlling.check(0.0)
    message = Message.parse(check)
    message.message_class = kind
    message.attributes |= more
    key = data.draw(st.sampled_from([None, b"p" * 24, b"q" * 24]))
    raw = data.draw(mutated(message.encode(key, fingerprint=data.draw(st.booleans()))))
    try:
        parsed = Message.parse(raw)
    except ProtocolError:
        return
    local_ufrag(parsed)
    IceLiteAgent(LOCAL, REMOTE, 0.0).handle(parsed, HOME, 1.0)
    controlling.answer_request(parsed, SERVER)
    controlling.take_answer(parsed, SERVER, 1.0)


@given(st.data(), st.sampled_from(list(Method)), st.sampled_from(list(MessageClass)), ATTRIBUTES)
def test_turn(
    data: st.DataObject, method: Method, kind: MessageClass, more: dict[int, bytes]
) -> None:
    """A relay may answer anything: nothing is raised."""
    client = TurnClient(("127.0.0.1", 3478), TurnCredentials("u", "p"))
    client.start(0.0)
    client.send(b"x", HOME, 0.0)
    answer = Message(method, kind, next(iter(client._requests)), dict(more))
    raw = answer.encode(data.draw(st.sampled_from([None, client._key])))
    client.receive(data.draw(mutated(raw)), client.relay, 1.0)
    client.tick(2.0)
    client.poll_outgoing()


@given(st.data(), st.sampled_from(FORMATS), st.sampled_from([0, 3]))
def test_rtp(data: st.DataObject, form: AudioFormat, reorder: int) -> None:
    """Whatever a stream of packets turns into, frames are finite and errors are the one kind."""
    sender = AudioSender(form, ssrc=1, extensions={1: b"a"})
    receiver = AudioReceiver(form, opus_rate=16000, reorder=reorder)
    n = form.sample_rate() // 100
    frame = np.full(n if form.channels == 1 else (n, 2), 0.2)
    for k in range(6):
        raw = data.draw(mutated(sender.send(frame).encode()))
        try:
            packet = RtpPacket.parse(raw)
        except ProtocolError:
            continue
        packet.encode()
        for heard in receiver.receive(packet, 0.01 * k):
            assert np.isfinite(heard.pcm).all()


def connected() -> tuple[Link, Client, list[bytes]]:
    """Return a link, its client, and every datagram that went over it."""
    link, client, seen = Link(), own_client(), []

    def record(datagram: bytes) -> list[bytes]:
        seen.append(datagram)
        return [datagram]

    link.spoil = record
    client.accept(link.endpoint.open("a", client.offer(), link.now), link.now)
    link.clients[HOME] = client
    link.until_connected(client)
    client.send_audio("0", np.zeros(80))
    link.step(1.1)
    link.spoil = lambda datagram: [datagram]
    return link, client, seen


@pytest.fixture(scope="module")
def conversation() -> tuple[Link, Client, list[bytes]]:
    """One that the examples of a test share."""
    return connected()


@given(st.data())
def test_rtcp(conversation: tuple[Link, Client, list[bytes]], data: st.DataObject) -> None:
    """Compound packets of reports, estimates, requests and descriptions; the next report works."""
    link, _, _ = conversation
    session = link.endpoint.sessions["a"]
    ours, theirs = [s.ssrc for s in session.senders.values()], list(session.incoming)
    blocks = [aiortc_rtp.RtcpReceiverInfo(k, 200, -2, 3, 4, 5, 6) for k in ours]
    honest = [
        bytes(aiortc_rtp.RtcpSrPacket(k, aiortc_rtp.RtcpSenderInfo(2**60, 5, 6, 7), blocks))
        for k in theirs or [3]
    ]
    honest += [
        bytes(aiortc_rtp.RtcpRrPacket(1, blocks)),
        bytes(aiortc_rtp.RtcpRtpfbPacket(1, 1, ours[0], [1, 2, 3, 30])),
        bytes(aiortc_rtp.RtcpPsfbPacket(15, 1, 0, aiortc_rtp.pack_remb_fci(50000, ours))),
        bytes(aiortc_rtp.RtcpSdesPacket([aiortc_rtp.RtcpSourceInfo(1, [(1, b"abc")])])),
        bytes(aiortc_rtp.RtcpByePacket([3, *theirs])),
    ]
    chosen = data.draw(st.lists(st.sampled_from(honest), min_size=1, max_size=3))
    session.take_rtcp(b"".join(data.draw(mutated(p)) for p in chosen), link.now, 1e9)
    session._report_at = 0.0
    session.report(link.now, 1e9)
    session.take_outgoing()


@pytest.fixture(scope="module")
def association() -> tuple[Pair, list[bytes]]:
    """Two ends of data channels, and every packet that the server's got."""
    pair = Pair()
    seen: list[bytes] = []
    receive = pair.server.receive

    def record(packet: bytes, now: float) -> None:
        seen.append(packet)
        receive(packet, now)

    pair.server.receive = record  # type: ignore[method-assign]
    pair.client.open("a", 0.0)
    pair.run(0.3)
    pair.client.send("a", bytes(3000), pair.now)
    pair.server.send("a", bytes(2000), pair.now)
    pair.run(0.3)
    pair.server.receive = receive  # type: ignore[method-assign]
    return pair, seen


@given(
    data=st.data(),
    kind=st.sampled_from([*range(12), 14, 130, 192]) | st.integers(0, 255),
    flags=st.integers(0, 7),
    body=st.binary(),
)
def test_sctp(
    association: tuple[Pair, list[bytes]], data: st.DataObject, kind: int, flags: int, body: bytes
) -> None:
    """Chunks seen before or of any kind, mutated, with the right tag and checksum."""
    pair, seen = association
    made = seen[0][:12] + bytes([kind, flags]) + (len(body) + 4).to_bytes(2) + body
    packet = data.draw(mutated(data.draw(st.sampled_from([*seen, made]))))
    if len(packet) < 12:
        return
    pair.now += 0.01
    with contextlib.suppress(ProtocolError):
        pair.server.receive(numbered(packet, pair.server._sctp), pair.now)
    pair.server.poll_events()


@given(st.dictionaries(st.integers(0, 12), RECIPES))
def test_dtls(recipes: dict[int, list[tuple[str, int, bytes]]]) -> None:
    """Handshake datagrams mutated on the way, then as they were: done, or failed by its error."""
    client = DtlsTransport(CERTIFICATE, "client", (CERTIFICATE.fingerprint,))
    server = DtlsTransport(CERTIFICATE, "server", (CERTIFICATE.fingerprint,))
    client.start()
    count = itertools.count()
    for source, target in [(client, server), (server, client)] * 5:
        for datagram in source.take_outgoing():
            recipe = recipes.get(next(count))
            for data in [datagram] if recipe is None else [mutate(datagram, recipe), datagram]:
                with contextlib.suppress(ProtocolError):
                    target.receive(data)


@given(st.data())
def test_datagrams_of_a_peer(
    conversation: tuple[Link, Client, list[bytes]], data: st.DataObject
) -> None:
    """What once went over the wire, mutated, from the right address: nothing is raised."""
    link, client, seen = conversation
    datagram = data.draw(mutated(data.draw(st.sampled_from(seen))))
    link.endpoint.receive(datagram, HOME, link.now, 0.0)
    client.receive(datagram, SERVER, link.now, 0.0)
    link.endpoint.poll_outgoing()
    client.poll_outgoing()
