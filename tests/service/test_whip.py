"""WHIP and WHEP with aiortc as the publisher and the player."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import Callable, Iterator

import aioice.stun as aioice_stun
import httpx
import pytest
from aiortc import RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack
from av import AudioFrame

from antiphase.devices import LoadReport, LoadTest
from antiphase.devices.whip import post_offer
from antiphase.media.client import Client, ClientTrack
from antiphase.media.ice import IceCredentials
from antiphase.media.payload import AudioFormat
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


def frag(ufrag: str, password: str) -> str:
    return f"a=ice-ufrag:{ufrag}\r\na=ice-pwd:{password}\r\n"


async def patch(
    client: httpx.AsyncClient, url: str, content: str, **headers: str
) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    kind = {"Content-Type": "application/trickle-ice-sdpfrag"}
    return await client.patch(url, content=content, headers=kind | named)


def test_candidates_are_taken_for_the_ice_session_that_is(server: Live) -> None:
    """RFC 9725, 4.3: without If-Match 428, with another one 412, with the ETag 204."""

    async def run() -> None:
        made = server.create()
        publisher = RTCPeerConnection()
        publisher.addTrack(AudioStreamTrack())
        await publisher.setLocalDescription(await publisher.createOffer())
        sdp = publisher.localDescription.sdp
        own = [
            next(line for line in sdp.splitlines() if line.startswith(f"a={name}:"))
            for name in ("ice-ufrag", "ice-pwd")
        ]
        same = "\r\n".join(
            [*own, "m=audio 9 UDP/TLS/RTP/SAVPF 96", "a=mid:0", "a=candidate:1 1 udp"]
        )
        async with httpx.AsyncClient(base_url=server.url) as client:
            answer = await client.post(made["whip"], content=sdp, headers=SDP)
            place, etag = answer.headers["location"], answer.headers["etag"]
            assert answer.headers["accept-patch"] == "application/trickle-ice-sdpfrag"
            assert (await patch(client, place, same)).status_code == 428
            assert (await patch(client, place, same, If_Match='"other"')).status_code == 412
            assert (await patch(client, place, same, If_Match=etag)).status_code == 204
            other = frag("abcd", "p" * 22)
            assert (await patch(client, place, other, If_Match=etag)).status_code == 400
            for bad in ("", "a=ice-ufrag:abcd", frag("ab", "p" * 22), frag("abcd", "short")):
                assert (await patch(client, place, bad, If_Match="*")).status_code == 400
            wrong = await client.patch(place, content=same, headers=SDP | {"If-Match": etag})
            assert wrong.status_code == 415
            assert (await patch(client, f"{place}x", same, If_Match=etag)).status_code == 404
        await publisher.close()

    asyncio.run(run())


def test_ice_is_restarted_under_a_connection_that_stands(server: Live) -> None:
    """`If-Match: *` with new credentials: checks under the new ones are answered, old ones not."""
    made = server.create()
    track = ClientTrack(AudioFormat("OPUS", 111, 48000, 2))
    client = Client((track,))
    answer = httpx.post(made["whip"], content=client.offer(), headers=SDP)
    place, etag = f"{server.url}{answer.headers['location']}", answer.headers["etag"]
    client.accept(answer.text, time.monotonic())
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wire:
        wire.settimeout(0.05)
        pump(client, wire, lambda: client.connected)
        kind = {"Content-Type": "application/trickle-ice-sdpfrag", "If-Match": "*"}
        new = IceCredentials.generate()
        restarted = httpx.patch(place, content=frag(new.ufrag, new.password), headers=kind)
        assert restarted.status_code == 200
        assert restarted.headers["etag"] != etag
        lines = dict(
            line[2:].split(":", 1) for line in restarted.text.splitlines() if line[:6] == "a=ice-"
        )
        assert restarted.headers["etag"] == f'"{lines["ice-ufrag"]}"'
        assert "a=candidate:" in restarted.text
        assert client.server is not None
        good = checked(wire, client.server, lines["ice-ufrag"], new.ufrag, lines["ice-pwd"])
        assert good
        old = answer.headers["etag"].strip('"')
        assert not checked(wire, client.server, old, new.ufrag, lines["ice-pwd"])
    stale = httpx.patch(
        place, content=frag(new.ufrag, new.password), headers=kind | {"If-Match": etag}
    )
    assert stale.status_code == 412


def pump(client: Client, wire: socket.socket, done: Callable[[], bool]) -> None:
    """Carry a client's datagrams until it is done."""
    end = time.monotonic() + 20
    while not done():
        assert time.monotonic() < end
        for datagram, target in client.poll_outgoing():
            wire.sendto(datagram, target)
        with contextlib.suppress(TimeoutError):
            data, source = wire.recvfrom(2048)
            client.receive(data, source[:2], time.monotonic(), time.time())
        client.tick(time.monotonic(), time.time())


def checked(
    wire: socket.socket, server: tuple[str, int], theirs: str, ours: str, password: str
) -> bool:
    """Send a binding request, signed with a password; whether the answer is a success."""
    message = aioice_stun.Message(
        message_method=aioice_stun.Method.BINDING, message_class=aioice_stun.Class.REQUEST
    )
    message.attributes["USERNAME"] = f"{theirs}:{ours}"
    message.attributes["PRIORITY"] = 1
    message.attributes["ICE-CONTROLLING"] = 1
    message.add_message_integrity(password.encode())
    wire.sendto(bytes(message), server)
    end = time.monotonic() + 2
    while time.monotonic() < end:
        with contextlib.suppress(TimeoutError, ValueError):
            found = aioice_stun.parse_message(wire.recv(2048))
            if found.transaction_id == message.transaction_id:
                return bool(found.message_class == aioice_stun.Class.RESPONSE)
    return False


def test_an_echo_is_one_to_its_sender_alone(server: Live) -> None:
    """With `echo=true` a load test's packets come back; without it nobody hears himself."""

    async def run(url: str) -> LoadReport:
        async def signal(_: str, offer: str) -> str:
            return await asyncio.to_thread(post_offer, url, offer)

        load = LoadTest(signal)
        try:
            await load.add(1)
            return await load.measure(1.5)
        finally:
            await load.close()

    made = server.create(mode="forward")
    silent = asyncio.run(run(made["whip"]))
    assert silent.sent > 20
    assert silent.answered == 0
    echoed = asyncio.run(run(f"{made['whip']}?echo=true"))
    assert echoed.answered > 0.8 * echoed.sent > 20
