"""Answers: what is taken, what is refused, and that real peers accept the text."""

from __future__ import annotations

import asyncio
import re

import pytest
from aiortc import RTCPeerConnection, RTCSessionDescription
from hypothesis import given, settings
from hypothesis import strategies as st

from antiphase.media.answer import AnswerPolicy, negotiate, write_description
from antiphase.media.ice import IceCredentials
from antiphase.media.sdp import MID_URI, parse_description
from tests.media.link import CERTIFICATE
from tests.media.offer_answer import check_answer

AUDIO = """m=audio 9 UDP/TLS/RTP/SAVPF 111 0
a=mid:{mid}
a={direction}
a=rtcp-mux
a=rtpmap:111 opus/48000/2
a=fmtp:111 sprop-stereo={stereo}
a=ice-ufrag:abcd
a=ice-pwd:abcdefghijklmnopqrstuvwx
a=fingerprint:sha-256 00
a=setup:actpass
"""


def offer(*sections: str, bundle: str | None = None) -> str:
    """Return an offer with all its sections in one bundle, or those named."""
    if bundle is None:
        bundle = " ".join(re.findall("a=mid:(.*)", "".join(sections)))
    group = f"a=group:BUNDLE {bundle}\n" if bundle else ""
    return "v=0\no=- 1 1 IN IP4 0.0.0.0\ns=-\nt=0 0\n" + group + "".join(sections)


def audio(mid: str = "0", direction: str = "sendrecv", stereo: int = 0) -> str:
    return AUDIO.format(mid=mid, direction=direction, stereo=stereo)


VIDEO = "m=video 9 UDP/TLS/RTP/SAVPF 96\na=mid:v\na=rtcp-mux\na=rtpmap:96 VP8/90000\n"
DATA = "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\na=mid:d\na=sctp-port:5000\n"


def answer(text: str, policy: AnswerPolicy) -> str:
    description = parse_description(text)
    return write_description(
        negotiate(description, policy),
        IceCredentials.generate(),
        CERTIFICATE.fingerprint,
        (("127.0.0.1", 5000),),
        policy,
        bundle=description.bundle,
    )


@pytest.mark.parametrize(
    ("theirs", "ours", "receives", "sends"),
    [
        ("sendrecv", "sendrecv", True, True),
        ("sendonly", "recvonly", True, False),
        ("recvonly", "sendonly", False, True),
        ("inactive", "inactive", False, False),
    ],
)
def test_directions_are_turned_round(theirs: str, ours: str, receives: bool, sends: bool) -> None:
    """What the peer sends we receive."""
    section = negotiate(parse_description(offer(audio(direction=theirs))), AnswerPolicy())[0]
    assert (section.direction, section.receives, section.sends) == (ours, receives, sends)


def test_our_preference_decides_the_format() -> None:
    """The first of our formats that the offer has is taken, whatever the offer's order."""
    section = negotiate(parse_description(offer(audio())), AnswerPolicy(formats=("PCMU",)))[0]
    assert section.form is not None
    assert section.form.name == "PCMU"


@pytest.mark.parametrize(
    ("offered", "asked", "channels"), [(0, False, 1), (1, False, 2), (0, True, 2)]
)
def test_stereo_when_either_side_wants_it(offered: int, asked: bool, channels: int) -> None:
    """Opus is stereo if the offer sends it so or the policy asks."""
    policy = AnswerPolicy(stereo=asked)
    section = negotiate(parse_description(offer(audio(stereo=offered))), policy)[0]
    assert section.form is not None
    assert section.form.channels == channels


def test_video_and_foreign_codecs_are_refused_with_port_0() -> None:
    """Refused sections stay in the answer, in order, outside the bundle."""
    foreign = audio("x").replace("111 0", "112").replace("rtpmap:111 opus", "rtpmap:112 SILK")
    text = answer(offer(audio("a"), VIDEO, foreign), AnswerPolicy())
    ports = [line.split()[1] for line in text.splitlines() if line.startswith("m=")]
    assert ports == ["9", "0", "0"]
    assert "a=group:BUNDLE a\r\n" in text


def test_no_more_audio_sections_than_allowed() -> None:
    """Sections beyond the limit are refused, the first ones work."""
    sections = negotiate(
        parse_description(offer(*(audio(str(k)) for k in range(4)))), AnswerPolicy(max_audio=2)
    )
    assert [s.accepted for s in sections] == [True, True, False, False]


def test_aiortc_accepts_the_answer() -> None:
    """A peer that we didn't write sets the answer to its own offer without complaint."""

    async def run() -> str:
        peer = RTCPeerConnection()
        peer.addTransceiver("audio")
        peer.createDataChannel("x")
        await peer.setLocalDescription(await peer.createOffer())
        text = answer(peer.localDescription.sdp, AnswerPolicy(ptime_ms=10))
        check_answer(peer.localDescription.sdp, text)
        await peer.setRemoteDescription(RTCSessionDescription(text, "answer"))
        state = str(peer.signalingState)
        await peer.close()
        return state

    assert asyncio.run(run()) == "stable"


def taken(text: str) -> list[str]:
    """Return the mids that an answer takes."""
    sections = parse_description(answer(text, AnswerPolicy())).media
    return [m.mid for m in sections if not m.rejected]


def test_one_port_takes_one_bundle() -> None:
    """Sections outside of the first one's bundle would need a port of their own: refused."""
    sections = (audio("a"), audio("b"), DATA)
    assert taken(offer(*sections)) == ["a", "b", "d"]
    assert taken(offer(*sections, bundle="a d")) == ["a", "d"]
    assert taken(offer(*sections, bundle="b d")) == ["a"]
    assert taken(offer(*sections, bundle="")) == ["a"]
    assert "BUNDLE" not in answer(offer(*sections, bundle=""), AnswerPolicy())


def test_reports_on_a_port_of_their_own_are_refused() -> None:
    """Audio without a=rtcp-mux is not taken, and its answer does not speak of it."""
    text = answer(offer(audio().replace("a=rtcp-mux\n", "")), AnswerPolicy())
    assert "m=audio 0 " in text
    assert "rtcp-mux" not in text


@pytest.mark.parametrize(
    ("lines", "answered"),
    [
        ("", False),
        ("a=rtcp-fb:111 transport-cc\n", False),
        ("a=rtcp-fb:0 nack\n", False),
        ("a=rtcp-fb:111 nack pli\n", False),
        ("a=rtcp-fb:111 nack\n", True),
        ("a=rtcp-fb:* nack\n", True),
    ],
)
def test_retransmission_is_answered_where_it_is_offered(lines: str, answered: bool) -> None:
    """Generic NACK for the chosen payload type, or for all of them."""
    text = answer(offer(audio() + lines), AnswerPolicy())
    assert ("a=rtcp-fb:111 nack\r\n" in text) == answered


@pytest.mark.parametrize(
    ("line", "number"),
    [
        (f"a=extmap:4 {MID_URI}\n", 4),
        (f"a=extmap:4/sendrecv {MID_URI}\n", 4),
        (f"a=extmap:4/sendonly {MID_URI}\n", None),
        (f"a=extmap:15 {MID_URI}\n", None),
        (f"a=extmap:4 x{MID_URI}\n", None),
    ],
)
def test_the_mid_extension_is_used_where_both_sides_may(line: str, number: int | None) -> None:
    """One-byte ids for both directions are answered, anything else is left out."""
    text = answer(offer(audio() + line), AnswerPolicy())
    assert (f"a=extmap:{number} {MID_URI}\r\n" in text) == (number is not None)
    assert text.count("extmap") == (number is not None)


CHOICES = (
    f"a=extmap:4 {MID_URI}",
    f"a=extmap:4/recvonly {MID_URI}",
    "a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level",
    "a=rtcp-fb:111 nack",
    "a=rtcp-fb:* nack",
    "a=rtcp-fb:0 nack",
    "a=rtcp-fb:111 transport-cc",
    "a=rtcp-rsize",
    "a=rtcp-mux",
    "a=rtpmap:0 PCMU/8000",
    "a=rtpmap:96 L16/16000/2\na=fmtp:96 x=1",
    "a=ptime:10",
    "a=ssrc:5 cname:c",
    "a=msid:s t",
    "a=setup:active",
)


@settings(max_examples=300)
@given(st.data())
def test_nothing_is_answered_that_was_not_offered(data: st.DataObject) -> None:
    """Any mix of sections, codecs, feedback, extensions, directions and bundles; any policy."""
    sections = []
    for k in range(data.draw(st.integers(1, 4))):
        kind = data.draw(st.sampled_from(["audio", "audio", "video", "data"]))
        mid = f"m{k}"
        if kind != "audio":
            sections.append((VIDEO if kind == "video" else DATA).replace("mid:v", "mid:d"))
            sections[-1] = sections[-1].replace("mid:d", f"mid:{mid}")
            continue
        direction = data.draw(st.sampled_from(["sendrecv", "sendonly", "recvonly", "inactive"]))
        lines = audio(mid, direction, data.draw(st.integers(0, 1))).splitlines()
        numbers = data.draw(st.permutations(["111", "0", "8", "9", "10", "96"]))
        port = data.draw(st.sampled_from(["9", "9", "9", "0"]))
        lines[0] = f"m=audio {port} UDP/TLS/RTP/SAVPF {' '.join(numbers[:3])}"
        if data.draw(st.integers(0, 4)) == 0:
            lines.remove("a=rtcp-mux")
        more = data.draw(st.lists(st.sampled_from(CHOICES), max_size=6, unique=True))
        sections.append("\n".join(lines + [x for x in more if x not in lines]) + "\n")
    mids = [f"m{k}" for k in range(len(sections))]
    bundle = " ".join(data.draw(st.lists(st.sampled_from(mids), unique=True)))
    head = audio("first", "sendrecv", 0)  # whose credentials are the bundle's
    text = offer(head, *sections, bundle=f"first {bundle}" if bundle else "")
    policy = AnswerPolicy(
        formats=tuple(data.draw(st.permutations(["OPUS", "L16", "G722", "PCMU", "PCMA"]))),
        ptime_ms=data.draw(st.sampled_from([None, 10.0])),
        stereo=data.draw(st.booleans()),
        max_audio=data.draw(st.integers(1, 4)),
    )
    check_answer(text, answer(text, policy))
