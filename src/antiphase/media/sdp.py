"""SDP (RFC 8866) as WebRTC uses it (RFC 8829): offers read under limits, answers written.

Own reader instead of aiortc's: that one knows no payload type without an ``a=rtpmap``, drops
``a=ptime``, and checks input by assertions.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field

from antiphase.errors import ProtocolError
from antiphase.media.dtls import Fingerprint
from antiphase.media.ice import IceCredentials
from antiphase.media.payload import AudioFormat, known_format

__all__ = ["MID_URI", "Description", "MediaSection", "SdpLimits", "parse_description"]

MID_URI = "urn:ietf:params:rtp-hdrext:sdes:mid"
DIRECTIONS = ("sendrecv", "sendonly", "recvonly", "inactive")
_STATIC = {
    number: AudioFormat(name, number, rate, channels)
    for number, name, rate, channels in (
        (0, "PCMU", 8000, 1),
        (8, "PCMA", 8000, 1),
        (9, "G722", 8000, 1),
        (10, "L16", 44100, 2),
        (11, "L16", 44100, 1),
    )
}
"""Formats whose numbers need no ``a=rtpmap`` (RFC 3551 table 4)."""


@dataclass(frozen=True)
class SdpLimits:
    """What a description may hold before it is refused unread.

    Parameters
    ----------
    max_bytes : int
        Size of the text.
    max_media : int
        m-lines.
    max_lines : int
        Lines of one section.
    max_formats : int
        Payload types of one m-line.
    """

    max_bytes: int = 65536
    max_media: int = 16
    max_lines: int = 1000
    max_formats: int = 64


@dataclass(frozen=True)
class MediaSection:
    """One m-line of a description.

    Parameters
    ----------
    kind : str
        "audio", "video" or "application".
    mid : str
        Its identification tag.
    direction : str
        From the describing side's point of view.
    formats : tuple of AudioFormat
        Audio formats in the order of preference, those that we don't know left out.
    ssrcs : tuple of int
        Announced synchronisation sources.
    mid_extension : int or None
        Header extension id of the MID, where it is for both directions.
    ptime_ms : float or None
        Packet length asked for.
    sctp_port : int or None
        Of a data channel section.
    rejected : bool
        Port 0 without bundle-only: the section is not in use.
    protocol : str
        Third field of the m-line.
    first_format : str
        Fourth field of the m-line.
    rtcp_mux : bool
        Whether RTP and RTCP may share a port.
    feedback : frozenset of (str, str)
        RTCP feedback that may be sent: payload type or "*", and what (``nack``).
    """

    kind: str
    mid: str
    direction: str
    formats: tuple[AudioFormat, ...]
    ssrcs: tuple[int, ...]
    mid_extension: int | None
    ptime_ms: float | None
    sctp_port: int | None
    rejected: bool
    protocol: str
    first_format: str
    rtcp_mux: bool = True
    feedback: frozenset[tuple[str, str]] = frozenset()


@dataclass(frozen=True)
class Description:
    """A whole offer or answer; credentials and fingerprints are those of the bundle.

    `bundle` has the mids that may share one transport, empty where there is no such group.
    """

    credentials: IceCredentials
    fingerprints: tuple[Fingerprint, ...]
    setup: str
    media: tuple[MediaSection, ...]
    candidates: tuple[tuple[str, int], ...] = ()
    ice_lite: bool = False
    bundle: tuple[str, ...] = ()


@dataclass
class _Section:
    lines: list[str] = field(default_factory=list)

    def values(self, name: str) -> list[str]:
        prefix = f"a={name}:"
        return [line[len(prefix) :].strip() for line in self.lines if line.startswith(prefix)]

    def value(self, name: str) -> str | None:
        found = self.values(name)
        return found[0] if found else None

    def flag(self, name: str) -> bool:
        return f"a={name}" in self.lines


def _split(text: str, limits: SdpLimits) -> tuple[_Section, list[_Section]]:
    try:
        size = len(text) if len(text) > limits.max_bytes else len(text.encode())
    except UnicodeEncodeError as error:
        raise ProtocolError("SDP has characters that UTF-8 can't carry") from error
    if size > limits.max_bytes:
        raise ProtocolError(f"SDP has {size} bytes, at most {limits.max_bytes} are taken")
    session = _Section()
    media: list[_Section] = []
    current = session
    for raw in text.splitlines():
        line = raw.strip()
        if line.startswith("m="):
            if len(media) == limits.max_media:
                raise ProtocolError(f"SDP has more than {limits.max_media} m-lines")
            current = _Section()
            media.append(current)
        if len(current.lines) == limits.max_lines:
            raise ProtocolError(f"SDP section has more than {limits.max_lines} lines")
        current.lines.append(line)
    if not media or not session.lines or not session.lines[0].startswith("v=0"):
        raise ProtocolError("SDP must begin with v=0 and have at least one m-line")
    return session, media


def _fingerprints(*sections: _Section) -> tuple[Fingerprint, ...]:
    found = []
    for section in sections:
        for value in section.values("fingerprint"):
            algorithm, _, digest = value.partition(" ")
            found.append(Fingerprint(algorithm, digest.strip()))
    return tuple(dict.fromkeys(found))


def _formats(section: _Section, numbers: list[str]) -> tuple[AudioFormat, ...]:
    maps = dict(value.partition(" ")[::2] for value in section.values("rtpmap"))
    parameters = dict(value.partition(" ")[::2] for value in section.values("fmtp"))
    found = []
    for number in numbers:
        payload_type = int(number)
        if not 0 <= payload_type <= 127 or 64 <= payload_type <= 95:
            raise ProtocolError(f"payload type {payload_type} is not allowed")
        pairs = (p.strip().partition("=") for p in parameters.get(number, "").split(";"))
        options = {key.lower(): value for key, _, value in pairs if key}
        if number in maps:
            name, _, rest = maps[number].partition("/")
            rate, _, channels = rest.partition("/")
            count = int(channels or 1)
            if name.lower() == "opus":
                count = 2 if options.get("sprop-stereo") == "1" else 1
            form = AudioFormat(name, payload_type, int(rate), count, options)
        elif payload_type in _STATIC:
            form = _STATIC[payload_type]
        else:
            continue
        if known_format(form):
            found.append(form)
    return tuple(found)


def _candidates(section: _Section) -> list[tuple[str, int]]:
    """Addresses of UDP candidates by number; names (mDNS) are left out, a check will tell."""
    found = []
    for value in section.values("candidate"):
        parts = value.split()
        if len(parts) < 8 or parts[2].lower() != "udp":
            continue
        port = int(parts[5])
        if _is_address(parts[4]) and 0 < port < 65536:
            found.append((parts[4], port))
    return found


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _mid_extension(section: _Section, mid: str) -> int | None:
    """Return the id under which both sides may name the section in each packet."""
    for value in section.values("extmap"):
        name, uri = value.split()[:2]
        number, _, direction = name.partition("/")
        if uri == MID_URI and direction in {"", "sendrecv"}:
            # One-byte header extensions (RFC 8285) have ids 1 … 14 and up to 16 bytes.
            fits = 1 <= int(number) <= 14 and len(mid.encode()) <= 16
            return int(number) if fits else None
    return None


def _media(section: _Section, index: int, limits: SdpLimits) -> MediaSection:
    parts = section.lines[0][2:].split()
    if len(parts) < 4:
        raise ProtocolError("SDP m-line is cut short")
    kind, port, protocol, *numbers = parts
    if len(numbers) > limits.max_formats:
        raise ProtocolError(f"SDP m-line has more than {limits.max_formats} formats")
    mid = section.value("mid") or str(index)
    if len(mid.split()) != 1:
        raise ProtocolError("SDP has a mid with a space")
    ptime = section.value("ptime")
    sctp = section.value("sctp-port")
    ssrcs = dict.fromkeys(int(value.split()[0]) for value in section.values("ssrc"))
    return MediaSection(
        kind=kind,
        mid=mid,
        direction=next((d for d in DIRECTIONS if section.flag(d)), "sendrecv"),
        formats=_formats(section, numbers) if kind == "audio" else (),
        ssrcs=tuple(ssrcs),
        mid_extension=_mid_extension(section, mid),
        ptime_ms=float(ptime) if ptime else None,
        sctp_port=int(sctp) if sctp else None,
        rejected=int(port) == 0 and not section.flag("bundle-only"),
        protocol=protocol,
        first_format=numbers[0],
        rtcp_mux=section.flag("rtcp-mux"),
        feedback=frozenset(v.partition(" ")[::2] for v in section.values("rtcp-fb")),
    )


def parse_description(text: str, limits: SdpLimits | None = None) -> Description:
    """Read an offer or answer.

    Parameters
    ----------
    text : str
        The SDP.
    limits : SdpLimits, optional
        Sizes above which it is refused.

    Raises
    ------
    ProtocolError
        If it is malformed, too large, lacks ICE credentials or a fingerprint, or asks for keys in
        clear text (``a=crypto``); the message is one line.
    """
    limits = limits or SdpLimits()
    session, sections = _split(text, limits)
    if any(line.startswith("a=crypto") for s in sections for line in s.lines):
        raise ProtocolError("SDP has a=crypto; keys are only taken from DTLS")
    try:
        media = tuple(_media(s, k, limits) for k, s in enumerate(sections))
        candidates = tuple(dict.fromkeys(c for s in sections for c in _candidates(s)))
    except (ValueError, IndexError) as error:
        raise ProtocolError(f"SDP is malformed: {error}") from error
    if len({m.mid for m in media}) != len(media):
        raise ProtocolError("SDP has the same mid twice")
    first = next((s for s, m in zip(sections, media, strict=True) if not m.rejected), sections[0])
    ufrag = first.value("ice-ufrag") or session.value("ice-ufrag")
    password = first.value("ice-pwd") or session.value("ice-pwd")
    if not ufrag or not password or len(ufrag) > 256 or not 22 <= len(password) <= 256:
        raise ProtocolError("SDP has no usable ice-ufrag and ice-pwd")
    groups = [value.split() for value in session.values("group")]
    fingerprints = _fingerprints(session, first)
    if not fingerprints:
        raise ProtocolError("SDP has no DTLS fingerprint")
    return Description(
        credentials=IceCredentials(ufrag, password),
        fingerprints=fingerprints,
        setup=first.value("setup") or session.value("setup") or "actpass",
        media=media,
        candidates=candidates,
        ice_lite=session.flag("ice-lite"),
        bundle=next((tuple(mids) for kind, *mids in filter(None, groups) if kind == "BUNDLE"), ()),
    )
