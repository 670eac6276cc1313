"""One worker: the media driver, the rooms on its endpoint, and who is told what."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from antiphase.errors import ParameterError
from antiphase.media.endpoint import Endpoint, EndpointSettings
from antiphase.media.events import Event
from antiphase.media.loop import AsyncioDriver
from antiphase.media.native_loop import NativeDriver
from antiphase.media.native_session import native_loop_available
from antiphase.media.session import SessionSettings
from antiphase.realtime import DeviceDescription, ThreadPool
from antiphase.service.rooms import Rooms, RoomsSettings
from antiphase.service.settings import ServiceSettings
from antiphase.service.tokens import Tokens
from antiphase.storage.history import HistoryRecord, SqlHistory

__all__ = ["Outbox", "RoomHost"]

_LOG = logging.getLogger("antiphase.service")
_TICK_S = 0.02
_MEASURED_S = 10.0
_WAITING = 64
_RECORDED = {"mode", "control"}


class Outbox:
    """Messages that wait for one WebSocket; a reader that is too slow misses figures, no more."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    def put(self, message: dict[str, Any]) -> None:
        """Add a message."""
        if message["type"] != "figures" or self._queue.qsize() < _WAITING:
            self._queue.put_nowait(message)

    async def get(self) -> dict[str, Any]:
        """Wait for the next one."""
        return await self._queue.get()


@dataclass
class _Session:
    expires_at: float
    measured_at: float


class RoomHost:
    """Runs the rooms of one process; use it from one event loop.

    Parameters
    ----------
    settings : ServiceSettings
    """

    def __init__(self, settings: ServiceSettings) -> None:
        self.settings = settings
        self.tokens = Tokens(settings.token_secret, time.time)
        self.draining = False
        self._driver: AsyncioDriver | NativeDriver | None = None
        self._rooms: Rooms | None = None
        self._pool = ThreadPool(1)
        self._outboxes: dict[str, dict[str, Outbox]] = {}
        self._sessions: dict[str, _Session] = {}
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="antiphase-history")
        self._folder = tempfile.TemporaryDirectory(prefix="antiphase-")
        folder = Path(self._folder.name) if settings.data is None else settings.data
        folder.mkdir(parents=True, exist_ok=True)
        self.history = SqlHistory(f"sqlite:///{folder / 'history.db'}")
        self._ticking: asyncio.Task[None] | None = None

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
        self._driver = await kind.start(host, port, make, self._on_event)
        rooms = RoomsSettings(
            most_sessions=settings.most_sessions, most_devices=settings.most_devices
        )
        self._rooms = Rooms(self.endpoint, rooms, pool=self._pool)
        self._ticking = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        """Say goodbye to all and let go of everything."""
        for session_id in list(self._sessions):
            self.delete(session_id, "the server stops")
        if self._ticking is not None:
            self._ticking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._ticking
        if self._driver is not None:
            await self._driver.stop()
        self._pool.stop()
        self._writer.shutdown(wait=True)
        self.history.close()
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
        for session_id, session in list(self._sessions.items()):
            if wall >= session.expires_at:
                self.delete(session_id, "the session has expired")
            elif wall - session.measured_at >= _MEASURED_S:
                figures = self.rooms.figures(session_id, now).as_dict()
                for large in ("spectrum", "scene"):
                    figures.pop(large)
                self.record(session_id, "measured", figures, since=session.measured_at)
                session.measured_at = wall

    def _flush(self) -> None:
        if self._driver is not None:
            self._driver.flush()
        for session_id, device_id, message in self.rooms.poll_messages():
            boxes = self._outboxes.get(session_id, {})
            chosen = boxes.values() if device_id is None else filter(None, [boxes.get(device_id)])
            for box in list(chosen):
                box.put(message)
            if message["type"] in _RECORDED and device_id is None:
                self.record(session_id, message["type"], message)
            elif message["type"] == "device":
                self.record(session_id, message["event"], message)

    def do(self, work: Callable[[Rooms, float], Any]) -> Any:  # noqa: ANN401 - what the work returns
        """Do something with the rooms now and carry out what follows from it."""
        try:
            return work(self.rooms, self.now())
        finally:
            self._flush()

    def record(
        self, session_id: str, kind: str, data: dict[str, Any], since: float | None = None
    ) -> None:
        """Add to a session's history, on a thread of its own."""
        wall = time.time()
        row = HistoryRecord(session_id, kind, wall if since is None else since, wall, data)
        self._writer.submit(self.history.append, [row])

    async def past(self, session_id: str, after: float, limit: int) -> list[HistoryRecord]:
        """Return a session's finished records, oldest first."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(
            self._writer, lambda: self.history.read(session_id, after=after, limit=limit)
        )

    def announce(self, message: dict[str, Any]) -> None:
        """Tell everybody in all sessions."""
        for boxes in self._outboxes.values():
            for box in boxes.values():
                box.put(message)

    def _check_open(self) -> None:
        if self.draining:
            raise ParameterError("server", "draining", "asked again: another worker takes over")

    # Sessions

    def create(
        self, *, name: str, mode: str, scene: dict[str, Any] | None, ttl_s: float | None
    ) -> tuple[str, float]:
        """Open a session; returns its id and when it ends.

        Raises
        ------
        ParameterError
            If there are too many or the mode is unknown.
        """
        self._check_open()
        session_id = secrets.token_urlsafe(9)
        life = min(ttl_s or self.settings.session_ttl_s, self.settings.session_ttl_s)
        self.do(
            lambda rooms, now: rooms.create(session_id, mode=mode, name=name, scene=scene, now=now)
        )
        wall = time.time()
        self._sessions[session_id] = _Session(wall + life, wall)
        self._outboxes[session_id] = {}
        self.record(session_id, "created", {"name": name, "mode": mode})
        return session_id, wall + life

    def delete(self, session_id: str, reason: str) -> bool:
        """End a session; False where there is none."""
        if self._sessions.pop(session_id, None) is None:
            return False
        self.do(lambda rooms, now: rooms.delete(session_id, now, reason))
        self._outboxes.pop(session_id, None)
        self.record(session_id, "ended", {"reason": reason})
        return True

    def end_empty(self, reason: str) -> None:
        """End the sessions that nobody is in."""
        for session_id in self.rooms.ids:
            if not self.rooms.describe(session_id)["devices"]:
                self.delete(session_id, reason)

    def expires_at(self, session_id: str) -> float:
        """Return when a session ends, seconds since 1970; 0 where there is none."""
        session = self._sessions.get(session_id)
        return 0.0 if session is None else session.expires_at

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
            self._outboxes[session_id][device_id] = outbox
        self._flush()
        return device_id

    def leave(self, session_id: str, device_id: str, reason: str) -> None:
        """Take a device out; one that is not there is ignored."""
        self._outboxes.get(session_id, {}).pop(device_id, None)
        self.do(lambda rooms, now: rooms.leave(session_id, device_id, now, reason))
