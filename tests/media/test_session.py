"""Reports between peers: retransmission, bandwidth estimate, round trip."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from aiortc import rtp as aiortc_rtp

from antiphase.codecs import OpusEncoder
from antiphase.media.client import Client, ClientTrack
from antiphase.media.events import AudioReceived
from antiphase.media.payload import AudioFormat
from tests.media.link import L16, Link

OPUS = AudioFormat("opus", 111, 48000)


def connected(form: AudioFormat = L16) -> tuple[Link, Client]:
    link = Link()
    client = link.join("a", ClientTrack(form))
    link.until_connected(client)
    return link, client


def send_rtcp(link: Link, client: Client, packet: bytes) -> None:
    assert client.session is not None
    assert client.session.srtp is not None
    client.session._outgoing.append(client.session.srtp.protect_rtcp(packet))
    link.step()


def test_a_lost_packet_is_sent_again_on_request() -> None:
    """A NACK brings the very packet that was lost."""
    link, client = connected()
    link.spoil = lambda datagram: [] if 128 <= datagram[0] <= 191 else [datagram]
    link.endpoint.send_audio("a", "0", np.full(80, 0.25))
    link.step()
    link.spoil = lambda datagram: [datagram]
    sender = link.endpoint.sessions["a"].senders["0"]
    lost = next(iter(sender._history))
    nack = aiortc_rtp.RtcpRtpfbPacket(
        fmt=aiortc_rtp.RTCP_RTPFB_NACK, ssrc=1, media_ssrc=sender.ssrc, lost=[lost]
    )
    send_rtcp(link, client, bytes(nack))
    (frame,) = [e.frame for e in link.client_events if isinstance(e, AudioReceived)]
    np.testing.assert_allclose(frame.pcm, 0.25, atol=2e-5)


def test_the_receivers_estimate_caps_opus() -> None:
    """REMB of 32 kb/s sets the encoder to it."""
    link, client = connected(OPUS)
    sender = link.endpoint.sessions["a"].senders["0"]
    remb = aiortc_rtp.RtcpPsfbPacket(
        fmt=aiortc_rtp.RTCP_PSFB_APP,
        ssrc=1,
        media_ssrc=0,
        fci=aiortc_rtp.pack_remb_fci(32000, [sender.ssrc]),
    )
    send_rtcp(link, client, bytes(remb))
    assert isinstance(sender.encoder, OpusEncoder)
    assert sender.encoder.bitrate == 32000


def test_round_trip_is_measured_from_reports() -> None:
    """With an instant link the round trip is what the report waited for nothing: 0 ms."""
    link, client = connected()
    for _ in range(300):
        client.send_audio("0", np.zeros(80))
        link.endpoint.send_audio("a", "0", np.zeros(80))
        link.step()
    assert client.session is not None
    assert client.session.round_trip_ms == pytest.approx(0, abs=1)


def test_a_stream_that_says_goodbye_may_come_back() -> None:
    """After BYE the source is forgotten; the same source starts anew without a gap."""
    link, client = connected()
    client.send_audio("0", np.zeros(80))
    link.step()
    assert client.session is not None
    ssrc = client.session.senders["0"].ssrc
    send_rtcp(link, client, bytes(aiortc_rtp.RtcpByePacket([ssrc])))
    assert link.endpoint.sessions["a"].receiver("0") is None
    client.send_audio("0", np.zeros(80))
    link.step()
    assert link.endpoint.sessions["a"].receiver("0") is not None


def test_malformed_reports_are_counted() -> None:
    """An authenticated peer that sends nonsense costs a counter."""
    link, client = connected()
    send_rtcp(link, client, b"\x80\xc8\x00\x06" + bytes(4))
    assert link.endpoint.counters.rtcp_malformed == 1


def test_sources_are_bounded() -> None:
    """A peer that invents sources gets at most 32 streams."""
    link, client = connected()
    assert client.session is not None
    for ssrc in range(100):
        client.session.senders["0"].ssrc = ssrc + 1
        client.send_audio("0", np.zeros(80))
    link.step()
    assert len(link.endpoint.sessions["a"].incoming) == 32
    assert link.endpoint.counters.rtp_unknown == 68


def test_what_is_repeated_survives_single_losses_in_order() -> None:
    """With L16 repeated, no lost packet in ten is missed and nothing counts as replayed."""
    link, client = connected()
    server = link.endpoint.sessions["a"]
    assert client.session is not None
    for session in (server, client.session):
        session.settings = replace(session.settings, repeat=("L16",))
    count = [0]

    def lose(datagram: bytes) -> list[bytes]:
        count[0] += 128 <= datagram[0] <= 191
        return [] if 128 <= datagram[0] <= 191 and count[0] % 10 == 4 else [datagram]

    link.spoil = lose
    for k in range(100):
        link.endpoint.send_audio("a", "0", np.full(80, k / 200))
        link.step()
    frames = [e.frame for e in link.client_events if isinstance(e, AudioReceived)]
    assert not any(frame.concealed for frame in frames)
    assert [round(200 * frame.pcm[0]) for frame in frames] == list(range(len(frames)))
    assert len(frames) >= 99
    assert client.counters.srtp_failed == 0
