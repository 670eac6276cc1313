"""A minimal WebRTC client for rigs, devices and load tests: no I/O, one server, audio and data."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from typing import Literal

from antiphase.arrays import Signal
from antiphase.errors import ProtocolError
from antiphase.media.answer import AnswerPolicy, NegotiatedSection, write_description
from antiphase.media.datachannel import DataChannels
from antiphase.media.dtls import Certificate, DtlsTransport, is_dtls
from antiphase.media.events import Closed, Counters, Event
from antiphase.media.ice import IceControllingAgent, IceCredentials
from antiphase.media.payload import AudioFormat
from antiphase.media.rtp import is_rtcp, is_rtp
from antiphase.media.sdp import MediaSection, parse_description
from antiphase.media.session import MediaSession, SessionSettings
from antiphase.media.stun import Address, Message, MessageClass, is_stun

__all__ = ["Client", "ClientTrack"]

_TURNED = {"sendonly": "recvonly", "recvonly": "sendonly"}


@dataclass(frozen=True)
class ClientTrack:
    """One audio track that a client offers.

    Parameters
    ----------
    form : AudioFormat
        The only format offered.
    direction : str
        "sendrecv", "sendonly" or "recvonly" from the client's point of view.
    ptime_ms : float or None
        Packet length asked for.
    """

    form: AudioFormat
    direction: str = "sendrecv"
    ptime_ms: float | None = None


class Client:
    """One session with a server.

    Parameters
    ----------
    tracks : tuple of ClientTrack
        Audio sections, with mids "0", "1", …
    data : bool
        Whether to offer a data channel section (its mid follows the tracks').
    settings : SessionSettings, optional
        How to code.
    certificate : Certificate, optional
        Many clients of one process may share one.
    """

    def __init__(
        self,
        tracks: tuple[ClientTrack, ...],
        *,
        data: bool = False,
        settings: SessionSettings | None = None,
        certificate: Certificate | None = None,
    ) -> None:
        self.tracks = tracks
        self.counters = Counters()
        self.session: MediaSession | None = None
        self._settings = settings or SessionSettings()
        self._certificate = certificate or Certificate()
        self._credentials = IceCredentials.generate()
        self._offered = tuple(_offered(k, track) for k, track in enumerate(tracks))
        if data:
            self._offered += (_offered_data(len(tracks)),)
        self._agent: IceControllingAgent | None = None
        self._outgoing: list[tuple[bytes, Address]] = []
        self._events: list[Event] = []
        self._started = False

    def offer(self) -> str:
        """Return the SDP offer."""
        ptimes = [t.ptime_ms for t in self.tracks if t.ptime_ms is not None]
        return write_description(
            self._offered,
            self._credentials,
            self._certificate.fingerprint,
            (),
            AnswerPolicy(ptime_ms=ptimes[0] if ptimes else None),
            bundle=tuple(section.offer.mid for section in self._offered),
            setup="actpass",
            lite=False,
        )

    def accept(self, answer: str, now: float) -> None:
        """Take the server's answer and begin to connect.

        Raises
        ------
        ProtocolError
            If the answer is malformed or does not fit the offer.
        """
        description = parse_description(answer)
        if len(description.media) != len(self._offered):
            raise ProtocolError("the answer has another number of m-lines than the offer")
        sections = tuple(
            replace(
                mine,
                offer=theirs,
                accepted=not theirs.rejected,
                direction=_TURNED.get(theirs.direction, theirs.direction),
            )
            for mine, theirs in zip(self._offered, description.media, strict=True)
        )
        self._agent = IceControllingAgent(
            self._credentials, description.credentials, description.candidates, now
        )
        role: Literal["server", "client"] = "server" if description.setup == "active" else "client"
        dtls = DtlsTransport(self._certificate, role, description.fingerprints)
        self.session = MediaSession("client", dtls, sections, self._settings, self.counters)
        self._outgoing += self._agent.check(now)

    @property
    def server(self) -> Address | None:
        """Address that answered our checks first, None until then."""
        return None if self._agent is None else self._agent.selected

    @property
    def round_trip(self) -> float | None:
        """Seconds from the newest answered check to its answer, None before the first."""
        return None if self._agent is None else self._agent.round_trip

    @property
    def connected(self) -> bool:
        """Whether media may flow."""
        return self.session is not None and self.session.connected

    def receive(self, datagram: bytes, source: Address, now: float, wall: float) -> None:
        """Take one datagram (see `Endpoint.receive`)."""
        session, agent = self.session, self._agent
        if session is None or agent is None:
            return
        if is_stun(datagram):
            self._receive_stun(datagram, source, now)
        elif source != agent.selected:
            self.counters.ungated += 1
        elif is_dtls(datagram):
            try:
                self._events += session.receive_dtls(datagram, now)
            except ProtocolError as error:
                self.counters.dtls_failed += 1
                self._events.append(Closed(session.session_id, str(error)))
            else:
                if session.dtls.closed:
                    self._events.append(Closed(session.session_id, "closed by the server"))
        elif is_rtp(datagram):
            if is_rtcp(datagram):
                session.receive_rtcp(datagram, now, wall)
            else:
                self._events += session.receive_rtp(datagram, now)
        else:
            self.counters.junk += 1

    def _receive_stun(self, datagram: bytes, source: Address, now: float) -> None:
        session, agent = self.session, self._agent
        try:
            message = Message.parse(datagram)
        except ProtocolError:
            self.counters.stun_malformed += 1
            return
        if session is None or agent is None:
            return
        if message.message_class == MessageClass.REQUEST:
            answer = agent.answer_request(message, source)
            self._outgoing += [] if answer is None else [(answer, source)]
            self.counters.stun_unauthenticated += answer is None
        elif not agent.take_answer(message, source, now):
            self.counters.stun_unauthenticated += 1
        elif not self._started:
            self._started = True
            session.dtls.start()

    def send_audio(self, mid: str, pcm: Signal) -> None:
        """Send one frame; dropped before the connection."""
        if self.session is not None:
            self.session.send_audio(mid, pcm)

    @property
    def channels(self) -> DataChannels | None:
        """The data channels, None before the connection or when none were offered."""
        return None if self.session is None else self.session.channels

    def tick(self, now: float, wall: float) -> None:
        """Run what is due: checks, retransmissions, reports, consent."""
        session, agent = self.session, self._agent
        if session is None or agent is None or session.dtls.closed:
            return
        if agent.expired(now):
            session.dtls.close()
            self._events.append(Closed(session.session_id, "the server stopped answering checks"))
            return
        self._outgoing += agent.check(now)
        wait = session.dtls.timeout() if self._started else None
        if wait is not None and wait <= 0:
            try:
                session.dtls.retransmit()
            except ProtocolError as error:
                self._events.append(Closed(session.session_id, str(error)))
        self._events += session.tick(now, wall)

    def close(self) -> None:
        """Say goodbye."""
        if self.session is not None:
            self.session.goodbye()

    def poll_outgoing(self) -> list[tuple[bytes, Address]]:
        """Return and clear the datagrams to send."""
        if self.session is not None and self._agent is not None and self._agent.selected:
            target = self._agent.selected
            self._outgoing += [(d, target) for d in self.session.take_outgoing()]
        outgoing, self._outgoing = self._outgoing, []
        return outgoing

    def poll_events(self) -> list[Event]:
        """Return and clear what has happened, oldest first."""
        events, self._events = self._events, []
        return events


def _section(kind: str, mid: int, protocol: str, first_format: str) -> MediaSection:
    return MediaSection(
        kind=kind,
        mid=str(mid),
        direction="sendrecv",
        formats=(),
        ssrcs=(),
        mid_extension=1 if kind == "audio" else None,
        ptime_ms=None,
        sctp_port=5000 if kind == "application" else None,
        rejected=False,
        protocol=protocol,
        first_format=first_format,
        feedback=frozenset({("*", "nack")}) if kind == "audio" else frozenset(),
    )


def _offered(index: int, track: ClientTrack) -> NegotiatedSection:
    section = _section("audio", index, "UDP/TLS/RTP/SAVPF", str(track.form.payload_type))
    return NegotiatedSection(section, True, track.direction, track.form, secrets.randbits(32))


def _offered_data(index: int) -> NegotiatedSection:
    return NegotiatedSection(
        _section("application", index, "UDP/DTLS/SCTP", "webrtc-datachannel"), True, "sendrecv"
    )
