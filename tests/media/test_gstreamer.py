"""GStreamer's webrtcbin, which is Debian's: its tone goes to the server and comes back."""

from __future__ import annotations

import asyncio
import json
import subprocess
import time
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from antiphase.media import ice
from antiphase.media.events import Closed
from antiphase.media.routing import Gain, Route
from antiphase.media.tcp import is_tcp
from tests.media.offer_answer import check_answer
from tests.media.room import DRIVERS, Driver, Room, in_room
from tests.needs import missing

RATE, TONE, SECONDS = 16000, 440.0, 1.0
PEER = Path(__file__).with_name("gst_peer.py")
PYTHON = "/usr/bin/python3"


def rtp(name: str, payload_type: int) -> str:
    return f"application/x-rtp,media=audio,encoding-name={name},payload={payload_type}"


def opus(frame_ms: str) -> str:
    coder = f"opusenc frame-size={frame_ms} audio-type=restricted-lowdelay bitrate=64000"
    return f"audio/x-raw,rate=48000,channels=1 ! {coder} ! rtpopuspay pt=111 ! {rtp('OPUS', 111)}"


FORMATS = {
    "Opus 2.5 ms": opus("2.5"),
    "Opus 5 ms": opus("5"),
    "Opus 10 ms": opus("10"),
    "Opus 20 ms": opus("20"),
    "PCMU": f"audio/x-raw,rate=8000,channels=1 ! mulawenc ! rtppcmupay pt=0 ! {rtp('PCMU', 0)}",
    "PCMA": f"audio/x-raw,rate=8000,channels=1 ! alawenc ! rtppcmapay pt=8 ! {rtp('PCMA', 8)}",
    "L16": (
        "audio/x-raw,format=S16BE,rate=16000,channels=1 ! "
        f"rtpL16pay pt=97 max-ptime=10000000 ! {rtp('L16', 97)}"
    ),
}


@cache
def lacking() -> str:
    """Return why the peer can't run here, empty where it can."""
    if not Path(PYTHON).exists():
        return f"{PYTHON} is not there"
    done = subprocess.run([PYTHON, str(PEER)], capture_output=True, text=True, check=False)
    return done.stderr.strip().splitlines()[-1] if done.returncode else ""


@pytest.fixture(autouse=True)
def _gstreamer() -> None:
    reason = lacking()
    if reason:
        missing(f"needs gir1.2-gst-plugins-bad-1.0 and gstreamer1.0-nice: {reason}")


async def call(
    room: Room, elements: str, blocked: str | None = None, seconds: float = SECONDS
) -> npt.NDArray[np.float64]:
    """Let the peer call, without candidates of a blocked transport, and return what it heard."""
    process = await asyncio.create_subprocess_exec(
        PYTHON,
        str(PEER),
        elements,
        str(seconds),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=1 << 20,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        offer = json.loads(await asyncio.wait_for(process.stdout.readline(), 20))["sdp"]
        answer = room.endpoint.open("gst", offer, time.monotonic())
        check_answer(offer, answer)
        lines = answer.splitlines(keepends=True)
        answer = "".join(line for line in lines if f" 1 {blocked} " not in line)
        mid = room.endpoint.sessions["gst"].sections[0].offer.mid
        room.endpoint.set_routes("gst", mid, (Route(Gain(0.5), "gst", mid),))
        room.driver.flush()
        process.stdin.write(json.dumps({"sdp": answer}).encode() + b"\n")
        await process.stdin.drain()
        heard = json.loads(await asyncio.wait_for(process.stdout.readline(), 30))["heard"]
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
    return np.frombuffer(bytes.fromhex(heard), np.int16) / 32768


@DRIVERS
@pytest.mark.parametrize("name", FORMATS)
def test_webrtcbin_hears_its_own_tone(kind: Driver, name: str) -> None:
    """Its 440 Hz come back at half the level: the last half second is that tone and little else."""
    heard: list[npt.NDArray[np.float64]] = []

    async def check(room: Room) -> None:
        heard.append(await call(room, FORMATS[name]))

    in_room(kind, check)
    assert_tone(heard[0])


@DRIVERS
def test_webrtcbin_whose_udp_is_blocked_calls_over_tcp(kind: Driver) -> None:
    """With the TCP candidate alone it connects (RFC 6544), and hears its tone all the same."""
    heard: list[npt.NDArray[np.float64]] = []

    async def check(room: Room) -> None:
        heard.append(await call(room, FORMATS["Opus 10 ms"], blocked="udp"))
        (source,) = room.endpoint._by_source
        assert is_tcp(source)

    in_room(kind, check, tcp_port=0)
    assert_tone(heard[0])


@DRIVERS
def test_a_webrtcbin_that_dies_is_let_go(kind: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed in mid-call it says nothing any more; its consent runs out and its place is free."""
    monkeypatch.setattr(ice, "CONSENT_SECONDS", 1.0)

    async def check(room: Room) -> None:
        calling = asyncio.create_task(call(room, FORMATS["Opus 20 ms"], seconds=60))
        assert await room.until(lambda: "gst" in room.endpoint.sessions, 20)
        assert await room.until(lambda: room.endpoint.sessions["gst"].connected)
        calling.cancel()  # kills the process
        await asyncio.gather(calling, return_exceptions=True)
        assert await room.until(lambda: not room.endpoint.sessions)

    room = in_room(kind, check)
    reasons = [event.reason for event in room.events if isinstance(event, Closed)]
    assert reasons == ["consent expired: no connectivity check for 30 s"]


def assert_tone(heard: npt.NDArray[np.float64]) -> None:
    end = heard[-RATE // 2 :]
    assert len(end) == RATE // 2
    spectrum = np.abs(np.fft.rfft(end * np.hanning(len(end)))) ** 2
    hertz = np.fft.rfftfreq(len(end), 1 / RATE)
    assert abs(hertz[np.argmax(spectrum)] - TONE) < 4
    near = np.abs(hertz - TONE) < 12
    assert spectrum[near].sum() > 30 * spectrum[~near].sum()
    assert np.sqrt(np.mean(end**2)) == pytest.approx(0.5 * 0.5 / np.sqrt(2), rel=0.15)
