"""The load test against our own server and against aiortc: real sessions, counted honestly."""

from __future__ import annotations

import asyncio
import os
import socket
import time

import numpy as np
import pytest
from aiortc import RTCPeerConnection, RTCSessionDescription
from aiortc.contrib.media import MediaRelay

from antiphase.devices import LoadReport, LoadSettings, LoadTest, percentile_ms
from antiphase.errors import ParameterError, ProtocolError
from antiphase.media.endpoint import EndpointSettings
from antiphase.media.native_loop import NativeDriver
from antiphase.media.payload import AudioFormat
from antiphase.media.routing import Forward, Gain, Processing, Route
from antiphase.media.rtp import RtpPacket
from antiphase.media.srtp import PROFILES, SrtpKeys, SrtpSession

pytestmark = pytest.mark.skipif(not hasattr(os, "eventfd"), reason="the native sender needs Linux")


def test_percentiles_of_a_histogram() -> None:
    """Bins are eighths of an octave from 1 µs; the upper edge is reported."""
    bins = [0] * 200
    bins[80] = 99
    bins[160] = 1
    assert percentile_ms(bins, 0.5) == pytest.approx(2 ** (81 / 8) / 1000)
    assert percentile_ms(bins, 1.0) == pytest.approx(2 ** (161 / 8) / 1000)
    assert np.isnan(percentile_ms([0] * 200, 0.5))


async def against_us(
    count: int, processing: Processing, settings: LoadSettings, *, refuse: int = 0
) -> tuple[LoadTest, LoadReport, list[float]]:
    driver = await NativeDriver.start(
        "127.0.0.1", 0, lambda address: EndpointSettings((address,)), lambda *_: None
    )
    refused = 0

    async def signal(name: str, offer: str) -> str:
        nonlocal refused
        if refused < refuse:
            refused += 1
            raise ProtocolError("server is full")
        answer = driver.endpoint.open(name, offer, time.monotonic())
        driver.endpoint.set_routes(name, "0", (Route(processing, name, "0"),))
        driver.flush()
        return answer

    load = LoadTest(signal, settings)
    times = await load.add(count)
    report = await load.measure(1.0)
    await load.close()
    await asyncio.sleep(0.2)
    await driver.stop()
    return load, report, times


@pytest.mark.parametrize("processing", [Forward(), Gain()], ids=["forward", "transcode"])
def test_every_packet_of_ten_sessions_is_answered(processing: Processing) -> None:
    """Ten sessions of 50 packets a second: all come back, and set-up times are real."""
    _, report, times = asyncio.run(against_us(10, processing, LoadSettings()))
    assert report.sessions == len(times) == 10
    assert report.sent == pytest.approx(500, abs=60)
    assert report.answered_share > 0.97
    assert report.round_trip_ms["p50"] <= report.round_trip_ms["p99"]
    assert all(0 < ms < 5000 for ms in times)


def test_loss_is_injected() -> None:
    """With a tenth of the packets left out the server still answers what it got."""
    _, report, _ = asyncio.run(against_us(5, Forward(), LoadSettings(loss=0.1)))
    assert report.sent < 5 * 50 * 0.97
    assert report.answered_share > 0.97


def test_first_answers_that_are_late_do_not_spoil_the_others() -> None:
    """Where the first answers come three frames late, later ones belong to their own packets."""
    form = AudioFormat("L16", 96, 8000)
    load = LoadTest(None, LoadSettings(form=form, frame_ms=10.0))  # type: ignore[arg-type]
    size = PROFILES[0].key_bytes + PROFILES[0].salt_bytes
    ours, theirs = bytes(range(size)), bytes(range(100, 100 + size))
    client, server = (
        SrtpSession(SrtpKeys(PROFILES[0], *keys)) for keys in ((ours, theirs), (theirs, ours))
    )
    a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with a, b:
        b.settimeout(1.0)
        a.setblocking(False)
        native = load._native
        number = native.add(a.fileno())
        native.start()
        native.run(number, *client.handles(), 7, 96, 80, bytes(160), 0.01, time.monotonic(), 0.0)
        held: list[bytes] = []
        for k in range(60):
            packet = RtpPacket.parse(server.unprotect(b.recv(2048)) or b"")
            packet.ssrc, packet.sequence = 9, (packet.sequence + 777) & 0xFFFF
            held.append(server.protect(packet.encode()))
            if k == 9:
                native.reset_totals()
            if k >= 3:
                for answer in held:
                    b.send(answer)
                held.clear()
        time.sleep(0.02)
        native.stop()
    sent, _, answered, failed, _ = native.totals()
    assert 45 <= sent <= 60
    assert sent - 2 <= answered <= sent + 1  # one may have been under way at the reset
    assert failed == 0
    assert percentile_ms(native.take_delays(), 0.5) < 10.0


def test_refused_sessions_are_failures_with_their_reason() -> None:
    """A full server is reported, and the others run."""
    load, report, _ = asyncio.run(against_us(5, Forward(), LoadSettings(), refuse=2))
    assert load.failures == ["server is full"] * 2
    assert report.sessions == 3


def test_a_peer_that_we_did_not_write() -> None:
    """The same clients against an aiortc echo, a full ICE agent."""

    async def run() -> LoadReport:
        peers, relay = [], MediaRelay()

        async def signal(_: str, offer: str) -> str:
            peer = RTCPeerConnection()
            peers.append(peer)
            peer.on("track", lambda track: peer.addTrack(relay.subscribe(track)))
            await peer.setRemoteDescription(RTCSessionDescription(offer, "offer"))
            await peer.setLocalDescription(await peer.createAnswer())
            return str(peer.localDescription.sdp)

        load = LoadTest(signal, LoadSettings(opus_rate=48000))
        await load.add(2)
        await asyncio.sleep(1.0)
        report = await load.measure(1.0)
        await load.close()
        for peer in peers:
            await peer.close()
        assert load.failures == []
        return report

    report = asyncio.run(run())
    assert report.sessions == 2
    assert report.received > 60


@pytest.mark.parametrize("kwargs", [{"loss": 1.5}, {"frame_ms": 1.0}])
def test_bad_settings_are_refused(kwargs: dict[str, float]) -> None:
    """Ranges are checked before anything starts."""
    with pytest.raises(ParameterError, match=next(iter(kwargs))):
        LoadSettings(**kwargs)  # type: ignore[arg-type]
