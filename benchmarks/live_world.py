"""Server and rigs on one virtual clock: endpoint, rooms and devices over an in-memory network.

Nothing here waits: a run is as long as its computation. It is deterministic for a seed, keys and
certificates apart. OpenSSL's retransmission timer runs on the system's clock, so datagrams of the
handshake are not lost; media, reports and data channels are, as the scene's link says.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from antiphase.devices.rig import LiveLink, LoudspeakerDevice, RigDevice, RigScene, make_devices
from antiphase.media.dtls import Certificate
from antiphase.media.endpoint import Endpoint, EndpointSettings
from antiphase.media.events import Event
from antiphase.media.session import SessionSettings
from antiphase.media.stun import Address
from antiphase.realtime import DeviceDescription, EngineSettings, RoleBinding, SolverPool
from antiphase.service.rooms import Rooms
from antiphase.service.rooms_settings import RoomsSettings
from antiphase.simulation import Link

__all__ = ["SERVER", "LiveWorld", "RigSession", "RoomsLike", "describe", "world_of_rooms"]

SERVER: Address = ("192.0.2.1", 8443)
_STEP_S = 0.001
_TICK_STEPS = 10
_NO_LIMIT = 1e6


class RoomsLike(Protocol):
    """What the world asks of the rooms."""

    def on_event(self, event: Event, now: float) -> None:
        """Take an event of the endpoint."""

    def tick(self, now: float, wall: float) -> None:
        """Run what is due."""

    def offer(self, session_id: str, device_id: str, sdp: str, now: float) -> str:
        """Answer an offer."""

    def leave(self, session_id: str, device_id: str, now: float, reason: str) -> None:
        """Take a device out."""

    def report_truth(self, session_id: str, nr_db: float, now: float) -> None:
        """Take what a rig knows."""

    def poll_messages(self) -> list[tuple[str, str | None, dict[str, Any]]]:
        """Return what to tell the devices of a session, or one of them."""


JoinRoom = Callable[[str, dict[str, Any], float], str]
"""Takes session, ``join`` message and time; returns the device's id."""


@dataclass(eq=False)
class _Member:
    device: RigDevice
    device_id: str
    address: Address
    links: Any
    message_delay_s: float


@dataclass(eq=False)
class RigSession:
    """One scene in the world.

    Attributes
    ----------
    session_id : str
    scene : RigScene
    start : float
        Virtual time at which the scene started.
    devices : dict of str to RigDevice
    messages : list of (time in s since the start, dict)
        What the server said to all or to any device.
    """

    session_id: str
    scene: RigScene
    start: float
    devices: dict[str, RigDevice]
    messages: list[tuple[float, dict[str, Any]]] = field(default_factory=list)

    @property
    def speaker(self) -> LoudspeakerDevice:
        """The device with the loudspeaker."""
        return next(d for d in self.devices.values() if isinstance(d, LoudspeakerDevice))

    @property
    def modes(self) -> list[tuple[float, str, str]]:
        """Times, modes and reasons that were announced."""
        said = [(t, m) for t, m in self.messages if m.get("type") == "mode"]
        return [(t, str(m.get("mode")), str(m.get("reason"))) for t, m in said]


class LiveWorld:
    """All of it.

    Parameters
    ----------
    rooms : callable
        Takes the endpoint, returns the rooms.
    join : callable
        Puts a device into a room, see `JoinRoom`.
    certificate : Certificate, optional
        For all.
    start : float
        Virtual time, s.
    """

    def __init__(
        self,
        rooms: Callable[[Endpoint], RoomsLike],
        join: JoinRoom,
        *,
        certificate: Certificate | None = None,
        start: float = 1000.0,
    ) -> None:
        self.certificate = certificate or Certificate()
        self.endpoint = Endpoint(
            EndpointSettings((SERVER,), session=SessionSettings(repeat=("L16",))), self.certificate
        )
        self.rooms = rooms(self.endpoint)
        self.now = self._start = start
        self.sessions: dict[str, RigSession] = {}
        self._join = join
        self._members: dict[tuple[str, str], _Member] = {}
        self._by_address: dict[Address, _Member] = {}
        self._queue: list[tuple[float, int, Callable[[float], None]]] = []
        self._count = itertools.count()
        self._steps = 0

    def add(
        self,
        session_id: str,
        scene: RigScene,
        *,
        estimate: npt.NDArray[np.float64] | None = None,
        keep: bool = True,
    ) -> RigSession:
        """Start a scene now and let its devices join a session that exists."""
        devices = make_devices(
            scene, self.now, estimate=estimate, keep=keep, certificate=self.certificate
        )
        session = RigSession(session_id, scene, self.now, {d.name: d for d in devices})
        self.sessions[session_id] = session
        for device in devices:
            self.join(session_id, device)
        return session

    def join(self, session_id: str, device: RigDevice) -> str:
        """Let one device join; return its id."""
        number = len(self._by_address)
        address = (f"198.51.{number >> 8 & 255}.{number & 255}", 40000)
        scene = device.place.scene
        delay_s = scene.link.delay_ms / 1000
        device_id = self._join(session_id, device.join_message(), self.now)
        member = _Member(device, device_id, address, scene.links(device.name), delay_s)
        self._members[session_id, device_id] = member
        self._by_address[address] = member
        self._frame_later(member)
        answer = self.rooms.offer(session_id, device_id, device.offer(), self.now)
        device.accept(answer, self.now)
        return device_id

    def reroute(self, session_id: str, link: Link) -> None:
        """Let the packets of a session's devices take another way from now on."""
        members = [m for (room, _), m in self._members.items() if room == session_id]
        for k, member in enumerate(members):
            member.links = LiveLink(link, 1000 + 2 * k), LiveLink(link, 1001 + 2 * k)

    def drop(self, session_id: str, name: str, reason: str = "left") -> None:
        """Take a device out of its room; it goes silent at once."""
        for key, member in list(self._members.items()):
            if key[0] == session_id and member.device.name == name:
                self.rooms.leave(session_id, member.device_id, self.now, reason)
                del self._members[key], self._by_address[member.address]

    def run(self, seconds: float, watch: Callable[[float], object] | None = None) -> None:
        """Let time pass; `watch` is called with the time each 10 ms."""
        end = self.now + seconds - 1e-9
        while self.now < end:
            self._step()
            if watch is not None and self._steps % _TICK_STEPS == 0:
                watch(self.now)

    def until(self, holds: Callable[[], bool], seconds: float) -> bool:
        """Let time pass until something holds; False if it does not within so long."""
        end = self.now + seconds
        while self.now < end:
            if holds():
                return True
            self._step()
        return holds()

    def _step(self) -> None:
        self._steps += 1
        until = self._start + self._steps * _STEP_S
        while self._queue and self._queue[0][0] <= until:
            at, _, deliver = heapq.heappop(self._queue)
            deliver(max(at, self.now))
        self.now = until
        if self._steps % _TICK_STEPS == 0:
            for member in self._by_address.values():
                member.device.tick(until, until)
                self._collect(member, until)
            self.endpoint.tick(until, until)
        self.rooms.tick(until, until)
        self._settle(until)

    def _later(self, at: float, deliver: Callable[[float], None]) -> None:
        heapq.heappush(self._queue, (at, next(self._count), deliver))

    def _frame_later(self, member: _Member) -> None:
        """Let the device process its next frame at the very instant at which it is complete."""

        def frame(now: float) -> None:
            if member.address in self._by_address:
                member.device.advance(now)
                self._collect(member, now)
                self._frame_later(member)

        self._later(member.device.due, frame)

    def _collect(self, member: _Member, now: float) -> None:
        """Send what a device has for the server."""
        for datagram, _ in member.device.poll_outgoing():
            at = member.links[0].arrival(now, may_lose=member.device.connected)
            if at is not None:
                self._later(at, partial(self._up, datagram, member))
        for message in member.device.poll_messages():
            at = now + member.message_delay_s
            self._later(at, partial(self._said, message, member))

    def _up(self, datagram: bytes, member: _Member, now: float) -> None:
        self.endpoint.receive(datagram, member.address, now, now)
        self._settle(now)

    def _said(self, message: dict[str, Any], member: _Member, now: float) -> None:
        session_id = next((k[0] for k, m in self._members.items() if m is member), None)
        if session_id is not None and message["type"] == "truth":
            self.rooms.report_truth(session_id, message["nr_db"], now)

    def _settle(self, now: float) -> None:
        """Bring events to the rooms, datagrams and messages to the devices."""
        for event in self.endpoint.poll_events():
            self.rooms.on_event(event, now)
        for datagram, target in self.endpoint.poll_outgoing():
            member = self._by_address.get(target)
            if member is None:
                continue
            at = member.links[1].arrival(now, may_lose=member.device.connected)
            if at is not None:
                self._later(at, partial(self._down, datagram, member))
        for session_id, device_id, message in self.rooms.poll_messages():
            self._tell(session_id, device_id, message, now)

    def _down(self, datagram: bytes, member: _Member, now: float) -> None:
        member.device.receive(datagram, SERVER, now, now)
        self._collect(member, now)

    def _tell(
        self, session_id: str, device_id: str | None, message: dict[str, Any], now: float
    ) -> None:
        session = self.sessions.get(session_id)
        if session is not None:
            session.messages.append((now - session.start, message))
        for (room, name), member in self._members.items():
            if room == session_id and device_id in {None, name}:
                at = now + member.message_delay_s
                self._later(at, partial(member.device.take_message, message))


def describe(message: dict[str, Any]) -> DeviceDescription:
    """Return what a ``join`` message says."""
    path = message.get("secondary_path_estimate")
    return DeviceDescription(
        name=message["device"],
        roles=tuple(RoleBinding(**role) for role in message["roles"]),
        secondary_path_estimate=None if path is None else np.array(path),
        fs=message["fs"],
        taps=message.get("taps", 512),
        device_margin_ms=message.get("device_margin_ms"),
        truth=message.get("rig", False),
    )


def world_of_rooms(
    settings: RoomsSettings | None = None,
    *,
    pool: SolverPool | None = None,
    certificate: Certificate | None = None,
) -> tuple[LiveWorld, Rooms]:
    """Return a world around the service's own rooms; create sessions in them before `add`.

    By default no session is degraded for what it costs: filters are solved in this very thread, and
    how long that takes here says nothing about virtual time.
    """
    made: list[Rooms] = []
    settings = settings or RoomsSettings(engine=EngineSettings(busy_share=_NO_LIMIT))

    def make(endpoint: Endpoint) -> Rooms:
        made.append(Rooms(endpoint, settings, pool=pool))
        return made[0]

    def join(session_id: str, message: dict[str, Any], now: float) -> str:
        return made[0].join(session_id, describe(message), now)

    return LiveWorld(make, join, certificate=certificate), made[0]
