"""The native batch loop with our own client over real UDP: what crosses into Python and back."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable

import numpy as np
import pytest

from antiphase.adaptive import NLMSFilter
from antiphase.media.client import ClientTrack
from antiphase.media.endpoint import Endpoint
from antiphase.media.events import AudioReceived
from antiphase.media.native_loop import NativeDriver
from antiphase.media.native_session import NativeCarrier
from antiphase.media.payload import AudioFormat
from antiphase.media.routing import Clean, Forward, Route
from tests.media.room import Room, in_room

pytestmark = pytest.mark.skipif(not hasattr(os, "eventfd"), reason="the batch loop needs Linux")

L16 = AudioFormat("L16", 96, 8000)
STEREO = AudioFormat("L16", 97, 8000, 2)


def carrier(room: Room) -> NativeCarrier:
    assert isinstance(room.driver, NativeDriver)
    return room.driver.carrier


def in_native(check: Callable[[Room], Awaitable[None]]) -> Room:
    return in_room(NativeDriver, check)


def test_frames_are_handed_up_and_audio_goes_down() -> None:
    """Without routes frames are events; `send_audio` reaches the peer bit for bit."""
    rng = np.random.default_rng(1)
    sent = rng.uniform(-0.5, 0.5, (20, 80))

    async def check(room: Room) -> None:
        peer = await room.join("a", ClientTrack(L16))
        for frame in sent:
            peer.client.send_audio("0", frame)
            peer.flush()
            room.driver.endpoint.send_audio("a", "0", -frame)
            await room.run(0.01)
        await room.run(0.1)
        np.testing.assert_allclose(np.concatenate(peer.frames()), -sent.ravel(), atol=5e-5)

    room = in_native(check)
    up = [e.frame.pcm for e in room.events if isinstance(e, AudioReceived)]
    np.testing.assert_allclose(np.concatenate(up), sent.ravel(), atol=5e-5)


def test_forwarding_reaches_every_listener() -> None:
    """One talker, three listeners: payloads arrive unchanged, nothing goes through Python."""
    sent = np.random.default_rng(2).uniform(-0.5, 0.5, (20, 80))

    async def check(room: Room) -> None:
        talker = await room.join("talker", ClientTrack(L16))
        ears = [await room.join(f"ear{k}", ClientTrack(L16, "recvonly")) for k in range(3)]
        routes = tuple(Route(Forward(), f"ear{k}", "0") for k in range(3))
        room.driver.endpoint.set_routes("talker", "0", routes)
        for frame in sent:
            talker.client.send_audio("0", frame)
            talker.flush()
            await room.run(0.01)
        await room.run(0.1)
        for ear in ears:
            np.testing.assert_allclose(np.concatenate(ear.frames()), sent.ravel(), atol=5e-5)

    room = in_native(check)
    assert not any(isinstance(e, AudioReceived) for e in room.events)


def test_cleaning_runs_in_the_loop() -> None:
    """The residual of the native canceller comes back, 30 dB below the primary and more."""
    noise = np.random.default_rng(3).uniform(-0.3, 0.3, 16000)
    primary = np.convolve(noise, [0.5, -0.3, 0.2])[:16000]

    async def check(room: Room) -> None:
        peer = await room.join("a", ClientTrack(STEREO))
        clean = Clean(NLMSFilter(64, 0.5))
        room.driver.endpoint.set_routes("a", "0", (Route(clean, "a", "0"),))
        for left, right in zip(primary.reshape(-1, 80), noise.reshape(-1, 80), strict=True):
            peer.client.send_audio("0", np.stack([left, right], axis=1))
            peer.flush()
            await asyncio.sleep(0.002)
        await room.run(0.2)
        residual = np.concatenate(peer.frames())[-4000:, 0]
        assert 10 * np.log10(np.mean(primary**2) / np.mean(residual**2)) > 30

    in_native(check)


def test_a_closed_session_is_gone_from_the_loop() -> None:
    """After closing, its packets are ungated and its slot is used again."""

    async def check(room: Room) -> None:
        first = await room.join("a", ClientTrack(L16))
        endpoint: Endpoint = room.driver.endpoint
        endpoint.close("a")
        room.driver.flush()
        first.client.send_audio("0", np.zeros(80))
        first.flush()
        await room.run(0.1)
        assert carrier(room).sessions == {}
        second = await room.join("b", ClientTrack(L16))
        assert next(iter(carrier(room).sessions)) == 0
        second.client.send_audio("0", np.zeros(80))
        second.flush()
        await room.run(0.1)

    room = in_native(check)
    heard = [e.session_id for e in room.events if isinstance(e, AudioReceived)]
    assert heard == ["b"]
