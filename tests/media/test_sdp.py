"""Offers of real peers are read right, hostile ones are refused in one line."""

from __future__ import annotations

import asyncio

import pytest
from aiortc import RTCPeerConnection
from hypothesis import given, settings
from hypothesis import strategies as st

from antiphase.errors import ProtocolError
from antiphase.media.sdp import parse_description

FINGERPRINT = ":".join(["A1:B2:C3:D4:E5:F6:07:18"] * 4)
CHROMIUM = f"""v=0
o=- 4611731400430051336 2 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0 1
a=extmap-allow-mixed
a=msid-semantic: WMS stream
m=audio 9 UDP/TLS/RTP/SAVPF 111 63 9 0 8 13 110 126
c=IN IP4 0.0.0.0
a=rtcp:9 IN IP4 0.0.0.0
a=candidate:1 1 udp 2113937151 5f0ac3d2-9f3c-4a6e-a0d5-6b9d3f6f0f7e.local 50123 typ host
a=ice-ufrag:Zk4W
a=ice-pwd:3uxjGC3oRzkOZqFZ8Dz0Wm6q
a=ice-options:trickle
a=fingerprint:sha-256 {FINGERPRINT}
a=setup:actpass
a=mid:0
a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level
a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid
a=sendrecv
a=msid:stream track
a=rtcp-mux
a=rtcp-rsize
a=rtpmap:111 opus/48000/2
a=rtcp-fb:111 transport-cc
a=fmtp:111 minptime=10;useinbandfec=1
a=rtpmap:63 red/48000/2
a=fmtp:63 111/111
a=rtpmap:9 G722/8000
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:13 CN/8000
a=rtpmap:110 telephone-event/48000
a=rtpmap:126 telephone-event/8000
a=ssrc:3735928559 cname:c
a=ssrc:3735928559 msid:stream track
m=application 9 UDP/DTLS/SCTP webrtc-datachannel
c=IN IP4 0.0.0.0
a=ice-ufrag:Zk4W
a=ice-pwd:3uxjGC3oRzkOZqFZ8Dz0Wm6q
a=fingerprint:sha-256 {FINGERPRINT}
a=setup:actpass
a=mid:1
a=sctp-port:5000
a=max-message-size:262144
"""


def test_a_browsers_offer() -> None:
    """Formats, sources, extension id and data channel of a browser's offer are found."""
    offer = parse_description(CHROMIUM)
    audio, data = offer.media
    assert [f.name for f in audio.formats] == ["opus", "G722", "PCMU", "PCMA"]
    assert audio.ssrcs == (3735928559,)
    assert (audio.mid, audio.mid_extension, audio.direction) == ("0", 4, "sendrecv")
    assert data.sctp_port == 5000
    assert offer.credentials.ufrag == "Zk4W"
    assert offer.setup == "actpass"


def test_mdns_candidates_are_left_out() -> None:
    """Names that hide the peer's address are not resolved."""
    assert parse_description(CHROMIUM).candidates == ()


def test_static_payload_types_need_no_map() -> None:
    """PCMU and PCMA are known by number (RFC 3551)."""
    lines = [x for x in CHROMIUM.splitlines() if not x.startswith(("a=rtpmap:0", "a=rtpmap:8"))]
    audio = parse_description("\n".join(lines)).media[0]
    assert [f.name for f in audio.formats] == ["opus", "G722", "PCMU", "PCMA"]


def test_aiortcs_offer() -> None:
    """The offer of another implementation reads without a special case."""

    async def make() -> str:
        peer = RTCPeerConnection()
        peer.addTransceiver("audio")
        peer.createDataChannel("x")
        await peer.setLocalDescription(await peer.createOffer())
        text = peer.localDescription.sdp
        await peer.close()
        return str(text)

    offer = parse_description(asyncio.run(make()))
    assert [m.kind for m in offer.media] == ["audio", "application"]
    assert "opus" in [f.name for f in offer.media[0].formats]


def without(prefix: str) -> str:
    return "\n".join(line for line in CHROMIUM.splitlines() if not line.startswith(prefix))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "v=0"),
        ("v=0\n", "m-line"),
        (CHROMIUM + "a=x:" + "y" * 10_000_000, "bytes"),
        (CHROMIUM + "m=audio 9 UDP/TLS/RTP/SAVPF 0\n" * 200, "m-lines"),
        (CHROMIUM + "a=x\n" * 2000, "lines"),
        (CHROMIUM.replace("a=rtcp-mux", "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:x"), "crypto"),
        (without("a=fingerprint"), "fingerprint"),
        (without("a=ice-pwd"), "ice-pwd"),
        (without("a=ice-ufrag"), "ice-ufrag"),
        (CHROMIUM.replace("a=mid:1", "a=mid:0"), "twice"),
        (CHROMIUM.replace("SAVPF 111", "SAVPF 72 111"), "payload type 72"),
        (CHROMIUM.replace("SAVPF 111", "SAVPF x"), "malformed"),
        (CHROMIUM.replace("opus/48000/2", "opus/fast"), "malformed"),
        (CHROMIUM.replace("m=audio 9 UDP", "m=audio nine UDP"), "malformed"),
    ],
    ids=lambda v: v if len(v) < 30 else "sdp",
)
def test_bad_offers_are_refused_with_the_reason(text: str, reason: str) -> None:
    """Each kind of bad or hostile SDP raises one error that names what is wrong."""
    with pytest.raises(ProtocolError, match=reason) as caught:
        parse_description(text)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 200


@settings(max_examples=300)
@given(st.data())
def test_mutated_offers_raise_one_error(data: st.DataObject) -> None:
    """Lines dropped, repeated, cut or scrambled give a description or ProtocolError."""
    lines = CHROMIUM.splitlines()
    for _ in range(data.draw(st.integers(1, 6))):
        k = data.draw(st.integers(0, len(lines) - 1))
        change = data.draw(st.sampled_from(["drop", "repeat", "cut", "insert"]))
        if change == "drop" and len(lines) > 1:
            del lines[k]
        elif change == "repeat":
            lines.insert(k, lines[k])
        elif change == "cut":
            lines[k] = lines[k][: data.draw(st.integers(0, len(lines[k])))]
        else:
            lines[k] += data.draw(st.text(max_size=8))
    try:
        parse_description("\n".join(lines))
    except ProtocolError:
        return
