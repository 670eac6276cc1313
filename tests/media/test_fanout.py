"""One track to many listeners on both drivers: treated once, encoded once for each format."""

from __future__ import annotations

import numpy as np
import pytest

from antiphase.adaptive import NLMSFilter
from antiphase.media.bitrate import BitrateLimits
from antiphase.media.client import ClientTrack
from antiphase.media.payload import AudioFormat
from antiphase.media.routing import Clean, Gain, Route
from antiphase.media.rtp import RtpPacket
from antiphase.media.session import SessionSettings
from tests.media.room import DRIVERS, Driver, Peer, Room, in_room

STEREO = AudioFormat("L16", 97, 8000, 2)
L16 = AudioFormat("L16", 96, 8000)
OPUS = AudioFormat("opus", 111, 48000)
FULL = AudioFormat("L16", 98, 48000)


def payloads(peer: Peer) -> list[bytes]:
    """Collect what a peer gets, decrypted, from now on."""
    found: list[bytes] = []
    assert peer.client.session is not None

    def keep(_: str, packet: RtpPacket) -> None:
        found.append(packet.payload)

    peer.client.session.on_packet = keep
    return found


@DRIVERS
def test_a_canceller_with_several_listeners_hears_each_frame_once(kind: Driver) -> None:
    """Three listeners in two formats get the residual that one pass of the filter gives."""
    rng = np.random.default_rng(1)
    noise = rng.uniform(-0.3, 0.3, 80 * 60)
    primary = np.convolve(noise, [0.5, -0.3])[: len(noise)]
    alone = NLMSFilter(32, 0.5)
    quantised = [np.round(s * 32767).astype(np.float32) / 32767 for s in (noise, primary)]
    expected = alone.process(quantised[0].astype(np.float32), quantised[1].astype(np.float32))

    async def check(room: Room) -> None:
        talker = await room.join("talker", ClientTrack(STEREO))
        forms = (L16, L16, STEREO)
        ears = [await room.join(f"ear{k}", ClientTrack(f, "recvonly")) for k, f in enumerate(forms)]
        clean = Clean(NLMSFilter(32, 0.5))
        routes = tuple(Route(clean, f"ear{k}", "0") for k in range(3))
        room.endpoint.set_routes("talker", "0", routes)
        for left, right in zip(primary.reshape(-1, 80), noise.reshape(-1, 80), strict=True):
            talker.say(np.stack([left, right], axis=1))
            await room.run(0.0)
        assert await room.until(lambda: all(len(e.frames()) == 60 for e in ears))
        for ear in ears:
            heard = np.concatenate(ear.frames())
            heard = heard if heard.ndim == 1 else heard[:, 0]
            np.testing.assert_allclose(heard, expected, atol=1e-4)

    in_room(kind, check)


@DRIVERS
def test_listeners_of_one_format_share_the_encoded_frame(kind: Driver) -> None:
    """Payloads are the same byte for byte, also for a listener whose own encoder is fresh."""

    async def check(room: Room) -> None:
        talker = await room.join("talker", ClientTrack(FULL))
        ears = [await room.join("ear0", ClientTrack(OPUS, "recvonly"))]
        got = [payloads(ears[0])]
        noise = 0.1 * np.random.default_rng(2).standard_normal((60, 480))
        for k, frame in enumerate(noise):
            if k == 30:
                ears.append(await room.join("ear1", ClientTrack(OPUS, "recvonly")))
                got.append(payloads(ears[1]))
            routes = tuple(Route(Gain(0.5), f"ear{j}", "0") for j in range(len(ears)))
            room.endpoint.set_routes("talker", "0", routes)
            talker.say(frame)
            await room.run(0.0)
        assert await room.until(lambda: len(got[0]) == 60 and len(got[1]) == 30)
        assert got[0][30:] == got[1]
        assert len(set(got[1])) > 20

    in_room(kind, check)


@DRIVERS
def test_different_treatments_stay_apart(kind: Driver) -> None:
    """Two gains on one track reach their own listeners."""

    async def check(room: Room) -> None:
        talker = await room.join("talker", ClientTrack(L16))
        ears = [await room.join(f"ear{k}", ClientTrack(L16, "recvonly")) for k in range(3)]
        gains = (0.5, -1.0, 0.5)
        routes = tuple(Route(Gain(g), f"ear{k}", "0") for k, g in enumerate(gains))
        room.endpoint.set_routes("talker", "0", routes)
        talker.say(np.full(80, 0.4))
        assert await room.until(lambda: all(e.frames() for e in ears))
        for ear, gain in zip(ears, gains, strict=True):
            np.testing.assert_allclose(ear.frames()[0], 0.4 * gain, atol=1e-4)

    in_room(kind, check)


@DRIVERS
def test_the_weakest_receiver_sets_the_bitrate(kind: Driver) -> None:
    """Where one listener of two can take only 16 kb/s both get frames of that size."""
    limits = BitrateLimits(minimum=16000, maximum=64000)

    async def check(room: Room) -> None:
        talker = await room.join("talker", ClientTrack(FULL))
        ears = [await room.join(f"ear{k}", ClientTrack(OPUS, "recvonly")) for k in range(2)]
        got = [payloads(ear) for ear in ears]
        routes = tuple(Route(Gain(), f"ear{k}", "0") for k in range(2))
        room.endpoint.set_routes("talker", "0", routes)
        weak = room.endpoint.sessions["ear1"]
        weak._apply("0", weak.rates["0"].cap(16000))
        for frame in 0.1 * np.random.default_rng(3).standard_normal((40, 480)):
            talker.say(frame)
            await room.run(0.0)
        assert await room.until(lambda: all(len(g) == 40 for g in got))
        assert got[0] == got[1]
        assert np.mean([len(p) for p in got[0][10:]]) * 800 == pytest.approx(16000, rel=0.3)

    in_room(kind, check, session=SessionSettings(bitrate=limits))
