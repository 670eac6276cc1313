"""Candidates that come late, never, or as names (mDNS): a lite server needs none of them.

Peers that we did not write: aiortc, aioice and Chromium, which hides its addresses behind names.
"""

from __future__ import annotations

import asyncio
import re
import socket
import time
import uuid
from collections.abc import Callable, Iterator

import aioice
import pytest
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.sdp import candidate_from_sdp

from antiphase.media.answer import AnswerPolicy
from antiphase.media.client import Client, ClientTrack
from antiphase.media.events import AudioReceived
from antiphase.media.sdp import parse_description
from tests.media.browser import needs_chromium, open_page
from tests.media.foreign import Tone
from tests.media.room import DRIVERS, L16, Driver, Room, in_room
from tests.media.test_chromium import CONNECT, PITCH, Server
from tests.media.test_loop import Server as EchoServer
from tests.media.test_loop import heard

CANDIDATE = re.compile(r"a=candidate:.*\r\n|a=end-of-candidates\r\n")
GATHERED = """
async () => {
  while (peer.iceGatheringState !== "complete") await new Promise((go) => setTimeout(go, 20));
  return peer.localDescription.sdp;
}
"""


@pytest.fixture(autouse=True)
def _no_names(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fail where anybody in this process looks a hidden name up."""
    asked: list[str] = []
    look_up = socket.getaddrinfo

    def record(host: str, *more: object, **options: object) -> object:
        asked.append(str(host))
        return look_up(host, *more, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", record)
    yield
    assert not [host for host in asked if host.endswith(".local")]


def without(sdp: str) -> str:
    """Return what a peer says that tells its candidates later."""
    return CANDIDATE.sub("", sdp)


def as_names(sdp: str) -> str:
    """Return what a peer says that hides its addresses behind names."""
    return re.sub(
        r"(a=candidate:\S+ \d udp \d+ )\S+",
        lambda m: f"{m[1]}{uuid.UUID(int=len(m[0]))}.local",
        sdp,
    )


@DRIVERS
@pytest.mark.parametrize("tell", [without, as_names], ids=["never told", "told as names"])
def test_aiortc_whose_candidates_are_not_known(kind: Driver, tell: Callable[[str], str]) -> None:
    """Its first check shows where it is; the candidate of ours that it uses is told it late."""

    async def run() -> tuple[EchoServer, float]:
        server = EchoServer(kind)
        await server.start(AnswerPolicy())
        peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        peer.addTrack(Tone())
        await peer.setLocalDescription(await peer.createOffer())
        sdp = tell(peer.localDescription.sdp)
        assert parse_description(sdp).candidates == ()
        answer = server.driver.endpoint.open("echo", sdp, time.monotonic())
        await peer.setRemoteDescription(RTCSessionDescription(without(answer), "answer"))
        await asyncio.sleep(0.3)
        assert peer.connectionState != "connected"
        (line,) = re.findall("a=candidate:(.*)\r\n", answer)
        candidate = candidate_from_sdp(line)
        candidate.sdpMid = peer.getTransceivers()[0].mid
        await peer.addIceCandidate(candidate)
        await peer.addIceCandidate(None)
        sound, _ = await heard(peer, 0.3)
        await peer.close()
        await server.driver.stop()
        return server, float(abs(sound).max())

    server, level = asyncio.run(run())
    assert level > 0.2
    assert sum(isinstance(event, AudioReceived) for event in server.events) > 10


@DRIVERS
@pytest.mark.parametrize("late_s", [0.0, 0.5])
@pytest.mark.parametrize("controlling", [True, False])
def test_a_full_ice_agent_that_learns_our_candidate_late(
    kind: Driver, controlling: bool, late_s: float
) -> None:
    """It checks and nominates though its candidates are never told; 487 puts its role right."""

    async def check(room: Room) -> None:
        agent = aioice.Connection(ice_controlling=controlling)
        await agent.gather_candidates()
        client = Client((ClientTrack(L16),))
        mine = client._credentials
        text = client.offer().replace(mine.ufrag, agent.local_username)
        text = text.replace(mine.password, agent.local_password)
        answer = parse_description(room.endpoint.open("late", text, time.monotonic()))
        agent.remote_is_lite = controlling  # else it would take the right role by itself
        agent.remote_username = answer.credentials.ufrag
        agent.remote_password = answer.credentials.password
        connecting = asyncio.create_task(agent.connect())
        await asyncio.sleep(late_s)
        ((host, port),) = answer.candidates
        line = f"1 1 udp 2130706431 {host} {port} typ host"
        await agent.add_remote_candidate(aioice.Candidate.from_sdp(line))
        await agent.add_remote_candidate(None)
        await asyncio.wait_for(connecting, 10)
        lite = room.endpoint._peers["late"].agent
        assert lite.nominated
        assert agent.ice_controlling
        assert lite.selected is not None
        assert lite.selected[1] in {c.port for c in agent.local_candidates}
        await agent.close()

    in_room(kind, check)


@needs_chromium
@DRIVERS
@pytest.mark.parametrize("told", [False, True], ids=["before gathering", "as names"])
def test_a_browser_that_hides_its_addresses(kind: Driver, told: bool) -> None:
    """An offer made before gathering has no candidates, one made after it only names: both work."""

    async def run() -> None:
        server = Server(kind)
        await server.start(AnswerPolicy())
        try:
            async with open_page() as page:
                sdp = await page.evaluate(CONNECT, {"tracks": 1, "data": None})
                assert "a=candidate" not in sdp
                if told:
                    sdp = await page.evaluate(GATHERED)
                    names = re.findall(r"a=candidate:\S+ \d udp \d+ (\S+) ", sdp)
                    assert names
                    assert all(name.endswith(".local") for name in names)
                await server.take(page, "tab", sdp)
                assert await page.evaluate(PITCH, {"index": 0, "hz": 440}) > 0
                selected = server.driver.endpoint._peers["tab"].agent.selected
                assert selected is not None
                assert selected[0] == "127.0.0.1"
        finally:
            await server.driver.stop()

    asyncio.run(run())
