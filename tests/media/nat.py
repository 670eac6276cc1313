"""Between a foreign peer and the server: a NAT that may rebind, on a network that may be bad."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from antiphase.media.stun import Address

__all__ = ["Nat", "Spoil"]

Spoil = Callable[[bytes], list[bytes]]


class _Side(asyncio.DatagramProtocol):
    def __init__(self, take: Callable[[bytes, Address], None]) -> None:
        self.take = take

    def datagram_received(self, data: bytes, addr: Address) -> None:
        self.take(data, addr[:2])


class Nat:
    """Carries datagrams between one peer, which takes it for the server, and the server.

    `up` and `down` may drop or repeat what goes to and comes from the server; `late` delays what
    goes to it, by seconds.
    """

    def __init__(self, server: Address) -> None:
        self.server = server
        self.up: Spoil = lambda datagram: [datagram]
        self.down: Spoil = lambda datagram: [datagram]
        self.late: Callable[[bytes], float] = lambda _: 0.0
        self.peer: Address | None = None
        self.sent: list[bytes] = []  # by the peer, before `up`
        self.got: list[bytes] = []  # from the server, before `down`
        self._inside: asyncio.DatagramTransport
        self._outside: asyncio.DatagramTransport

    @classmethod
    async def start(cls, server: Address) -> Nat:
        """Open both sides."""
        nat = cls(server)
        nat._inside = await nat._open(nat._from_peer)
        nat._outside = await nat._open(nat._from_server)
        return nat

    async def _open(self, take: Callable[[bytes, Address], None]) -> asyncio.DatagramTransport:
        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: _Side(take), local_addr=("127.0.0.1", 0)
        )
        return transport

    @property
    def inside(self) -> Address:
        """Where the peer is to send."""
        return self._inside.get_extra_info("sockname")[:2]  # type: ignore[no-any-return]

    @property
    def outside(self) -> Address:
        """Where the server sees the peer."""
        return self._outside.get_extra_info("sockname")[:2]  # type: ignore[no-any-return]

    async def rebind(self) -> None:
        """Take another port outside; what still goes to the old one is lost."""
        self._outside.close()
        self._outside = await self._open(self._from_server)

    def _from_peer(self, datagram: bytes, source: Address) -> None:
        self.peer = source
        self.sent.append(datagram)
        for copy in self.up(datagram):
            seconds = self.late(copy)
            if seconds > 0:
                asyncio.get_running_loop().call_later(seconds, self.send, copy)
            else:
                self.send(copy)

    def send(self, datagram: bytes) -> None:
        """Send to the server as the peer's."""
        if not self._outside.is_closing():
            self._outside.sendto(datagram, self.server)

    def _from_server(self, datagram: bytes, _: Address) -> None:
        self.got.append(datagram)
        for copy in self.down(datagram):
            if self.peer is not None:
                self._inside.sendto(copy, self.peer)

    def close(self) -> None:
        """Close both sides."""
        self._inside.close()
        self._outside.close()
