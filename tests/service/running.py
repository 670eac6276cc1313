"""A real server on loopback in a thread of its own, and small clients for it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from antiphase.service.serve import Server
from antiphase.service.settings import ServiceSettings

__all__ = ["Live", "join", "live", "until"]


class Live:
    """A running server.

    Attributes
    ----------
    server : Server
    url : str
    """

    def __init__(self, server: Server) -> None:
        self.server = server
        ports = [s.getsockname()[1] for each in server.servers for s in each.sockets]
        self.url = f"http://127.0.0.1:{ports[0]}"

    @property
    def websocket(self) -> str:
        """Its address for WebSockets."""
        return self.url.replace("http", "ws", 1)

    def create(self, **wish: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
        """Open a session."""
        answer = httpx.post(f"{self.url}/sessions", json=wish)
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made


@contextlib.contextmanager
def live(**settings: Any) -> Iterator[Live]:  # noqa: ANN401 - pydantic checks them
    """Run a server on free ports."""
    server = Server(ServiceSettings(**({"port": 0, "drain_s": 0.0} | settings)))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.01)
        yield Live(server)
    finally:
        server.should_exit = True
        thread.join(20)
        assert not thread.is_alive()


@contextlib.asynccontextmanager
async def join(
    server: Live,
    session_id: str,
    token: str | None = None,
    **message: Any,  # noqa: ANN401 - JSON
) -> AsyncIterator[ClientConnection]:
    """Open a WebSocket and join."""
    protocols = [Subprotocol("antiphase.v1")]
    if token is not None:
        protocols.append(Subprotocol(f"token.{token}"))
    address = f"{server.websocket}/{session_id}"
    async with connect(address, subprotocols=protocols, compression=None) as socket:
        await socket.send(json.dumps({"type": "join", "device": "test"} | message))
        yield socket


async def until(socket: ClientConnection, kind: str) -> dict[str, Any]:
    """Return the next message of a type."""
    async with asyncio.timeout(20):
        while True:
            message: dict[str, Any] = json.loads(await socket.recv())
            if message["type"] == kind:
                return message
