"""One worker: the media driver, the rooms on its endpoint, and who is told what."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from antiphase.errors import ParameterError
from antiphase.media.endpoint import Endpoint, EndpointSettings
from antiphase.media.events import Event
from antiphase.media.loop import AsyncioDriver
from antiphase.media.native_loop import NativeDriver
from antiphase.media.native_session import native_loop_available
from antiphase.media.session import SessionSettings
from antiphase.realtime import Carried, DeviceDescription, ThreadPool
from antiphase.service.journal import Journal
from antiphase.service.live_recordings import LiveRecordings
from antiphase.service.outboxes import Outbox, Outboxes
from antiphase.service.placement import Placement
from antiphase.service.recordings import Recordings
from antiphase.service.registry import Beat, Registry
from antiphase.service.rooms import Rooms
from antiphase.service.rooms_settings import RoomsSettings
from antiphase.service.settings import ServiceSettings
from antiphase.service.tokens import Tokens
from antiphase.service.turns import Turns
from antiphase.storage.sessions import ConnectionRecord, SessionRecord
from antiphase.storage.urls import open_stores

__all__ = ["RoomHost"]

_LOG = logging.getLogger("antiphase.service")
_TICK_S = 0.02
_MEASURED_S = 10.0
_LOOK_S = 0.1
_RECORDED = {"mode", "control"}


@dataclass
class _Session:
    record: SessionRecord
    measured_at: float


class RoomHost:
    """Runs the rooms of one process; use it from one event loop.

    Parameters
    ----------
    settings : ServiceSettings
    url : str, optional
        This worker's own address for clients, where the port is only known once it is bound.
    """

    def __init__(self, settings: ServiceSettings, url: str = "") -> None:
        self.settings = settings
        self.draining = False
        self._folder = tempfile.TemporaryDirectory(prefix="antiphase-")
        self.stores = open_stores(settings.store_urls, settings.data or Path(self._folder.name))
        self.tokens = Tokens(settings.token_secret, time.time, self.stores.states)
        own = settings.worker_url or url or settings.own_url(settings.port)
        self.registry = Registry(self.stores.sessions, self.stores.states, own)
        self.placement = Placement(self)
        self.recordings = Recordings(
            self.registry,
            self.stores.objects,
            self.stores.states,
            settings.most_recordings,
            settings.most_recordings_bytes,
        )
        self.live = LiveRecordings(self)
        self.journal = Journal(self.stores.history, self.registry)
        self._driver: AsyncioDriver | NativeDriver | None = None
        self._rooms: Rooms | None = None
        self._pool = ThreadPool(1)
        self._outboxes = Outboxes()
        self._sessions: dict[str, _Session] = {}
        self._measuring = Turns(_MEASURED_S)
        self._looked_at = 0.0
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def rooms(self) -> Rooms:
        """The rooms.

        Raises
        ------
        RuntimeError
            Before `start`.
        """
        if self._rooms is None:
            raise RuntimeError("the host has not been started")
        return self._rooms

    @property
    def endpoint(self) -> Endpoint:
        """The media endpoint.

        Raises
        ------
        RuntimeError
            Before `start`.
        """
        if self._driver is None:
            raise RuntimeError("the host has not been started")
        return self._driver.endpoint

    @property
    def driver_name(self) -> str:
        """Which loop carries the packets."""
        return type(self._driver).__name__

    @staticmethod
    def now() -> float:
        """Seconds on the clock that rooms and endpoint live by."""
        return time.monotonic()

    async def start(self) -> None:
        """Bind the media port and begin.

        Raises
        ------
        OSError
            If the port is taken.
        """
        settings = self.settings
        port = settings.port if settings.media_port is None else settings.media_port
        limits = settings.most_sessions * settings.most_devices
        advertised = settings.advertise

        def make(address: tuple[str, int]) -> EndpointSettings:
            told = (advertised or address[0], address[1])
            return EndpointSettings(
                (told,), max_sessions=limits, session=SessionSettings(repeat=("L16",))
            )

        kind = NativeDriver if native_loop_available() else AsyncioDriver
        host = "127.0.0.1" if settings.host == "localhost" else settings.host
        self._driver = await kind.start(
            host, port, make, self._on_event, tcp_port=settings.media_tcp_port
        )
        rooms = RoomsSettings(
            most_sessions=settings.most_sessions, most_devices=settings.most_devices
        )
        self._rooms = Rooms(self.endpoint, rooms, pool=self._pool)
        self._rooms.watched = self._outboxes.has
        await self.placement.begin()
        loop = asyncio.get_running_loop()
        running = (self._run(), self.placement.run(), self.live.run())
        self._tasks = [loop.create_task(each) for each in running]

    async def stop(self) -> None:
        """Say goodbye to all and let go of everything."""
        for session_id in list(self._sessions):
            self.delete(session_id, "the server stops")
        for task in self._tasks:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        if self._driver is not None:
            await self._driver.stop()
        self._pool.stop()
        await self.recordings.stop()
        await asyncio.to_thread(self.live.close)
        await self.registry.close()
        await asyncio.to_thread(self.journal.close)
        self.stores.close()
        self._folder.cleanup()

    def _on_event(self, _: Endpoint, event: Event) -> None:
        if self._rooms is not None:
            self._rooms.on_event(event, self.now())

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(_TICK_S)
            try:
                self._tick()
            except Exception:  # noqa: BLE001 - one session's fault must not stop the others
                _LOG.exception("a tick failed; going on")

    def _tick(self) -> None:
        now, wall = self.now(), time.time()
        self.rooms.tick(now, wall)
        self._flush()
        for session_id in self._measuring.take(now):
            self._measure(session_id, now, wall)
        if now < self._looked_at + _LOOK_S:
            return
        self._looked_at = now
        self.live.tick(now)
        for session_id, session in list(self._sessions.items()):
            if wall >= session.record.expires_at:
                self.delete(session_id, "the session has expired")

    def _measure(self, session_id: str, now: float, wall: float) -> None:
        """Add what is measured to the history, and keep the filter for another worker."""
        session = self._sessions[session_id]
        told = self.rooms.figures(session_id, now).as_dict()
        figures = {name: told[name] for name in told if name not in {"spectrum", "scene"}}
        self.journal.record(session_id, "measured", figures, since=session.measured_at)
        session.measured_at = wall
        self.placement.keep_filter(session_id)

    def _flush(self) -> None:
        if self._driver is not None:
            self._driver.flush()
        for session_id, device_id, message in self.rooms.poll_messages():
            self._outboxes.put(session_id, device_id, message)
            if message["type"] in _RECORDED and device_id is None:
                self.journal.record(session_id, message["type"], message)
            elif message["type"] == "device":
                self._note_device(session_id, message)

    def _note_device(self, session_id: str, message: dict[str, Any]) -> None:
        """Keep what devices come and go, in the history and in the registry."""
        self.journal.record(session_id, message["event"], message)
        device_id = message["device_id"]
        if message["event"] == "left":
            self.registry.disconnect(device_id)
        elif session_id in self._sessions:
            ends = self._sessions[session_id].record.expires_at
            row = ConnectionRecord(device_id, session_id, device_id, time.time(), ends)
            self.registry.connect(row)

    def do(self, work: Callable[[Rooms, float], Any]) -> Any:  # noqa: ANN401 - what the work returns
        """Do something with the rooms now and carry out what follows from it."""
        try:
            return work(self.rooms, self.now())
        finally:
            self._flush()

    def tell(self, session_id: str, device_id: str | None, message: dict[str, Any]) -> None:
        """Tell one device of a session, or all of them."""
        self._outboxes.put(session_id, device_id, message)

    def announce(self, message: dict[str, Any]) -> None:
        """Tell everybody in all sessions."""
        self._outboxes.put_all(message)

    def _check_open(self) -> None:
        if self.draining:
            raise ParameterError("server", "draining", "asked again: another worker takes over")

    # Sessions

    @property
    def takes(self) -> bool:
        """Whether a new session may come here."""
        return not self.draining and len(self._sessions) < self.settings.most_sessions

    def beat(self) -> Beat:
        """Return what this worker says of itself."""
        host, port = self.endpoint.settings.candidates[0]
        return Beat(self.registry.url, f"{host}:{port}", len(self._sessions), self.takes)

    async def create(
        self,
        *,
        name: str,
        mode: str,
        scene: dict[str, Any] | None,
        ttl_s: float | None,
        user: str = "",
    ) -> SessionRecord:
        """Open a session here.

        Raises
        ------
        ParameterError
            If there are too many or the mode is unknown.
        HTTPException
            429 if the user has too many, here and at other workers together.
        StoreError
            If the registry does not answer.
        """
        self._check_open()
        wall = time.time()
        life = min(ttl_s or self.settings.session_ttl_s, self.settings.session_ttl_s)
        record = SessionRecord(
            secrets.token_urlsafe(9), self.registry.url, wall, wall + life, name, mode, True, scene
        )
        try:
            await self.registry.reserve(user, record, self.settings.most_sessions_per_user)
            self.adopt(record)
            self.journal.record(record.session_id, "created", {"name": name, "mode": mode})
            await self.registry.open(record)
        except BaseException:
            if not self.delete(record.session_id, "it could not be registered"):
                self.registry.end(record.session_id)
            raise
        return record

    def has(self, session_id: str) -> bool:
        """Whether a session is here."""
        return session_id in self._sessions

    def adopt(self, record: SessionRecord, carried: Carried | None = None) -> None:
        """Open the room of a session that the registry knows, with a filter that it had elsewhere.

        Raises as `create`.
        """
        session_id, scene = record.session_id, record.scene

        def make(rooms: Rooms, now: float) -> None:
            rooms.create(session_id, mode=record.mode, name=record.name, scene=scene, now=now)
            if carried is not None:
                rooms.room(session_id).engine.take_over(carried)
            if not record.control:
                rooms.set_control(session_id, on=False, now=now)

        self.do(make)
        self._sessions[session_id] = _Session(record, time.time())
        self._measuring.add(session_id, self.now())

    def steer(self, session_id: str, *, on: bool | None = None, mode: str | None = None) -> None:
        """Switch anti-noise or change the mode; raises as `Rooms.set_mode`."""
        if mode is not None:
            self.do(lambda rooms, now: rooms.set_mode(session_id, mode, now))
        if on is not None:
            self.do(lambda rooms, now: rooms.set_control(session_id, on, now))
        session = self._sessions.get(session_id)
        if session is not None:
            old = session.record
            session.record = replace(
                old, control=old.control if on is None else on, mode=mode or old.mode
            )
            self.registry.update(session.record)

    def delete(self, session_id: str, reason: str) -> bool:
        """End a session; False where there is none."""
        if not self._close(session_id, reason):
            return False
        self.registry.end(session_id)
        self.journal.record(session_id, "ended", {"reason": reason})
        return True

    def hand_over(self, session_id: str, beat: Beat) -> None:
        """Send everybody in a session to another worker, which the registry names already."""
        self._outboxes.put(session_id, None, beat.moved(session_id))
        if self._close(session_id, "it goes on at another worker"):
            self.journal.record(session_id, "moved", {"to": beat.url})

    def _close(self, session_id: str, reason: str) -> bool:
        if self._sessions.pop(session_id, None) is None:
            return False
        self._measuring.remove(session_id)
        self.live.stop(session_id, reason)
        for device in self.rooms.describe(session_id)["devices"]:
            self.registry.disconnect(device["device_id"])
        self.do(lambda rooms, now: rooms.delete(session_id, now, reason))
        self._outboxes.drop_session(session_id)
        return True

    def records(self, before: float) -> list[SessionRecord]:
        """Return the sessions here that were made before a time, seconds since 1970."""
        return [s.record for s in self._sessions.values() if s.record.created_at < before]

    def expires_at(self, session_id: str) -> float:
        """Return when a session ends, seconds since 1970; 0 where there is none."""
        session = self._sessions.get(session_id)
        return 0.0 if session is None else session.record.expires_at

    # Devices

    def join(self, session_id: str, description: DeviceDescription, outbox: Outbox | None) -> str:
        """Take a device in; its messages go to the outbox.

        Raises
        ------
        ParameterError
            If there is no such session or it is full.
        """
        self._check_open()
        rooms = self.rooms
        device_id = rooms.join(session_id, description, self.now())
        if outbox is not None:
            self._outboxes.add(session_id, device_id, outbox)
            self.live.tell_one(session_id, device_id)
        self._flush()
        return device_id

    def replace(self, session_id: str, device_id: str) -> None:
        """Let a device go that has come back as another one."""
        reason = "replaced by a new connection"
        self._outboxes.put(session_id, device_id, {"type": "bye", "reason": reason})
        self.leave(session_id, device_id, reason)

    def leave(self, session_id: str, device_id: str, reason: str) -> None:
        """Take a device out; one that is not there is ignored."""
        self._outboxes.drop(session_id, device_id)
        self.do(lambda rooms, now: rooms.leave(session_id, device_id, now, reason))
