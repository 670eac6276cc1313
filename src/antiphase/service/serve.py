"""Runs one worker of the service: uvicorn with TLS 1.3, and the way out after SIGTERM."""

from __future__ import annotations

import asyncio
import gc
import signal
import socket
import ssl
import time
from types import FrameType

import uvicorn

from antiphase.errors import FileFormatError
from antiphase.service.app import make_app
from antiphase.service.host import RoomHost
from antiphase.service.ports import bind
from antiphase.service.settings import ServiceSettings
from antiphase.service.signalling import LARGEST_MESSAGE

__all__ = ["Server"]

_LOOK_S = 0.2
_BACKLOG = 1024
# Messages under way must not be taken for what lasts: then the whole heap is collected every few
# seconds, which stops 500 rooms for 0.1 s.
_COLLECT = (20_000, 20, 20)


class Server(uvicorn.Server):
    """Uvicorn that lets sessions end before it does.

    Parameters
    ----------
    settings : ServiceSettings

    Raises
    ------
    ParameterError
        If a port is taken.
    FileFormatError
        If the certificate cannot be read.
    """

    def __init__(self, settings: ServiceSettings) -> None:
        self._settings = settings
        several = settings.worker_port is not None
        self._sockets = [bind(settings.host, settings.port, shared=several)]
        if settings.worker_port is not None:
            self._sockets.append(bind(settings.host, settings.worker_port))
        self.url = settings.worker_url or settings.own_url(self._sockets[-1].getsockname()[1])
        """This worker's own address."""
        self.moves = True
        """Whether sessions go to other workers at SIGTERM; there are none when all are to end."""
        self._app = make_app(settings, self.url)
        config = uvicorn.Config(
            self._app,
            ssl_certfile=settings.certificate,
            ssl_keyfile=settings.certificate_key,
            ws="websockets-sansio",
            ws_max_size=LARGEST_MESSAGE,
            ws_ping_interval=settings.idle_s / 3,
            ws_ping_timeout=settings.idle_s / 3,
            ws_per_message_deflate=False,
            log_level="warning",
            server_header=False,
            timeout_graceful_shutdown=3,
            backlog=_BACKLOG,
        )
        try:
            config.load()
        except (OSError, ssl.SSLError) as error:
            raise FileFormatError(
                f"certificate={settings.certificate}: cannot be used ({error})"
            ) from None
        if config.ssl is not None:
            config.ssl.minimum_version = ssl.TLSVersion.TLSv1_3
        super().__init__(config)
        self._asked = 0
        self._draining: asyncio.Task[None] | None = None

    def run(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve on the bound ports until told to end."""
        gc.set_threshold(*_COLLECT)
        super().run(sockets or self._sockets)

    @property
    def host(self) -> RoomHost:
        """What it serves."""
        host: RoomHost = self._app.state.host
        return host

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - the seam
        """Drain at SIGTERM where there are sessions; end at Ctrl-C and at a second signal."""
        self._asked += 1
        drains = sig == signal.SIGTERM and self._settings.drain_s > 0 and self.started
        if self._asked > 1 or not drains:
            self.should_exit = True
            return
        self.host.draining = True
        asyncio.get_running_loop().call_soon_threadsafe(self._begin_drain)

    def _begin_drain(self) -> None:
        self._draining = asyncio.get_running_loop().create_task(self._drain())

    async def _drain(self) -> None:
        end = time.monotonic() + self._settings.drain_s
        if self.moves:
            await self.host.placement.move_all()
        self.host.announce({"type": "bye", "reason": "this worker is going away; join again"})
        while self.host.rooms.ids and time.monotonic() < end:
            self.host.placement.end_empty("this worker is going away")
            await asyncio.sleep(_LOOK_S)
        self.should_exit = True
