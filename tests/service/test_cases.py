"""Faults that others have met in live services, as CASES 21, 22 and 24 tell them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from aiortc import RTCPeerConnection, RTCSessionDescription
from websockets.asyncio.client import ClientConnection

from antiphase.service.rooms import Rooms
from tests.service.running import Live, join, live, until
from tests.service.test_rooms import World
from tests.service.workers import wait_until

LISTENER = [{"role": "listener"}]


@pytest.fixture(scope="module")
def server() -> Iterator[Live]:
    """One server for all tests here."""
    with live() as running:
        yield running


def nothing_is_left(server: Live) -> None:
    """All places are free and no media peer stays."""
    host = server.server.host
    rooms = host.rooms
    wait_until(lambda: not any(rooms.describe(i)["devices"] for i in rooms.ids))
    wait_until(lambda: not host.endpoint.sessions)


async def offered(*, kind: str = "audio") -> tuple[RTCPeerConnection, str]:
    peer = RTCPeerConnection()
    peer.addTransceiver(kind, direction="recvonly")
    await peer.setLocalDescription(await peer.createOffer())
    return peer, peer.localDescription.sdp


async def say(socket: ClientConnection, **message: Any) -> None:  # noqa: ANN401 - JSON
    await socket.send(json.dumps(message))


async def works(socket: ClientConnection) -> None:
    """Check that a good offer is still answered here, and media connect."""
    peer, sdp = await offered()
    await say(socket, type="offer", sdp=sdp)
    answer = await until(socket, "answer")
    await peer.setRemoteDescription(RTCSessionDescription(answer["sdp"], "answer"))
    async with asyncio.timeout(20):
        while peer.connectionState != "connected":  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    await peer.close()


def many_lines(sdp: str) -> str:
    lines = [f"m=audio 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:more-{k}\r\n" for k in range(200)]
    return sdp + "".join(lines)


def no_known_codec(sdp: str) -> str:
    lines = [
        line for line in sdp.splitlines() if not line.startswith(("a=rtp", "a=rtcp-fb", "a=fmtp"))
    ]
    own = [("m=audio 9 UDP/TLS/RTP/SAVPF 96" if line[:2] == "m=" else line) for line in lines]
    return "\r\n".join([*own, "a=rtpmap:96 speex/8000"]) + "\r\n"


@pytest.mark.parametrize("change", [many_lines, no_known_codec, lambda sdp: sdp[: len(sdp) // 3]])
def test_an_offer_that_can_not_be_met_is_answered(server: Live, change: Any) -> None:  # noqa: ANN401
    """CASES 21: 200 m-lines, no audio codec we know, half an offer: refused or declined."""

    async def run() -> None:
        session_id = server.create()["session_id"]
        async with join(server, session_id, roles=LISTENER) as socket:
            await until(socket, "joined")
            peer, sdp = await offered()
            await say(socket, type="offer", sdp=change(sdp))
            async with asyncio.timeout(10):
                while True:
                    message = json.loads(await socket.recv())
                    if message["type"] in {"answer", "error"}:
                        break
            if message["type"] == "answer":
                assert "m=audio 0" in message["sdp"]
            else:
                assert message["code"] == "offer"
                assert "\n" not in message["message"]
            await peer.close()
            await works(socket)

    asyncio.run(run())
    nothing_is_left(server)


def test_video_alone_is_declined_and_the_rest_stands(server: Live) -> None:
    """CASES 21: an offer of video only gets an answer that declines it."""

    async def run() -> None:
        session_id = server.create()["session_id"]
        async with join(server, session_id, roles=LISTENER) as socket:
            await until(socket, "joined")
            peer, sdp = await offered(kind="video")
            await say(socket, type="offer", sdp=sdp)
            async with asyncio.timeout(10):
                while True:
                    message = json.loads(await socket.recv())
                    if message["type"] in {"answer", "error"}:
                        break
            assert message["type"] == "error" or "m=video 0" in message["sdp"]
            await peer.close()
            await works(socket)

    asyncio.run(run())
    nothing_is_left(server)


def test_candidates_before_the_offer_and_two_offers_at_once(server: Live) -> None:
    """CASES 21: early candidates are taken, each offer gets its answer in order."""

    async def run() -> None:
        session_id = server.create()["session_id"]
        async with join(server, session_id, roles=LISTENER) as socket:
            await until(socket, "joined")
            candidate = "candidate:1 1 udp 1 10.0.0.1 9 typ host"
            await say(socket, type="candidate", candidate=candidate, mid="0")
            peer, sdp = await offered()
            await say(socket, type="offer", sdp=sdp)
            await say(socket, type="offer", sdp=sdp)
            for _ in range(2):
                assert "m=audio 9" in (await until(socket, "answer"))["sdp"]
            await peer.close()
            await works(socket)

    asyncio.run(run())
    nothing_is_left(server)


@pytest.mark.parametrize("moment", ["before the join", "after the join", "after the offer"])
def test_a_client_that_goes_at_any_moment_leaves_nothing(server: Live, moment: str) -> None:
    """CASES 21, 22: closed without goodbye in mid-handshake, again and again, then reconnected."""

    async def run() -> None:
        session_id = server.create()["session_id"]
        for _ in range(5):
            async with join(server, session_id, roles=LISTENER) as socket:
                if moment != "before the join":
                    await until(socket, "joined")
                if moment == "after the offer":
                    peer, sdp = await offered()
                    await say(socket, type="offer", sdp=sdp)
                    await until(socket, "answer")
                    await peer.close()
                socket.transport.abort()
        async with join(server, session_id, roles=LISTENER) as socket:
            await until(socket, "joined")
            await works(socket)

    asyncio.run(run())
    nothing_is_left(server)


def test_reloads_do_not_use_up_a_room() -> None:
    """CASES 22: a page that is reloaded more often than a room has places always gets in."""

    async def run(server: Live) -> None:
        session_id = server.create()["session_id"]
        token = None
        for _ in range(6):
            async with join(server, session_id, token, roles=LISTENER) as socket:
                token = (await until(socket, "joined"))["resume_token"]
                peer, sdp = await offered()
                await say(socket, type="offer", sdp=sdp)
                await until(socket, "answer")
                await peer.close()
                socket.transport.abort()

    with live(most_devices=2) as running:
        asyncio.run(run(running))
        nothing_is_left(running)


def test_one_sessions_fault_does_not_stall_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """CASES 24: a room whose engine fails only forwards and says so, once; others go on."""
    world = World()
    rooms: Rooms = world.rooms
    for name in ("bad", "good"):
        rooms.create(name, now=world.now)

    def fail(_: float) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(rooms._rooms["bad"].engine, "tick", fail)
    world.run(6.0)
    told = [message for session_id, _, message in world.told if session_id == "bad"]
    assert [m["code"] for m in told if m["type"] == "error"] == ["fault"]
    assert rooms.describe("bad")["wanted_mode"] == "forward"
    figures = [m for s, _, m in world.told if s == "good" and m["type"] == "figures"]
    assert len(figures) >= 10
