"""Whether an answer holds only what its offer did (RFC 3264), read by aiortc's parser, not ours."""

from __future__ import annotations

import re

from aiortc.sdp import MediaDescription, SessionDescription

__all__ = ["check_answer"]

TURNED = {
    "sendrecv": {"sendrecv", "sendonly", "recvonly", "inactive"},
    "sendonly": {"recvonly", "inactive"},
    "recvonly": {"sendonly", "inactive"},
    "inactive": {"inactive"},
}
# What a side says of itself, whatever the other said.
OWN = {
    *("candidate", "end-of-candidates", "ice-ufrag", "ice-pwd", "fingerprint", "setup"),
    *("mid", "msid", "ssrc", "ptime", "fmtp", "max-message-size"),
}
OPUS = {"minptime", "useinbandfec", "stereo", "sprop-stereo"}  # RFC 7587 §6.1


def check_answer(offer_text: str, answer_text: str) -> None:
    """Check sections, codecs, feedback, extensions, directions, bundle; all else by name."""
    offer, answer = SessionDescription.parse(offer_text), SessionDescription.parse(answer_text)
    assert [(m.kind, m.rtp.muxId) for m in answer.media] == [
        (m.kind, m.rtp.muxId) for m in offer.media
    ]
    taken = []
    for section, asked, lines, asked_lines in zip(
        answer.media, offer.media, _sections(answer_text), _sections(offer_text), strict=True
    ):
        assert section.profile == asked.profile
        if section.port == 0:
            continue
        taken.append(str(section.rtp.muxId))
        assert asked.port != 0
        assert _names(lines) - OWN <= _names(asked_lines) | {*TURNED, "rtpmap"}
        if section.kind == "audio":
            _check_audio(section, asked)
    bundled = _bundled(answer)
    assert set(bundled) <= set(_bundled(offer))
    assert bundled == taken or len(taken) <= 1


def _check_audio(section: MediaDescription, asked: MediaDescription) -> None:
    assert section.rtcp_mux
    assert asked.rtcp_mux
    assert section.direction in TURNED[asked.direction or "sendrecv"]
    assert set(section.fmt) <= set(asked.fmt)
    offered = {c.payloadType: c for c in asked.rtp.codecs}
    for codec in section.rtp.codecs:
        if codec.payloadType not in offered:  # a static number without a map
            assert codec.payloadType in {0, 8, 9, 10, 11}
            continue
        theirs = offered[codec.payloadType]
        assert (codec.mimeType.lower(), codec.clockRate, codec.channels) == (
            theirs.mimeType.lower(),
            theirs.clockRate,
            theirs.channels,
        )
        assert all(f in theirs.rtcpFeedback for f in codec.rtcpFeedback)
        assert set(codec.parameters) <= set(theirs.parameters) | OPUS
    extensions = [(x.id, x.uri) for x in asked.rtp.headerExtensions]
    assert all((x.id, x.uri) in extensions for x in section.rtp.headerExtensions)


def _bundled(description: SessionDescription) -> list[str]:
    groups = [group.items for group in description.group if group.semantic == "BUNDLE"]
    return [str(mid) for mid in groups[0]] if groups else []


def _sections(text: str) -> list[list[str]]:
    return [part.splitlines() for part in re.split(r"^(?=m=)", text, flags=re.MULTILINE)[1:]]


def _names(lines: list[str]) -> set[str]:
    return {m[1] for line in lines if (m := re.match(r"a=([\w-]+)", line))}
