"""The media server's core: one UDP port, many peers; bytes in, bytes and events out.

Source gate: a datagram that is not STUN is dropped and counted unless its source address has passed
an authenticated connectivity check, so nobody else's ClientHello or junk reaches DTLS or SRTP.
"""

from __future__ import annotations

import heapq
import itertools
import logging
import math
from collections import deque
from dataclasses import dataclass, field

from antiphase.arrays import Signal
from antiphase.errors import ParameterError, ProtocolError
from antiphase.media.answer import AnswerPolicy, negotiate, write_description
from antiphase.media.dtls import Certificate, DtlsTransport, is_dtls
from antiphase.media.events import AudioReceived, Closed, Counters, Event
from antiphase.media.ice import IceCredentials, IceLiteAgent, local_ufrag
from antiphase.media.notices import Notices
from antiphase.media.routing import Carrier, Route, Router
from antiphase.media.rtp import is_rtcp, is_rtp
from antiphase.media.sdp import Description, SdpLimits, parse_description
from antiphase.media.session import REPORT_SECONDS, MediaSession, SessionSettings
from antiphase.media.stun import Address, Message, is_stun

__all__ = ["Endpoint", "EndpointSettings"]

_MAX_QUEUE = 20000
_LOG = logging.getLogger("antiphase.media")


@dataclass(frozen=True)
class EndpointSettings:
    """What an endpoint announces and allows.

    Parameters
    ----------
    candidates : tuple of (str, int)
        Addresses and ports under which peers reach it, most preferred first.
    max_sessions : int
        Further offers are refused.
    connect_seconds : float
        A session that is not connected by then is closed.
    policy : AnswerPolicy
        Formats and directions.
    session : SessionSettings
        Coding.
    limits : SdpLimits
        Sizes of offers.
    """

    candidates: tuple[Address, ...]
    max_sessions: int = 2000
    connect_seconds: float = 30.0
    policy: AnswerPolicy = field(default_factory=AnswerPolicy)
    session: SessionSettings = field(default_factory=SessionSettings)
    limits: SdpLimits = field(default_factory=SdpLimits)


@dataclass
class _Peer:
    session: MediaSession
    agent: IceLiteAgent
    opened: float
    gates: set[Address] = field(default_factory=set)  # sources whose datagrams are its own


class Endpoint:
    """Server side of WebRTC without I/O.

    Parameters
    ----------
    settings : EndpointSettings
        What it announces and allows.
    certificate : Certificate, optional
        Its identity; a fresh one when not given.
    carrier : Carrier, optional
        Moves media outside Python; None moves it here.
    """

    def __init__(
        self,
        settings: EndpointSettings,
        certificate: Certificate | None = None,
        carrier: Carrier | None = None,
    ) -> None:
        self.settings = settings
        self._carrier = carrier
        self.certificate = certificate or Certificate()
        self._counters = Counters()
        self._peers: dict[str, _Peer] = {}
        self._by_ufrag: dict[str, _Peer] = {}
        self._by_source: dict[Address, _Peer] = {}
        self._due: list[tuple[float, int, _Peer]] = []  # a heap: when each peer is ticked again
        self._order = itertools.count()
        self._router = Router(
            self._session, lambda name: self._flush(self._peer(name)), self._counters
        )
        self._notices = Notices(_LOG)
        self._outgoing: deque[tuple[bytes, Address]] = deque()
        self._events: deque[Event] = deque()

    def open(self, session_id: str, offer: str, now: float) -> str:
        """Take a peer's offer and return the answer; a known id renegotiates.

        A changed ufrag in a later offer is an ICE restart.

        Raises
        ------
        ProtocolError
            If the offer is refused; the message is one line for the peer.
        """
        try:
            return self._open(session_id, parse_description(offer, self.settings.limits), now)
        except ProtocolError:
            self._counters.sdp_refused += 1
            raise

    def _open(self, session_id: str, offer: Description, now: float) -> str:
        if offer.setup == "passive":
            raise ProtocolError("SDP has setup:passive; this server is passive, use actpass")
        if session_id in self._peers:
            return self._renegotiate(self._peers[session_id], offer, now)
        if len(self._peers) >= self.settings.max_sessions:
            raise ProtocolError(f"server is full ({self.settings.max_sessions} sessions)")
        make = MediaSession if self._carrier is None else self._carrier.make_session
        session = make(
            session_id,
            DtlsTransport(self.certificate, "server", offer.fingerprints),
            negotiate(offer, self.settings.policy),
            self.settings.session,
            self._counters,
        )
        agent = IceLiteAgent(IceCredentials.generate(), offer.credentials, now)
        peer = _Peer(session, agent, now)
        self._peers[session_id] = peer
        self._by_ufrag[agent.local.ufrag] = peer
        heapq.heappush(self._due, (now, next(self._order), peer))
        session.on_packet = lambda mid, packet: self._router.forward(session_id, mid, packet)
        session.decodes = lambda mid: self._router.decodes(session_id, mid)
        return self._answer(peer, offer)

    def _renegotiate(self, peer: _Peer, offer: Description, now: float) -> str:
        agent = peer.agent
        if offer.fingerprints != peer.session.dtls.fingerprints:
            raise ProtocolError("SDP changes the DTLS fingerprint; open a new session")
        if offer.credentials != agent.remote:
            self._by_ufrag.pop(agent.local.ufrag, None)
            agent.restart(IceCredentials.generate(), offer.credentials, now)
            self._by_ufrag[agent.local.ufrag] = peer
        peer.session.update_sections(negotiate(offer, self.settings.policy))
        return self._answer(peer, offer)

    def _answer(self, peer: _Peer, offer: Description) -> str:
        return write_description(
            peer.session.sections,
            peer.agent.local,
            self.certificate.fingerprint,
            self.settings.candidates,
            self.settings.policy,
            bundle=offer.bundle,
        )

    def close(self, session_id: str, reason: str = "closed by the server") -> None:
        """Say goodbye to a peer and free its place; an unknown id is ignored."""
        peer = self._peers.pop(session_id, None)
        if peer is None:
            return
        peer.session.goodbye()
        self._flush(peer)
        self._by_ufrag.pop(peer.agent.local.ufrag, None)
        for source in list(peer.gates):
            self._close_gate(source)
        if self._carrier is not None:
            self._carrier.drop_session(peer.session)
        self._router.routes.drop(session_id)
        _LOG.info("session %s closed: %s", session_id, reason)
        self._events.append(Closed(session_id, reason))

    def receive(self, datagram: bytes, source: Address, now: float, wall: float) -> None:
        """Take one datagram.

        Parameters
        ----------
        datagram : bytes
            As it came.
        source : tuple of (str, int)
            Where from.
        now : float
            Seconds on a monotonic clock.
        wall : float
            Seconds since 1970, for RTCP's NTP timestamps.
        """
        if is_stun(datagram):
            self._receive_stun(datagram, source, now)
            return
        peer = self._by_source.get(source)
        if peer is None:
            self._counters.ungated += 1
        elif is_dtls(datagram):
            self._receive_dtls(peer, datagram, now)
        elif is_rtp(datagram):
            if is_rtcp(datagram):
                peer.session.receive_rtcp(datagram, now, wall)
            else:
                for event in peer.session.receive_rtp(datagram, now):
                    if not isinstance(event, AudioReceived) or self._router.carry(event):
                        self._events.append(event)
            self._flush(peer)
        else:
            self._counters.junk += 1

    def _receive_stun(self, datagram: bytes, source: Address, now: float) -> None:
        try:
            message = Message.parse(datagram)
        except ProtocolError:
            self._counters.stun_malformed += 1
            return
        peer = self._by_ufrag.get(local_ufrag(message) or "")
        if peer is None:
            self._counters.stun_unknown += 1
            return
        agent = peer.agent
        before = agent.bad_requests, agent.replays
        answer = agent.handle(message, source, now)
        self._counters.stun_unauthenticated += agent.bad_requests - before[0]
        self._counters.stun_replayed += agent.replays - before[1]
        if answer is not None:
            self._send(answer, source)
        if agent.knows(source) and source not in peer.gates:
            self._open_gate(source, peer)
        if self._carrier is not None and agent.selected is not None:
            self._carrier.set_target(peer.session, agent.selected)

    def _open_gate(self, source: Address, peer: _Peer) -> None:
        """Let a source's datagrams pass, for this peer only; close those that it has left."""
        if source in self._by_source:
            self._by_source[source].gates.discard(source)
        self._by_source[source] = peer
        peer.gates.add(source)
        if self._carrier is not None:
            self._carrier.open_gate(source, peer.session)
        for old in [gate for gate in peer.gates if not peer.agent.knows(gate)]:
            self._close_gate(old)

    def _close_gate(self, source: Address) -> None:
        self._by_source.pop(source).gates.discard(source)
        if self._carrier is not None:
            self._carrier.close_gate(source)

    def _receive_dtls(self, peer: _Peer, datagram: bytes, now: float) -> None:
        session = peer.session
        try:
            self._events.extend(session.receive_dtls(datagram, now))
        except ProtocolError as error:
            self._counters.dtls_failed += 1
            if session.dtls.closed:
                self.close(session.session_id, str(error))
            return
        self._flush(peer)
        if session.dtls.closed:
            self.close(session.session_id, "closed by the peer")

    def set_routes(self, session_id: str, mid: str, routes: tuple[Route, ...]) -> None:
        """Replace all routes of one incoming section; without routes its frames are events.

        Raises
        ------
        ParameterError
            If the session is unknown.
        """
        session = self._peer(session_id).session
        self._router.routes.set(session_id, mid, routes)
        if self._carrier is not None:
            self._carrier.set_routes(session, mid, routes)

    def send_audio(self, session_id: str, mid: str, pcm: Signal) -> None:
        """Send one frame to a peer; dropped before the connection and without such a section.

        Raises
        ------
        ParameterError
            If the session is unknown.
        SignalError
            If the frame does not fit the section's format.
        """
        peer = self._peer(session_id)
        peer.session.send_audio(mid, pcm)
        self._flush(peer)

    def send_message(self, session_id: str, label: str, data: bytes | str, now: float) -> None:
        """Send a message on an open data channel.

        Raises
        ------
        ParameterError
            If the session is unknown or has no open channel of that label.
        SignalError
            If the message is too long or the peer has stopped reading.
        """
        peer = self._peer(session_id)
        if peer.session.channels is None:
            raise ParameterError("label", label, "an open channel")
        peer.session.channels.send(label, data, now)
        self._flush(peer)

    def knows(self, source: Address) -> bool:
        """Whether a source has passed a check of a session that is open."""
        return source in self._by_source

    @property
    def counters(self) -> Counters:
        """What was dropped and why, here and in the carrier (a snapshot)."""
        return self._counters.plus({} if self._carrier is None else self._carrier.counts())

    @property
    def sessions(self) -> dict[str, MediaSession]:
        """The open sessions by id (a copy)."""
        return {session_id: peer.session for session_id, peer in self._peers.items()}

    def _session(self, session_id: str) -> MediaSession | None:
        peer = self._peers.get(session_id)
        return None if peer is None else peer.session

    def _peer(self, session_id: str) -> _Peer:
        peer = self._peers.get(session_id)
        if peer is None:
            raise ParameterError("session_id", session_id, "an open session")
        return peer

    def tick(self, now: float, wall: float) -> None:
        """Run what is due: retransmissions, reports, timeouts, log lines on what was dropped."""
        self._notices.report(self.counters, now)
        while self._due and self._due[0][0] <= now:
            peer = heapq.heappop(self._due)[2]
            if self._peers.get(peer.session.session_id) is not peer:
                continue  # closed
            again = math.nextafter(now, math.inf)  # at the next tick, also after a fault
            try:
                self._tick_peer(peer, now, wall)
                if peer.session.connected and peer.session.channels is None:
                    again = now + REPORT_SECONDS  # nothing else waits for an answer
            finally:
                heapq.heappush(self._due, (again, next(self._order), peer))

    def _tick_peer(self, peer: _Peer, now: float, wall: float) -> None:
        session = peer.session
        waited = 0.0 if session.connected else now - peer.opened
        wait = session.dtls.timeout()
        if peer.agent.expired(now):
            self.close(session.session_id, "consent expired: no connectivity check for 30 s")
            return
        if waited > self.settings.connect_seconds:
            self.close(session.session_id, "not connected in time")
            return
        if wait is not None and wait <= 0:
            try:
                session.dtls.retransmit()
            except ProtocolError as error:
                self.close(session.session_id, str(error))
                return
        self._events.extend(session.tick(now, wall))
        self._flush(peer)

    def poll_outgoing(self) -> list[tuple[bytes, Address]]:
        """Return and clear the datagrams to send."""
        outgoing = list(self._outgoing)
        self._outgoing.clear()
        return outgoing

    def poll_events(self) -> list[Event]:
        """Return and clear what has happened, oldest first."""
        events = list(self._events)
        self._events.clear()
        return events

    def _flush(self, peer: _Peer) -> None:
        target = peer.agent.selected
        for datagram in peer.session.take_outgoing():
            if target is not None:
                self._send(datagram, target)

    def _send(self, datagram: bytes, target: Address) -> None:
        if len(self._outgoing) >= _MAX_QUEUE:
            self._outgoing.popleft()
            self._counters.outgoing_dropped += 1
        self._outgoing.append((datagram, target))
