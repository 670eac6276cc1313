"""Who hears whom, and what happens to the sound on the way.

A route joins one incoming section to one outgoing section. Both drivers take the same routes: the
native loop carries `Forward`, `Gain` and `Clean` by itself and hands `Listen` up; `Router` carries
all of them in Python. Routes of one section with the same processing share its result, and among
those the ones whose targets have the same format share the encoded frame.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from antiphase.adaptive.seam import NativeCanceller
from antiphase.arrays import Signal
from antiphase.codecs import OpusEncoder
from antiphase.errors import SignalError, require
from antiphase.media.answer import NegotiatedSection
from antiphase.media.audio import AudioFrame
from antiphase.media.dtls import DtlsTransport
from antiphase.media.events import AudioReceived, Counters
from antiphase.media.rtp import RtpPacket
from antiphase.media.session import MediaSession, SessionSettings
from antiphase.media.stun import Address

__all__ = [
    "Carrier",
    "Clean",
    "Forward",
    "Gain",
    "Listen",
    "Processing",
    "Route",
    "RouteTable",
    "Router",
    "match_channels",
    "treat",
]


@dataclass(frozen=True)
class Forward:
    """The payload as it came, under our source; both sections must have the same format."""


@dataclass(frozen=True)
class Gain:
    """Decoded, multiplied, encoded; channels are matched (mono to both, stereo to the mean)."""

    factor: float = 1.0


@dataclass(frozen=True)
class Clean:
    """Stereo in (left primary, right reference), residual of the canceller out.

    Parameters
    ----------
    canceller : NativeCanceller
        Float32, mono; used by the route alone from now on.
    """

    canceller: NativeCanceller

    def __post_init__(self) -> None:
        """Check the number type, which the native loop relies on."""
        require(
            self.canceller.dtype == np.float32,
            "canceller",
            self.canceller.dtype.__name__,
            "a float32 canceller",
        )


@dataclass(frozen=True)
class Listen:
    """Decoded and reported as an `AudioReceived` event; needs no target."""


Processing = Forward | Gain | Clean | Listen


@dataclass(frozen=True)
class Route:
    """One way that sound takes from a section.

    Parameters
    ----------
    processing : Forward, Gain, Clean or Listen
        What is done.
    session_id, mid : str
        The section that it goes to; not used by `Listen`.
    """

    processing: Processing
    session_id: str = ""
    mid: str = ""


def treat(processing: Gain | Clean, pcm: Signal) -> Signal:
    """Return what a frame becomes on its way.

    Parameters
    ----------
    processing : Gain or Clean
        A mono frame passes `Clean` unchanged: it has no reference.
    pcm : ndarray, shape (n,) or (n, 2)

    Returns
    -------
    ndarray, shape (n,) or (n, 2)
        Mono after `Clean` of a stereo frame.
    """
    if isinstance(processing, Gain):
        return pcm * processing.factor
    if pcm.ndim == 1:
        return pcm
    stereo = np.ascontiguousarray(pcm.T, dtype=np.float32)
    return processing.canceller.process(stereo[1], stereo[0])


def match_channels(pcm: Signal, channels: int) -> Signal:
    """Return a frame with 1 or 2 channels: mono goes to both sides, stereo to its mean.

    Parameters
    ----------
    pcm : ndarray, shape (n,) or (n, 2)
    channels : int
        Of the target.

    Returns
    -------
    ndarray, shape (n,) or (n, channels)
    """
    if pcm.ndim == 1 and channels == 2:
        return np.repeat(pcm[:, None], 2, axis=1)
    return pcm.mean(axis=1) if pcm.ndim == 2 and channels == 1 else pcm


_Target = tuple[MediaSession, str]


class Carrier(Protocol):
    """Moves media in place of Python; told of everything that it needs for that."""

    def make_session(
        self,
        session_id: str,
        dtls: DtlsTransport,
        sections: tuple[NegotiatedSection, ...],
        settings: SessionSettings,
        counters: Counters,
    ) -> MediaSession:
        """Return a new session of the carrier's kind."""

    def drop_session(self, session: MediaSession) -> None:
        """Forget a session; nothing of it may be touched any more."""

    def open_gate(self, source: Address, session: MediaSession) -> None:
        """Let datagrams from a source pass, for this session."""

    def close_gate(self, source: Address) -> None:
        """Drop datagrams from a source again."""

    def set_target(self, session: MediaSession, target: Address) -> None:
        """Send a session's media there."""

    def set_routes(self, session: MediaSession, mid: str, routes: tuple[Route, ...]) -> None:
        """Replace all routes of one incoming section."""

    def counts(self) -> dict[str, int]:
        """Return what the carrier has dropped, by the names of `Counters`."""


class RouteTable:
    """The routes of many sections; each question costs what its own session has, not all have."""

    def __init__(self) -> None:
        self._routes: dict[str, dict[str, tuple[Route, ...]]] = {}
        self._leading_to: dict[str, set[tuple[str, str]]] = {}

    def get(self, session_id: str, mid: str) -> tuple[Route, ...] | None:
        """Return the routes of one incoming section, None where none have been set."""
        return self._routes.get(session_id, {}).get(mid)

    def set(self, session_id: str, mid: str, routes: tuple[Route, ...]) -> None:
        """Replace all routes of one incoming section."""
        self._unlink(session_id, mid)
        self._routes.setdefault(session_id, {})[mid] = routes
        for route in routes:
            self._leading_to.setdefault(route.session_id, set()).add((session_id, mid))

    def drop(self, session_id: str) -> None:
        """Forget the routes of a session that has closed; those that lead to it stay."""
        for mid in self._routes.get(session_id, {}):
            self._unlink(session_id, mid)
        self._routes.pop(session_id, None)

    def leading_to(self, session_id: str) -> tuple[tuple[str, str], ...]:
        """Return session and section of all routes that end at a session."""
        return tuple(self._leading_to.get(session_id, ()))

    def _unlink(self, session_id: str, mid: str) -> None:
        for target in {route.session_id for route in self.get(session_id, mid) or ()}:
            sections = self._leading_to[target]
            sections.discard((session_id, mid))
            if not sections:
                del self._leading_to[target]


class Router:
    """Carries what one endpoint's sessions send along its routes.

    Parameters
    ----------
    find : callable
        Returns the open session of an id, None where there is none.
    sent : callable
        Called with a session's id after something was queued on it.
    counters : Counters
        Shared with the endpoint.
    """

    def __init__(
        self,
        find: Callable[[str], MediaSession | None],
        sent: Callable[[str], None],
        counters: Counters,
    ) -> None:
        self._find = find
        self._sent = sent
        self._counters = counters
        self.routes = RouteTable()

    def decodes(self, session_id: str, mid: str) -> bool:
        """Whether anyone needs the samples of a section."""
        routes = self.routes.get(session_id, mid)
        return routes is None or any(not isinstance(r.processing, Forward) for r in routes)

    def forward(self, session_id: str, mid: str, packet: RtpPacket) -> None:
        """Send a packet on as it is, where a route says so."""
        for route in self.routes.get(session_id, mid) or ():
            target = self._find(route.session_id)
            if isinstance(route.processing, Forward) and target is not None:
                try:
                    target.forward(route.mid, packet)
                except SignalError:
                    self._counters.unencodable += 1
                self._sent(route.session_id)

    def carry(self, event: AudioReceived) -> bool:
        """Send a frame where its routes lead; True where the application is to hear it too."""
        routes = self.routes.get(event.session_id, event.mid)
        if routes is None:
            return True
        groups: dict[Gain | Clean, list[Route]] = {}
        for route in routes:
            if isinstance(route.processing, Gain | Clean):
                groups.setdefault(route.processing, []).append(route)
        for processing, alike in groups.items():
            pcm = treat(processing, event.frame.pcm)
            for targets in self._by_format(alike, event.frame):
                self._emit(targets, pcm)
        return any(isinstance(r.processing, Listen) for r in routes)

    def _by_format(self, routes: list[Route], frame: AudioFrame) -> list[list[_Target]]:
        groups: dict[tuple[str, int, int], list[_Target]] = {}
        for route in routes:
            session = self._find(route.session_id)
            sender = None if session is None else session.senders.get(route.mid)
            if session is None or sender is None or not session.connected:
                continue
            if sender.fs != frame.fs:
                self._counters.unencodable += 1
                continue
            form = sender.form
            groups.setdefault((form.kind, form.clock_rate, form.channels), []).append(
                (session, route.mid)
            )
        return list(groups.values())

    def _emit(self, targets: list[_Target], pcm: Signal) -> None:
        """Encode for all targets at the bitrate that the weakest receiver can take."""
        session, mid = targets[0]
        leader = session.senders[mid]
        if isinstance(leader.encoder, OpusEncoder):
            bitrate = min(s.rates[m].bitrate for s, m in targets)
            if leader.encoder.bitrate != bitrate:
                leader.encoder.bitrate = bitrate
        try:
            payload = leader.encoder.encode(match_channels(pcm, leader.form.channels))
            for target, where in targets:
                target.send_packet(target.senders[where].send_encoded(payload, len(pcm)))
                self._sent(target.session_id)
        except SignalError:
            self._counters.unencodable += 1
