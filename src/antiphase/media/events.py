"""What the media core tells its driver, and what it counts."""

from __future__ import annotations

from dataclasses import dataclass, fields

from antiphase.media.audio import AudioFrame
from antiphase.media.datachannel import ChannelEvent

__all__ = [
    "AudioReceived",
    "ChannelChanged",
    "Closed",
    "Connected",
    "Counters",
    "Event",
]


@dataclass(frozen=True)
class Connected:
    """The peer's DTLS handshake is done and its fingerprint matched; media may flow."""

    session_id: str


@dataclass(frozen=True)
class AudioReceived:
    """A frame of the peer's audio, also concealed ones, in order."""

    session_id: str
    mid: str
    frame: AudioFrame


@dataclass(frozen=True)
class ChannelChanged:
    """Something happened on a data channel: it opened, closed, or a message arrived."""

    session_id: str
    change: ChannelEvent


@dataclass(frozen=True)
class Closed:
    """The session is gone and its place is free; `reason` is one line."""

    session_id: str
    reason: str


Event = Connected | AudioReceived | ChannelChanged | Closed


@dataclass
class Counters:
    """How many datagrams were dropped and why; one number per reason."""

    ungated: int = 0
    """Not STUN, from a source that passed no authenticated check."""
    stun_malformed: int = 0
    stun_unknown: int = 0
    """STUN for no session of ours."""
    stun_unauthenticated: int = 0
    stun_replayed: int = 0
    """Checks that had come before, now from elsewhere."""
    junk: int = 0
    """Gated source, but neither DTLS nor RTP."""
    dtls_failed: int = 0
    srtp_failed: int = 0
    """Forged or broken SRTP."""
    srtp_replayed: int = 0
    """SRTP with numbers that had come before, apart from the repeats that are due."""
    rtp_unknown: int = 0
    """RTP that belongs to no section."""
    rtcp_malformed: int = 0
    sctp_failed: int = 0
    """Data channel packets that broke the association's rules."""
    sdp_refused: int = 0
    unencodable: int = 0
    """Frames that did not fit the format of the section that they were to go to."""
    upward_dropped: int = 0
    """Datagrams for Python that a full queue of the native loop had no place for."""
    outgoing_dropped: int = 0
    """Datagrams that the driver or the kernel did not take in time."""

    def plus(self, other: dict[str, int]) -> Counters:
        """Return the sum with counts by name; names that are no counter here are left out."""
        sums = {f.name: getattr(self, f.name) + other.get(f.name, 0) for f in fields(self)}
        return Counters(**sums)
