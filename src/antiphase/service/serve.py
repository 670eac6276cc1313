"""Runs the service: uvicorn with TLS 1.3, and the way out after SIGTERM."""

from __future__ import annotations

import asyncio
import signal
import socket
import ssl
import time
from types import FrameType

import uvicorn

from antiphase.errors import FileFormatError, ParameterError
from antiphase.service.app import make_app
from antiphase.service.host import RoomHost
from antiphase.service.settings import ServiceSettings
from antiphase.service.signalling import LARGEST_MESSAGE

__all__ = ["Server", "serve"]

_LOOK_S = 0.2


class Server(uvicorn.Server):
    """Uvicorn that lets sessions end before it does.

    Parameters
    ----------
    settings : ServiceSettings
    """

    def __init__(self, settings: ServiceSettings) -> None:
        self._settings = settings
        self._app = make_app(settings)
        config = uvicorn.Config(
            self._app,
            host=settings.host,
            port=settings.port,
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
        self.host.announce({"type": "bye", "reason": "this worker is going away; join again"})
        while self.host.rooms.ids and time.monotonic() < end:
            self.host.end_empty("this worker is going away")
            await asyncio.sleep(_LOOK_S)
        self.should_exit = True


def serve(settings: ServiceSettings) -> None:
    """Run the service until it is told to end.

    Raises
    ------
    ParameterError
        If the port is taken.
    FileFormatError
        If the certificate cannot be read.
    """
    with socket.socket(socket.AF_INET6 if ":" in settings.host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            rule = f"free on {settings.host} ({error.strerror}); choose another one"
            raise ParameterError("port", settings.port, rule) from None
    Server(settings).run()
