"""WHIP and WHEP with aiortc as the publisher and the player."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import httpx
import pytest
from aiortc import RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack
from av import AudioFrame

from tests.service.running import Live, live

SDP = {"Content-Type": "application/sdp"}


@pytest.fixture(scope="module")
def server() -> Iterator[Live]:
    """One server for all tests here."""
    with live() as running:
        yield running


async def exchange(client: httpx.AsyncClient, peer: RTCPeerConnection, url: str) -> str:
    await peer.setLocalDescription(await peer.createOffer())
    answer = await client.post(url, content=peer.localDescription.sdp, headers=SDP)
    assert answer.status_code == 201, answer.text
    assert answer.headers["content-type"].startswith("application/sdp")
    await peer.setRemoteDescription(RTCSessionDescription(answer.text, "answer"))
    return answer.headers["location"]


def test_what_is_published_is_heard(server: Live) -> None:
    """A talker by WHIP, a listener by WHEP: frames arrive; DELETE ends both."""

    async def run() -> None:
        made = server.create()
        publisher, player = RTCPeerConnection(), RTCPeerConnection()
        publisher.addTrack(AudioStreamTrack())
        player.addTransceiver("audio", direction="recvonly")
        async with httpx.AsyncClient(base_url=server.url) as client:
            ends = [
                await exchange(client, publisher, made["whip"]),
                await exchange(client, player, made["whep"]),
            ]
            track = player.getReceivers()[0].track
            async with asyncio.timeout(20):
                for _ in range(3):
                    frame = await track.recv()
                    assert isinstance(frame, AudioFrame)
                    assert frame.samples > 0
            assert (await client.patch(ends[0], content="")).status_code == 204
            for end in ends:
                assert (await client.delete(end)).status_code == 200
                assert (await client.delete(end)).status_code == 404
            devices = (await client.get(f"/sessions/{made['session_id']}")).json()["devices"]
            assert devices == []
        await publisher.close()
        await player.close()

    asyncio.run(run())


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"", SDP, 400),
        (b"nonsense", SDP, 400),
        (b"\xff\xfe", SDP, 400),
        (b"v=0", {"Content-Type": "text/plain"}, 415),
        (b"x" * 65537, SDP, 413),
        (b"v=0\r\n" + b"m=audio 9 UDP/TLS/RTP/SAVPF 0\r\n" * 200, SDP, 400),
    ],
)
def test_bad_offers_are_refused(
    server: Live, body: bytes, headers: dict[str, str], status: int
) -> None:
    """With a reason in one line, and no device is left behind."""
    made = server.create()
    answer = httpx.post(made["whip"], content=body, headers=headers)
    assert answer.status_code == status
    assert "\n" not in answer.json()["detail"]
    described = httpx.get(f"{server.url}/sessions/{made['session_id']}").json()
    assert described["devices"] == []


def test_an_unknown_session_is_not_found(server: Live) -> None:
    """404 for both doors."""
    for kind in ("whip", "whep"):
        answer = httpx.post(f"{server.url}/{kind}/nobody", content=b"v=0", headers=SDP)
        assert answer.status_code == 404
