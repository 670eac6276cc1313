"""Both drivers against aiortc: a peer that we didn't write, over real UDP on loopback."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import av
import numpy as np
import pytest
from aiortc import (
    RTCConfiguration,
    RTCPeerConnection,
    RTCSessionDescription,
    rtcdtlstransport,
)
from aiortc.mediastreams import MediaStreamError

from antiphase.media.answer import AnswerPolicy
from antiphase.media.endpoint import Endpoint, EndpointSettings
from antiphase.media.events import AudioReceived, Connected, Event
from antiphase.media.loop import AsyncioDriver
from antiphase.media.native_loop import NativeDriver
from antiphase.media.srtp import PROFILES, SrtpProfile
from tests.media.foreign import TONE_HZ, Tone
from tests.media.offer_answer import check_answer


class Server:
    """An echo on top of the driver, with a record of what happened."""

    def __init__(self, kind: type[AsyncioDriver | NativeDriver]) -> None:
        self.kind = kind
        self.events: list[Event] = []
        self.driver: AsyncioDriver | NativeDriver

    def handle(self, endpoint: Endpoint, event: Event) -> None:
        self.events.append(event)
        if isinstance(event, AudioReceived):
            endpoint.send_audio(event.session_id, event.mid, event.frame.pcm)

    async def start(self, policy: AnswerPolicy, host: str = "127.0.0.1") -> None:
        self.driver = await self.kind.start(
            host, 0, lambda address: EndpointSettings((address,), policy=policy), self.handle
        )


async def heard(peer: RTCPeerConnection, seconds: float) -> tuple[np.ndarray, int]:
    """Return what a peer's first receiver played in about `seconds`, and its rate."""
    track = peer.getReceivers()[0].track
    parts: list[np.ndarray] = []
    fs = 0
    try:
        while sum(map(len, parts)) < seconds * (fs or 1):
            frame = await asyncio.wait_for(track.recv(), 10)
            assert isinstance(frame, av.AudioFrame)
            fs = frame.sample_rate
            data = frame.to_ndarray().astype(float).ravel() / 32768
            parts.append(data[:: len(frame.layout.channels)])
    except MediaStreamError:
        pass
    return np.concatenate(parts), fs


def check_tone(sound: np.ndarray, fs: int) -> None:
    """Check pitch and level of the last half second."""
    spectrum = np.abs(np.fft.rfft(sound[-fs // 2 :] * np.hanning(fs // 2)))
    assert abs(np.argmax(spectrum) * 2 - TONE_HZ) <= 4
    level = 20 * np.log10(np.sqrt(np.mean(sound[-fs // 2 :] ** 2)) * np.sqrt(2))
    assert abs(level + 10) < 1.5


async def call(
    kind: type[AsyncioDriver | NativeDriver],
    policy: AnswerPolicy,
    check: Callable[[Server, RTCPeerConnection], Awaitable[None]],
    host: str = "127.0.0.1",
) -> Server:
    server = Server(kind)
    await server.start(policy, host)
    peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    peer.addTrack(Tone())
    await peer.setLocalDescription(await peer.createOffer())
    answer = server.driver.endpoint.open(
        "echo", peer.localDescription.sdp, asyncio.get_running_loop().time()
    )
    check_answer(peer.localDescription.sdp, answer)
    await peer.setRemoteDescription(RTCSessionDescription(answer, "answer"))
    try:
        await check(server, peer)
    finally:
        await peer.close()
        await asyncio.sleep(0.2)
        await server.driver.stop()
    return server


DRIVERS = pytest.mark.parametrize("kind", [AsyncioDriver, NativeDriver])


@DRIVERS
@pytest.mark.parametrize("name", ["OPUS", "G722", "PCMU", "PCMA"])
def test_aiortc_hears_its_own_tone(kind: type[AsyncioDriver | NativeDriver], name: str) -> None:
    """Audio goes through decode and encode and comes back at the level it was sent."""

    async def check(_: Server, peer: RTCPeerConnection) -> None:
        check_tone(*await heard(peer, 1.0))

    server = asyncio.run(call(kind, AnswerPolicy(formats=(name,)), check))
    assert isinstance(server.events[0], Connected)
    frames = [e.frame for e in server.events if isinstance(e, AudioReceived)]
    assert len(frames) > 40
    assert not any(f.concealed for f in frames)


@DRIVERS
@pytest.mark.parametrize("profile", PROFILES, ids=lambda p: p.name.decode())
def test_aiortc_with_either_protection_profile(
    kind: type[AsyncioDriver | NativeDriver], profile: SrtpProfile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A peer that has only AES-GCM or only AES-CM gets that, and hears its tone."""
    offered = [p for p in rtcdtlstransport.SRTP_PROFILES if p.openssl_profile == profile.name]
    monkeypatch.setattr(rtcdtlstransport, "SRTP_PROFILES", offered)
    chosen: list[SrtpProfile] = []

    async def check(server: Server, peer: RTCPeerConnection) -> None:
        sound, _ = await heard(peer, 0.3)
        assert np.abs(sound).max() > 0.2
        keys = server.driver.endpoint.sessions["echo"].dtls.keys
        assert keys is not None
        chosen.append(keys.profile)

    asyncio.run(call(kind, AnswerPolicy(), check))
    assert chosen == [profile]


@DRIVERS
def test_ipv6(kind: type[AsyncioDriver | NativeDriver]) -> None:
    """The same over IPv6."""

    async def check(server: Server, peer: RTCPeerConnection) -> None:
        check_tone(*await heard(peer, 1.0))
        selected = server.driver.endpoint._peers["echo"].agent.selected
        assert selected is not None
        assert ":" in selected[0]

    server = asyncio.run(call(kind, AnswerPolicy(), check, "::1"))
    assert isinstance(server.events[0], Connected)
