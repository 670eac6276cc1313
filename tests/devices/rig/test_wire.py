"""A device's wires to the service."""

from __future__ import annotations

import asyncio
import select
import socket
import sys
import time
from typing import Any

import pytest

from antiphase.devices.rig import (
    DeviceWire,
    Place,
    RigDevice,
    call_server,
    make_devices,
    make_scene,
)
from antiphase.devices.rig.wire import _kernel_time
from antiphase.errors import ProtocolError
from antiphase.media.stun import Address
from tests.devices.rig.live import free_port, service
from tests.devices.rig.server import CERTIFICATE


def test_a_device_joins_again_when_its_place_is_taken_away() -> None:
    """The session ends and the server refuses: the device says why instead of trying for ever."""

    async def run(server: str) -> tuple[int, list[dict[str, Any]]]:
        made = call_server(server, "POST", "/sessions", {"name": "wire"})
        device = make_devices(
            make_scene("road", seconds=2), time.monotonic(), certificate=CERTIFICATE
        )[1]
        told: list[dict[str, Any]] = []
        links = device.place.scene.links(device.name)
        wire = DeviceWire(device, made["websocket"], links=links, told=told.append)
        task = asyncio.create_task(wire.run())
        for _ in range(200):
            await asyncio.sleep(0.05)
            if device.connected:
                break
        assert device.connected
        path = f"/sessions/{made['session_id']}"
        await asyncio.to_thread(call_server, server, "DELETE", path, None, made["owner_token"])
        with pytest.raises(ProtocolError, match="refuses"):
            await asyncio.wait_for(task, 15)
        return wire.joins, told

    with service() as (server, _):
        joins, told = asyncio.run(run(server))
    assert joins == 1
    assert {"mode", "bye"} <= {message["type"] for message in told}


def test_a_server_that_stays_away_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """After the time to give up the address is named."""
    monkeypatch.setattr("antiphase.devices.rig.wire._GIVE_UP_S", 0.2)
    device = make_devices(make_scene("road", seconds=2), 0.0, certificate=CERTIFICATE)[0]
    wire = DeviceWire(device, f"ws://127.0.0.1:{free_port()}/x")
    with pytest.raises(ProtocolError, match="no session at"):
        asyncio.run(wire.run())


def _await_timestamps(sender: socket.socket, held: socket.socket) -> None:
    """Wait until the kernel notes arrivals: it begins a while after it was asked, later under load.

    Until then a datagram's time is that of its reading.
    """
    for _ in range(100):
        sender.sendto(b"?", held.getsockname())
        assert select.select([held], [], [], 10)[0]
        time.sleep(0.02)
        _, extra, _, _ = held.recvmsg(16, 64)
        if time.monotonic() - _kernel_time(extra) > 0.015:
            return
    raise AssertionError("the kernel notes no arrivals")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says when a datagram came")
def test_a_process_that_stalls_does_not_make_its_device_deaf() -> None:
    """What reached the kernel in time is heard in time, whenever this process may look."""

    class Played(RigDevice):
        """Notes when it hears and what it processes."""

        def __init__(self, place: Place) -> None:
            super().__init__(place, certificate=CERTIFICATE)
            self.lived: list[tuple[str, float]] = []

        def receive(self, datagram: bytes, source: Address, now: float, wall: float) -> None:
            self.advance(now)
            self.lived.append(("datagram", now))

        def process(self, first: int, now: float) -> None:
            self.lived.append(("frame", self.place.clock.time_of(first + self.frame)))

    async def run() -> list[tuple[str, float]]:
        scene = make_scene("road", seconds=2, delay_ms=1, jitter_ms=0, loss=0)
        start = time.monotonic()
        clock = scene.clock("window", start)
        device = Played(Place(scene, scene.device("window"), start, clock, clock))
        wire = DeviceWire(device, "ws://127.0.0.1:9/x", links=scene.links("window"))
        wire._open_socket()
        held = wire._socket
        assert held is not None
        held.bind(("127.0.0.1", 0))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            _await_timestamps(sender, held)
            for _ in range(10):
                sender.sendto(b"x", held.getsockname())
                time.sleep(0.01)  # noqa: ASYNC251 - the stall
        # A loaded kernel delivers on its own loopback when it can.
        assert select.select([held], [], [], 10)[0]
        time.sleep(0.1)  # noqa: ASYNC251 - as above
        wire._live()
        wire._close_socket()
        return device.lived

    lived = asyncio.run(run())
    assert sum(kind == "datagram" for kind, _ in lived) >= 9
    assert sum(kind == "frame" for kind, _ in lived) >= 15
    times = [at for _, at in lived]
    assert times == sorted(times)


def test_what_is_sent_at_one_instant_leaves_in_order() -> None:
    """A repeated packet must not be overtaken by the one after it, or the repeat is for nothing."""

    class Talking(RigDevice):
        """Has twenty datagrams to send."""

        to: Address = ("127.0.0.1", 9)

        def poll_outgoing(self) -> list[tuple[bytes, Address]]:
            return [(bytes([k]), self.to) for k in range(20)]

    async def run() -> list[int]:
        scene = make_scene("road", seconds=2, delay_ms=5, jitter_ms=0, loss=0)
        clock = scene.clock("window", time.monotonic())
        place = Place(scene, scene.device("window"), clock.start, clock, clock)
        device = Talking(place, certificate=CERTIFICATE)
        wire = DeviceWire(device, "ws://127.0.0.1:9/x", links=scene.links("window"))
        wire._open_socket()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ear:
            ear.bind(("127.0.0.1", 0))
            ear.settimeout(5)
            device.to = ear.getsockname()
            wire._flush()
            await asyncio.sleep(0.1)
            heard = [ear.recv(16)[0] for _ in range(20)]
        wire._close_socket()
        return heard

    assert asyncio.run(run()) == list(range(20))
