"""Which of an offer's sections we take, with which format, and the SDP text that says so."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace

from antiphase.media.dtls import Fingerprint
from antiphase.media.ice import IceCredentials
from antiphase.media.payload import AudioFormat
from antiphase.media.sdp import MID_URI, Description, MediaSection
from antiphase.media.tcp import is_tcp

__all__ = ["AnswerPolicy", "NegotiatedSection", "negotiate", "write_description"]

_TURNED = {
    "sendrecv": "sendrecv",
    "sendonly": "recvonly",
    "recvonly": "sendonly",
    "inactive": "inactive",
}


@dataclass(frozen=True)
class AnswerPolicy:
    """What we prefer.

    Parameters
    ----------
    formats : tuple of str
        Format names in upper case, best first; others are refused.
    ptime_ms : float or None
        Packet length that we ask for.
    stereo : bool
        Whether we ask for Opus in stereo.
    max_audio : int
        Audio sections that are taken; further ones are refused with port 0.
    """

    formats: tuple[str, ...] = ("OPUS", "L16", "G722", "PCMU", "PCMA")
    ptime_ms: float | None = None
    stereo: bool = False
    max_audio: int = 8


@dataclass(frozen=True)
class NegotiatedSection:
    """One section of the answer: the offer's section, what we chose, and our own sending side."""

    offer: MediaSection
    accepted: bool
    direction: str = "inactive"
    form: AudioFormat | None = None
    ssrc: int | None = None

    @property
    def receives(self) -> bool:
        """Whether the peer may send to us on it."""
        return self.accepted and self.direction in {"sendrecv", "recvonly"}

    @property
    def sends(self) -> bool:
        """Whether we may send to the peer on it."""
        return self.accepted and self.direction in {"sendrecv", "sendonly"}


def negotiate(offer: Description, policy: AnswerPolicy) -> tuple[NegotiatedSection, ...]:
    """Choose for each section of an offer.

    Parameters
    ----------
    offer : Description
        The peer's.
    policy : AnswerPolicy
        Ours.

    Returns
    -------
    tuple of NegotiatedSection
        In the offer's order; refused are video, unknown transports, audio without a common format
        or without ``a=rtcp-mux``, and what the offer does not bundle with the first section that is
        taken (there is one port).
    """
    taken: list[MediaSection] = []
    sections = []
    for media in offer.media:
        form = _choose(media, policy) if media.kind == "audio" else None
        audio = sum(m.kind == "audio" for m in taken)
        apart = bool(taken) and not {taken[0].mid, media.mid} <= set(offer.bundle)
        data = (
            media.kind == "application"
            and media.protocol.endswith("DTLS/SCTP")
            and media.sctp_port is not None
        )
        sound = form is not None and "SAVP" in media.protocol and media.rtcp_mux
        if media.rejected or apart or not (data or (sound and audio < policy.max_audio)):
            sections.append(NegotiatedSection(media, accepted=False))
            continue
        taken.append(media)
        direction = "sendrecv" if data else _TURNED[media.direction]
        ssrc = None if data else secrets.randbits(32)
        sections.append(NegotiatedSection(media, True, direction, form, ssrc))
    return tuple(sections)


def _choose(media: MediaSection, policy: AnswerPolicy) -> AudioFormat | None:
    for name in policy.formats:
        for form in media.formats:
            if form.kind == name:
                stereo = name == "OPUS" and (policy.stereo or form.channels == 2)
                return replace(form, channels=2) if stereo else form
    return None


def write_description(
    sections: tuple[NegotiatedSection, ...],
    credentials: IceCredentials,
    fingerprint: Fingerprint,
    candidates: tuple[tuple[str, int], ...],
    policy: AnswerPolicy,
    *,
    bundle: tuple[str, ...] = (),
    setup: str = "passive",
    lite: bool = True,
) -> str:
    """Return the SDP text of an answer (or, with one format a section, of an offer).

    Parameters
    ----------
    sections : tuple of NegotiatedSection
        From `negotiate`.
    credentials, fingerprint
        Ours.
    candidates : tuple of (str, int)
        Our addresses and ports, most preferred first.
    policy : AnswerPolicy
        As given to `negotiate`.
    bundle : tuple of str
        The mids that the offer has in one group; without one none is answered.
    setup : str
        DTLS role: "passive" in our answers, "actpass" in offers.
    lite : bool
        Whether we are an ICE-lite agent.
    """
    group = [s.offer.mid for s in sections if s.accepted and s.offer.mid in bundle]
    lines = [
        "v=0",
        f"o=- {secrets.randbits(62)} 2 IN IP4 127.0.0.1",
        "s=-",
        "t=0 0",
        *(["a=ice-lite"] if lite else []),
        *([f"a=group:BUNDLE {' '.join(group)}"] if group else []),
        "a=msid-semantic: WMS *",
    ]
    for section in sections:
        lines += _section_lines(section, policy)
        if section.accepted:
            lines += _transport_lines(credentials, fingerprint, candidates, setup)
    return "\r\n".join(lines) + "\r\n"


def _section_lines(section: NegotiatedSection, policy: AnswerPolicy) -> list[str]:
    offer, form = section.offer, section.form
    if not section.accepted:
        return [
            f"m={offer.kind} 0 {offer.protocol} {offer.first_format}",
            "c=IN IP4 0.0.0.0",
            f"a=mid:{offer.mid}",
            "a=inactive",
        ]
    if form is None:
        return [
            f"m={offer.kind} 9 {offer.protocol} {offer.first_format}",
            "c=IN IP4 0.0.0.0",
            f"a=mid:{offer.mid}",
            "a=sctp-port:5000",
            "a=max-message-size:65536",
        ]
    channels = "/2" if form.kind == "OPUS" else f"/{form.channels}" if form.channels > 1 else ""
    lines = [
        f"m=audio 9 {offer.protocol} {form.payload_type}",
        "c=IN IP4 0.0.0.0",
        f"a=mid:{offer.mid}",
        f"a={section.direction}",
        "a=rtcp-mux",
        f"a=rtpmap:{form.payload_type} {form.name}/{form.clock_rate}{channels}",
    ]
    if not {(str(form.payload_type), "nack"), ("*", "nack")}.isdisjoint(offer.feedback):
        lines.append(f"a=rtcp-fb:{form.payload_type} nack")
    if form.kind == "OPUS":
        stereo = ";stereo=1;sprop-stereo=1" if form.channels == 2 else ""
        lines.append(f"a=fmtp:{form.payload_type} minptime=10;useinbandfec=1{stereo}")
    if policy.ptime_ms is not None:
        lines.append(f"a=ptime:{policy.ptime_ms:g}")
    if offer.mid_extension is not None:
        lines.append(f"a=extmap:{offer.mid_extension} {MID_URI}")
    if section.sends and section.ssrc is not None:
        lines += [f"a=msid:antiphase {offer.mid}", f"a=ssrc:{section.ssrc} cname:antiphase"]
    return lines


def _transport_lines(
    credentials: IceCredentials,
    fingerprint: Fingerprint,
    candidates: tuple[tuple[str, int], ...],
    setup: str,
) -> list[str]:
    lines = [
        f"a=ice-ufrag:{credentials.ufrag}",
        f"a=ice-pwd:{credentials.password}",
        f"a=fingerprint:{fingerprint.algorithm} {fingerprint.value}",
        f"a=setup:{setup}",
    ]
    for rank, address in enumerate(candidates):
        tcp, host = is_tcp(address), address[0].partition("%")[0]
        kind, tail = ("tcp", " tcptype passive") if tcp else ("udp", "")
        priority = ((90 if tcp else 126) << 24) | ((65535 - rank) << 8) | 255
        lines.append(
            f"a=candidate:{rank + 1} 1 {kind} {priority} {host} {address[1]} typ host{tail}"
        )
    return [*lines, "a=end-of-candidates"] if candidates else [*lines, "a=ice-options:trickle"]
