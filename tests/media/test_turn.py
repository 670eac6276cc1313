"""Relay credentials, and a call through Debian's coturn on loopback."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.async_api import Page

from antiphase.errors import ParameterError
from antiphase.media.client import Client, ClientTrack
from antiphase.media.payload import AudioFormat
from antiphase.media.routing import Gain, Route
from antiphase.media.stun import Address, Attribute, Message, MessageClass, Method, encode_error
from antiphase.media.turn import TurnClient, TurnCredentials, issue_credentials
from tests.media.browser import needs_chromium
from tests.media.room import DRIVERS, Driver, Room, in_room
from tests.media.test_chromium import PITCH, Server, in_browser
from tests.needs import program

L16 = AudioFormat("L16", 96, 8000)
SECRET = "north"  # noqa: S105 - a test's
RELAY: Address = ("192.0.2.9", 3478)


def test_credentials_are_what_coturn_computes() -> None:
    """User `expiry:name`, password the base64 of its HMAC-SHA1."""
    credentials = issue_credentials("secret", "anna", 1000.4, lifetime_s=600)
    assert credentials.username == "1600:anna"
    digest = hmac.new(b"secret", b"1600:anna", hashlib.sha1).digest()
    assert base64.b64decode(credentials.password) == digest


@pytest.mark.parametrize(
    ("secret", "name", "seconds"), [("", "a", 1.0), ("s", "a:b", 1.0), ("s", "a", 0.0)]
)
def test_bad_credentials_are_not_issued(secret: str, name: str, seconds: float) -> None:
    """Empty secrets, colons and lifetimes of nothing are refused."""
    with pytest.raises(ParameterError):
        issue_credentials(secret, name, 0.0, lifetime_s=seconds)


def test_a_silent_relay_is_given_up() -> None:
    """Requests are repeated with growing pauses, then the reason is told."""
    turn = TurnClient(RELAY, TurnCredentials("u", "p"))
    turn.start(0.0)
    sent = 0
    for second in range(40):
        turn.tick(float(second))
        sent += len(turn.poll_outgoing())
    assert turn.failed == "the relay does not answer"
    assert sent == 7


def test_a_relay_that_renews_its_nonce_for_ever_is_given_up() -> None:
    """Each answer asks for the same with a new nonce: a few times, then the reason is told."""
    turn = TurnClient(RELAY, TurnCredentials("u", "p"))
    turn.start(0.0)
    asked = 0
    while outgoing := turn.poll_outgoing():
        asked += len(outgoing)
        message = Message.parse(outgoing[-1])
        answer = message.answer(MessageClass.ERROR)
        answer.attributes[Attribute.ERROR_CODE] = encode_error(438, "Stale Nonce")
        answer.attributes[Attribute.NONCE] = str(asked).encode()
        turn.receive(answer.encode(), RELAY, 0.0)
        assert asked < 20
    assert turn.failed is not None
    assert "438" in turn.failed


def test_a_refusal_is_told() -> None:
    """A relay out of quota says so, in one line."""
    turn = TurnClient(RELAY, TurnCredentials("u", "p"))
    turn.start(0.0)
    (request,) = turn.poll_outgoing()
    answer = Message.parse(request).answer(MessageClass.ERROR)
    answer.attributes[Attribute.ERROR_CODE] = encode_error(486, "Allocation Quota Reached")
    turn.receive(answer.encode(), RELAY, 0.0)
    assert turn.failed == "the relay refuses an allocation: 486 Allocation Quota Reached"


def test_strangers_and_junk_are_no_relay() -> None:
    """Only the relay's address counts, and malformed datagrams are dropped."""
    turn = TurnClient(RELAY, TurnCredentials("u", "p"))
    data = Message(Method.DATA, MessageClass.INDICATION)
    data.attributes = {Attribute.DATA: b"x"}
    assert turn.receive(data.encode(), ("203.0.113.5", 1), 0.0) == []
    assert turn.receive(data.encode(), RELAY, 0.0) == []
    assert turn.receive(b"junk", RELAY, 0.0) == []


def test_what_waits_for_the_relay_is_bounded() -> None:
    """Before the allocation the newest 64 datagrams are kept."""
    turn = TurnClient(RELAY, TurnCredentials("u", "p"))
    for k in range(1000):
        turn.send(bytes([k % 256]), ("198.51.100.1", 1), 0.0)
    assert len(turn._waiting) == 64


@pytest.fixture
def coturn(tmp_path: Path) -> Iterator[Address]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = (
        f"{program('turnserver')} -n -L 127.0.0.1 -E 127.0.0.1 -p {port} --use-auth-secret --no-tls"
    )
    command += f" --static-auth-secret {SECRET} --realm test --allow-loopback-peers --no-cli"
    command += (
        f" --no-dtls --log-file {tmp_path}/log --pidfile {tmp_path}/pid --userdb {tmp_path}/db"
    )
    with subprocess.Popen(
        command.split(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        time.sleep(0.5)
        yield "127.0.0.1", port
        process.terminate()


class Relayed(asyncio.DatagramProtocol):
    """Our client behind a relay: everything it sends and gets is carried by the relay."""

    def __init__(self, client: Client, turn: TurnClient) -> None:
        self.client = client
        self.turn = turn
        self.transport: asyncio.DatagramTransport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]

    def datagram_received(self, data: bytes, addr: Address) -> None:
        now = time.monotonic()
        for datagram, peer in self.turn.receive(data, (addr[0], addr[1]), now):
            self.client.receive(datagram, peer, now, time.time())
        self.flush()

    def flush(self) -> None:
        now = time.monotonic()
        for datagram, target in self.client.poll_outgoing():
            self.turn.send(datagram, target, now)
        for datagram in self.turn.poll_outgoing():
            self.transport.sendto(datagram, self.turn.relay)


RELAYED = """
async () => {
  const all = [...(await peer.getStats()).values()];
  const pairs = all.filter((s) => s.type === "candidate-pair" && s.nominated);
  return pairs.map((p) => all.find((s) => s.id === p.localCandidateId).candidateType);
}
"""


@DRIVERS
def test_a_call_through_coturn(kind: Driver, coturn: Address) -> None:
    """With issued credentials a client that only reaches the relay talks and hears its echo."""

    async def check(room: Room) -> None:
        client = Client((ClientTrack(L16),))
        turn = TurnClient(coturn, issue_credentials(SECRET, "anna", time.time()))
        now = time.monotonic()
        client.accept(room.endpoint.open("a", client.offer(), now), now)
        room.endpoint.set_routes("a", "0", (Route(Gain(), "a", "0"),))
        _, peer = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: Relayed(client, turn), local_addr=("127.0.0.1", 0)
        )
        room.closing.append(peer.transport.close)
        turn.start(now)
        heard = 0
        for _ in range(500):
            turn.tick(time.monotonic())
            client.tick(time.monotonic(), time.time())
            client.send_audio("0", np.full(80, 0.1))
            peer.flush()
            await asyncio.sleep(0.01)
            heard += len([e for e in client.poll_events() if hasattr(e, "frame")])
            if heard > 10:
                break
        assert turn.failed is None
        assert heard > 10
        selected = room.endpoint._peers["a"].agent.selected
        assert selected == turn.relayed

    in_room(kind, check)


@needs_chromium
@DRIVERS
def test_a_browser_behind_coturn(kind: Driver, coturn: Address) -> None:
    """A browser that may use nothing but the relay takes the credentials and hears its tone."""

    async def check(server: Server, page: Page) -> None:
        assert await page.evaluate(PITCH, {"index": 0, "hz": 440}) > 0
        stats = await page.evaluate(RELAYED)
        assert stats == ["relay"]

    issued = issue_credentials(SECRET, "anna", time.time())
    relay = {
        "urls": f"turn:{coturn[0]}:{coturn[1]}?transport=udp",
        "username": issued.username,
        "credential": issued.password,
    }
    in_browser(kind, check, settings={"iceServers": [relay], "iceTransportPolicy": "relay"})


def test_expired_credentials_are_refused(coturn: Address) -> None:
    """Yesterday's user gets no allocation."""

    async def run() -> str | None:
        turn = TurnClient(coturn, issue_credentials(SECRET, "anna", time.time() - 7200))
        _, peer = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: Relayed(Client((ClientTrack(L16),)), turn), local_addr=("127.0.0.1", 0)
        )
        turn.start(time.monotonic())
        for _ in range(200):
            peer.flush()
            await asyncio.sleep(0.01)
            if turn.failed:
                break
        peer.transport.close()
        return turn.failed

    assert "401" in (asyncio.run(run()) or "")
