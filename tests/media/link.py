"""An endpoint and clients on an in-memory link with a clock of its own."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from antiphase.media.client import Client, ClientTrack
from antiphase.media.dtls import Certificate
from antiphase.media.endpoint import Endpoint, EndpointSettings
from antiphase.media.events import Event
from antiphase.media.payload import AudioFormat
from antiphase.media.stun import Address

SERVER: Address = ("192.0.2.1", 8443)
CERTIFICATE = Certificate()
L16 = AudioFormat("L16", 96, 8000)


@dataclass
class Link:
    """Delivers datagrams between one endpoint and clients; `spoil` may drop, delay or repeat."""

    endpoint: Endpoint = field(
        default_factory=lambda: Endpoint(EndpointSettings((SERVER,)), CERTIFICATE)
    )
    clients: dict[Address, Client] = field(default_factory=dict)
    now: float = 100.0
    events: list[Event] = field(default_factory=list)
    client_events: list[Event] = field(default_factory=list)
    spoil: Callable[[bytes], list[bytes]] = field(default=lambda datagram: [datagram])

    def join(self, session_id: str, *tracks: ClientTrack, address: Address | None = None) -> Client:
        """Offer, answer and start to connect."""
        client = Client(tracks or (ClientTrack(L16),), certificate=CERTIFICATE)
        client.accept(self.endpoint.open(session_id, client.offer(), self.now), self.now)
        self.clients[address or ("198.51.100.1", 1000 + len(self.clients))] = client
        return client

    def step(self, seconds: float = 0.01) -> None:
        """Let time pass and deliver until nothing is under way."""
        self.now += seconds
        self.endpoint.tick(self.now, self.now)
        for client in self.clients.values():
            client.tick(self.now, self.now)
        for _ in range(50):
            if not self._deliver():
                break
        self.events += self.endpoint.poll_events()
        for client in self.clients.values():
            self.client_events += client.poll_events()

    def _deliver(self) -> bool:
        moved = False
        for address, client in list(self.clients.items()):
            for datagram, _ in client.poll_outgoing():
                moved = True
                for copy in self.spoil(datagram):
                    self.endpoint.receive(copy, address, self.now, self.now)
        for datagram, target in self.endpoint.poll_outgoing():
            moved = True
            if target in self.clients:
                for copy in self.spoil(datagram):
                    self.clients[target].receive(copy, SERVER, self.now, self.now)
        return moved

    def until_connected(self, client: Client, seconds: float = 5.0) -> None:
        """Step until the client is connected."""
        end = self.now + seconds
        while not client.connected and self.now < end:
            self.step()


def lossy(share: float, seed: int = 1) -> Callable[[bytes], list[bytes]]:
    """Drop a share of all datagrams, the same ones in every run."""
    rng = random.Random(seed)  # noqa: S311 - reproducible loss
    return lambda datagram: [] if rng.random() < share else [datagram]
