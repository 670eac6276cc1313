"""Answers: what is taken, what is refused, and that real peers accept the text."""

from __future__ import annotations

import asyncio

import pytest
from aiortc import RTCPeerConnection, RTCSessionDescription

from antiphase.media.answer import AnswerPolicy, negotiate, write_description
from antiphase.media.dtls import Certificate
from antiphase.media.ice import IceCredentials
from antiphase.media.sdp import parse_description

AUDIO = """m=audio 9 UDP/TLS/RTP/SAVPF 111 0
a=mid:{mid}
a={direction}
a=rtpmap:111 opus/48000/2
a=fmtp:111 sprop-stereo={stereo}
a=ice-ufrag:abcd
a=ice-pwd:abcdefghijklmnopqrstuvwx
a=fingerprint:sha-256 00
a=setup:actpass
"""


def offer(*sections: str) -> str:
    return "v=0\no=- 1 1 IN IP4 0.0.0.0\ns=-\nt=0 0\n" + "".join(sections)


def audio(mid: str = "0", direction: str = "sendrecv", stereo: int = 0) -> str:
    return AUDIO.format(mid=mid, direction=direction, stereo=stereo)


VIDEO = "m=video 9 UDP/TLS/RTP/SAVPF 96\na=mid:v\na=rtpmap:96 VP8/90000\n"


def answer(text: str, policy: AnswerPolicy) -> str:
    sections = negotiate(parse_description(text), policy)
    mine = IceCredentials.generate()
    return write_description(
        sections, mine, Certificate().fingerprint, (("127.0.0.1", 5000),), policy
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
        await peer.setRemoteDescription(RTCSessionDescription(text, "answer"))
        state = str(peer.signalingState)
        await peer.close()
        return state

    assert asyncio.run(run()) == "stable"
