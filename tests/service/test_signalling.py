"""The WebSocket, with a real client library and with aiortc as the peer behind it."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Iterator
from typing import cast

import httpx
import pytest
from aiortc import RTCPeerConnection, RTCSessionDescription
from fastapi import WebSocket, WebSocketDisconnect
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from antiphase.service.signalling import LARGEST_MESSAGE, _Connection
from tests.service.running import Live, join, live, until


@pytest.fixture(scope="module")
def server() -> Iterator[Live]:
    """One server for all tests here."""
    with live() as running:
        yield running


def devices(server: Live, session_id: str) -> int:
    return len(server.server.host.rooms.describe(session_id)["devices"])


async def ended(socket: ClientConnection) -> None:
    """Return once the server has closed the connection."""
    async with asyncio.timeout(20):
        with contextlib.suppress(ConnectionClosed):
            async for _ in socket:
                pass


def test_a_watcher_is_told_everything(server: Live) -> None:
    """Joined, mode with a reason, the switch, figures; others are told of the watcher."""

    async def run() -> None:
        session_id = server.create()["session_id"]
        async with join(server, session_id) as first:
            joined = await until(first, "joined")
            assert joined["session_id"] == session_id
            assert (await until(first, "mode"))["reason"]
            assert (await until(first, "control"))["on"] is True
            figures = await until(first, "figures")
            assert figures["mode"] == "forward"
            async with join(server, session_id) as second:
                other = (await until(second, "joined"))["device_id"]
                message = await until(first, "device")
                assert (message["device_id"], message["event"]) == (other, "joined")
            left = await until(first, "device")
            assert (left["device_id"], left["event"]) == (other, "left")

    asyncio.run(run())


def test_everybody_hears_of_the_switch(server: Live) -> None:
    """One turns control off; the other is told."""

    async def run() -> None:
        session_id = server.create()["session_id"]
        async with join(server, session_id) as first, join(server, session_id) as second:
            await until(second, "control")
            await until(first, "joined")
            await first.send('{"type": "control", "on": false}')
            assert (await until(second, "control"))["on"] is False
            await first.send('{"type": "mode", "mode": "split"}')
            assert "sound is passed on" in (await until(second, "mode"))["reason"]

    asyncio.run(run())


def test_a_foreign_peer_connects(server: Live) -> None:
    """Aiortc's offer is answered, its connection stands; a second offer renegotiates."""

    async def run() -> None:
        session_id = server.create()["session_id"]
        async with join(server, session_id, roles=[{"role": "listener", "track": "0"}]) as socket:
            await until(socket, "joined")
            peer = RTCPeerConnection()
            peer.addTransceiver("audio", direction="recvonly")
            peer.createDataChannel("anc.control")
            connected = asyncio.Event()
            peer.on("connectionstatechange", connected.set)
            for _ in range(2):
                await peer.setLocalDescription(await peer.createOffer())
                sdp = peer.localDescription.sdp
                await socket.send(json.dumps({"type": "offer", "sdp": sdp}))
                await socket.send('{"type": "candidate", "candidate": "", "mid": "0"}')
                answer = await until(socket, "answer")
                await peer.setRemoteDescription(RTCSessionDescription(answer["sdp"], "answer"))
            async with asyncio.timeout(20):
                while peer.connectionState != "connected":
                    connected.clear()
                    await connected.wait()
            await peer.close()

    asyncio.run(run())


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ('{"type": "offer", "sdp": ""}', "offer"),
        ('{"type": "offer", "sdp": "v=0\\r\\nm=video 9 UDP/TLS/RTP/SAVPF 96\\r\\n"}', "offer"),
        ('{"type": "mode", "mode": "magic"}', "modewish"),
        ('{"type": "join"}', "join"),
        ("nonsense", "message"),
    ],
)
def test_a_bad_message_costs_nothing(server: Live, message: str, code: str) -> None:
    """It is answered with an error; the connection goes on."""

    async def run() -> None:
        session_id = server.create()["session_id"]
        async with join(server, session_id) as socket:
            await until(socket, "joined")
            await socket.send(message)
            error = await until(socket, "error")
            assert error["code"] == code
            assert "\n" not in error["message"]
            await until(socket, "figures")

    asyncio.run(run())


def test_many_bad_messages_end_it(server: Live) -> None:
    """A client that only sends nonsense is let go."""

    async def run() -> None:
        session_id = server.create()["session_id"]
        async with join(server, session_id) as socket:
            await until(socket, "joined")
            with contextlib.suppress(ConnectionClosed):
                for _ in range(20):
                    await socket.send("nonsense")
            await ended(socket)
        assert devices(server, session_id) == 0

    asyncio.run(run())


def test_too_many_messages_end_it() -> None:
    """More than the limit a minute closes the connection and says so."""

    async def run(server: Live) -> None:
        session_id = server.create()["session_id"]
        async with join(server, session_id) as socket:
            with contextlib.suppress(ConnectionClosed):
                for _ in range(30):
                    await socket.send('{"type": "control", "on": true}')
            assert (await until(socket, "error"))["code"] == "rate"

    with live(messages_per_minute=20) as running:
        asyncio.run(run(running))


def test_a_message_that_is_too_long_ends_it(server: Live) -> None:
    """The server does not take more than 64 kB."""

    async def run() -> None:
        session_id = server.create()["session_id"]
        async with join(server, session_id) as socket:
            await until(socket, "joined")
            await socket.send("x" * (LARGEST_MESSAGE + 1))
            await ended(socket)

    asyncio.run(run())


def test_the_session_must_be_there(server: Live) -> None:
    """An unknown id is refused with the reason."""

    async def run() -> None:
        async with join(server, "nobody") as socket:
            assert "an open session" in (await until(socket, "error"))["message"]

    asyncio.run(run())


def test_the_subprotocol_is_needed(server: Live) -> None:
    """Without it there is no connection."""
    session_id = server.create()["session_id"]

    async def run() -> None:
        address = f"{server.websocket}/{session_id}"
        with pytest.raises(InvalidStatus):
            async with connect(address, subprotocols=[Subprotocol("other")]):
                pass

    asyncio.run(run())


def test_a_closed_socket_leaves_no_ghost(server: Live) -> None:
    """However it ends, the device's place is free at once, also in mid-handshake."""

    async def run() -> None:
        session_id = server.create()["session_id"]
        for _ in range(3):
            async with join(server, session_id) as socket:
                await until(socket, "joined")
                peer = RTCPeerConnection()
                peer.addTransceiver("audio", direction="recvonly")
                await peer.setLocalDescription(await peer.createOffer())
                offer = {"type": "offer", "sdp": peer.localDescription.sdp}
                await socket.send(json.dumps(offer))
                await until(socket, "answer")
                socket.transport.abort()
                await peer.close()
        async with asyncio.timeout(10):
            while devices(server, session_id):  # noqa: ASYNC110 - the server's own thread
                await asyncio.sleep(0.02)
        assert not server.server.host.endpoint.sessions

    asyncio.run(run())


def test_the_end_of_the_session_is_told(server: Live) -> None:
    """Who is in it hears goodbye with the reason."""

    async def run() -> None:
        session_id = server.create()["session_id"]
        async with join(server, session_id) as socket:
            await until(socket, "joined")
            async with httpx.AsyncClient() as client:
                await client.delete(f"{server.url}/sessions/{session_id}")
            assert "owner" in (await until(socket, "bye"))["reason"]

    asyncio.run(run())


class Gone:
    """A socket that was closed meanwhile, in the words of uvicorn and starlette."""

    async def send_text(self, text: str) -> None:
        """Refuse."""
        raise RuntimeError("Unexpected ASGI message 'websocket.send', after 'websocket.close'.")

    async def receive_text(self) -> str:
        """Refuse."""
        raise RuntimeError('WebSocket is not connected. Need to call "accept" first.')


def test_a_socket_that_closed_meanwhile_is_an_end_and_no_fault(server: Live) -> None:
    """Words that cross the closing of a connection end it; the log gets no traceback."""
    connection = _Connection(server.server.host, cast("WebSocket", Gone()), "s")
    with pytest.raises(WebSocketDisconnect):
        asyncio.run(connection._send({"type": "bye"}))
    with pytest.raises(WebSocketDisconnect):
        asyncio.run(connection._receive())
