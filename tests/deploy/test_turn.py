"""The relay's configuration in the chart, read by the real coturn."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator

import pytest

from antiphase.media.stun import Address, Attribute, Message, MessageClass
from antiphase.media.turn import TurnClient, issue_credentials
from deploy.render import objects, read_values

SECRET = "a test's"  # noqa: S105 - a test's
pytestmark = pytest.mark.skipif(
    shutil.which("turnserver") is None and not os.environ.get("CI"),
    reason="coturn is not installed",
)


@pytest.fixture(scope="module")
def relay(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Address]:
    """Start coturn with the chart's configuration on a free port; yield its address."""
    folder = tmp_path_factory.mktemp("turn")
    maps = [made for made in objects(read_values("production")) if made["kind"] == "ConfigMap"]
    text = maps[0]["data"]["turnserver.conf"].replace("/tmp/", f"{folder}/")  # noqa: S108 - theirs
    (folder / "turnserver.conf").write_text(text, encoding="utf-8")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = ["--listening-ip=127.0.0.1", "--relay-ip=127.0.0.1", f"--listening-port={port}"]
    command = ["turnserver", "-c", str(folder / "turnserver.conf"), *options]
    with subprocess.Popen(
        [*command, f"--static-auth-secret={SECRET}"], stdout=subprocess.DEVNULL
    ) as running:
        try:
            yield ("127.0.0.1", port)
        finally:
            running.terminate()


class Caller:
    """A client on a socket of its own that remembers what the relay refuses."""

    def __init__(self, relay: Address, secret: str) -> None:
        self.turn = TurnClient(relay, issue_credentials(secret, "anna", time.time()))
        self.refused: list[int] = []

    def talk(self, until: Callable[[], object], send_to: str = "") -> None:
        """Carry datagrams until something is so, at most ten seconds."""
        sent = False
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wire:
            wire.settimeout(0.02)
            self.turn.start(time.monotonic())
            end = time.monotonic() + 10
            while time.monotonic() < end and not until():
                now = time.monotonic()
                if send_to and self.turn.relayed and not sent:
                    sent = True
                    self.turn.send(b"x", (send_to, 80), now)
                self.turn.tick(now)
                for datagram in self.turn.poll_outgoing():
                    wire.sendto(datagram, self.turn.relay)
                try:
                    datagram, address = wire.recvfrom(2048)
                except TimeoutError:
                    continue
                message = Message.parse(datagram)
                if message.message_class == MessageClass.ERROR:
                    value = message.attributes[Attribute.ERROR_CODE]
                    self.refused.append(100 * value[2] + value[3])
                self.turn.receive(datagram, address, now)


def test_credentials_of_the_service_open_an_allocation(relay: Address) -> None:
    """The configuration is one that coturn reads, and it takes what the service issues."""
    caller = Caller(relay, SECRET)
    caller.talk(lambda: caller.turn.relayed or caller.turn.failed)
    assert caller.turn.failed is None
    assert caller.turn.relayed is not None
    assert 49160 <= caller.turn.relayed[1] <= 49360


def test_another_secret_is_refused(relay: Address) -> None:
    """Credentials signed with another secret get nothing."""
    caller = Caller(relay, "theirs")
    caller.talk(lambda: caller.turn.relayed or caller.turn.failed)
    assert "401" in (caller.turn.failed or "")


@pytest.mark.parametrize(
    "peer", ["10.0.0.1", "172.20.0.1", "192.168.1.1", "169.254.169.254", "127.0.0.1", "100.64.0.1"]
)
def test_peers_of_its_own_network_are_refused(relay: Address, peer: str) -> None:
    """The relay gives no permission for private, shared, loopback and metadata addresses: 403."""
    caller = Caller(relay, SECRET)
    caller.talk(lambda: 403 in caller.refused, send_to=peer)
    assert caller.turn.relayed is not None
    assert caller.refused[-1] == 403


def test_a_public_peer_is_not_refused(relay: Address) -> None:
    """The refusals are the list's doing: an address of the internet gets its permission."""
    caller = Caller(relay, SECRET)
    caller.talk(lambda: ("203.0.113.9", 80) in caller.turn._permitted, send_to="203.0.113.9")
    assert 403 not in caller.refused
    assert ("203.0.113.9", 80) in caller.turn._permitted
