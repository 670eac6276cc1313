"""ICE over TCP (RFC 6544), the passive side: datagrams in frames of RFC 4571, many connections.

For peers whose UDP is blocked. An address on a TCP connection is written as host ``127.0.0.1%tcp``
(a scope, as in ``fe80::1%eth0``), so that the endpoint tells it from the same UDP address.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

from antiphase.media.stun import Address

__all__ = ["TcpListener", "is_tcp", "tcp_address"]

_SCOPE = "%tcp"
_MAX_CONNECTIONS = 2000
_MAX_FRAME = 2048
_MAX_WAITING = 1 << 16
_PROOF_SECONDS = 10.0


def tcp_address(host: str, port: int) -> Address:
    """Return how the address of a TCP connection is written."""
    return (host + _SCOPE, port)


def is_tcp(address: Address) -> bool:
    """Whether an address is one of a TCP connection."""
    return address[0].endswith(_SCOPE)


class _Connection(asyncio.Protocol):
    """One peer's connection: cuts its bytes into datagrams."""

    def __init__(self, listener: TcpListener) -> None:
        self._listener = listener
        self._waiting = bytearray()
        self.transport: asyncio.Transport
        self.source: Address

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        name = transport.get_extra_info("peername")
        self.source = tcp_address(str(name[0]), int(name[1]))
        self._listener.opened(self)

    def data_received(self, data: bytes) -> None:
        self._waiting += data
        while len(self._waiting) >= 2:
            size = int.from_bytes(self._waiting[:2])
            if size > _MAX_FRAME:
                self.transport.abort()
                return
            if len(self._waiting) < 2 + size:
                return
            datagram = bytes(self._waiting[2 : 2 + size])
            del self._waiting[: 2 + size]
            if datagram:
                self._listener.receive(datagram, self.source)

    def connection_lost(self, error: Exception | None) -> None:
        del error
        self._listener.closed(self)


class TcpListener:
    """Takes connections and carries datagrams over them.

    A connection whose source has not passed a connectivity check within ten seconds, or does not
    any more, is closed; so is one that announces a longer frame than any datagram of ours. What a
    peer does not read in time is dropped, as on UDP.

    Attributes
    ----------
    on_datagram : callable
        Takes each datagram and its source.
    knows : callable
        Whether a source has passed a check.
    dropped : int
        Datagrams that a peer did not take in time.
    """

    def __init__(self) -> None:
        self.on_datagram: Callable[[bytes, Address], None] = lambda *_: None
        self.knows: Callable[[Address], bool] = lambda _: True
        self.dropped = 0
        self._connections: dict[Address, _Connection] = {}
        self._server: asyncio.Server | None = None

    @classmethod
    async def start(cls, host: str, port: int) -> TcpListener:
        """Bind and take connections.

        Raises
        ------
        OSError
            If the port is taken.
        """
        listener = cls()
        listener._server = await asyncio.get_running_loop().create_server(
            lambda: _Connection(listener), host, port
        )
        return listener

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return 0 if self._server is None else int(self._server.sockets[0].getsockname()[1])

    def receive(self, datagram: bytes, source: Address) -> None:
        """Hand a datagram on."""
        self.on_datagram(datagram, source)

    def opened(self, connection: _Connection) -> None:
        """Keep a new connection, unless there are too many."""
        if len(self._connections) >= _MAX_CONNECTIONS:
            connection.transport.abort()
            return
        self._connections[connection.source] = connection
        self._prove_later(connection)

    def _prove_later(self, connection: _Connection) -> None:
        asyncio.get_running_loop().call_later(_PROOF_SECONDS, self._prove, connection)

    def _prove(self, connection: _Connection) -> None:
        if self._connections.get(connection.source) is not connection:
            return
        if self.knows(connection.source):
            self._prove_later(connection)
        else:
            connection.transport.abort()

    def closed(self, connection: _Connection) -> None:
        """Forget a connection."""
        if self._connections.get(connection.source) is connection:
            del self._connections[connection.source]

    def send(self, datagram: bytes, target: Address) -> None:
        """Send a datagram to the peer of a connection; dropped where there is none."""
        connection = self._connections.get(target)
        if connection is None:
            return
        if connection.transport.get_write_buffer_size() > _MAX_WAITING:
            self.dropped += 1
            return
        connection.transport.write(len(datagram).to_bytes(2) + datagram)

    def close(self) -> None:
        """Close the port and all connections, once what waits has been sent."""
        if self._server is not None:
            self._server.close()
        for connection in list(self._connections.values()):
            connection.transport.close()
