"""Load tests over WHIP against a small server in front of our endpoint, and against aiortc."""

from __future__ import annotations

import asyncio
import contextlib
import http.server
import json
import os
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from aiortc import RTCPeerConnection, RTCSessionDescription
from aiortc.contrib.media import MediaRelay
from typer.testing import CliRunner

from antiphase.cli import app
from antiphase.devices.loadtest import LoadSettings
from antiphase.devices.whip import LoadPlan, audio_format, post_offer, run_load
from antiphase.errors import AntiphaseError, ParameterError, ProtocolError
from antiphase.media.endpoint import EndpointSettings
from antiphase.media.native_loop import NativeDriver
from antiphase.media.routing import Gain, Route

pytestmark = pytest.mark.skipif(not hasattr(os, "eventfd"), reason="the native sender needs Linux")

Answer = Callable[[int, str], Awaitable[str]]
Serve = Callable[[], Awaitable[tuple[Answer, Callable[[], Awaitable[None]]]]]


@contextlib.contextmanager
def whip(
    serve: Callable[[], Awaitable[tuple[Answer, Callable[[], Awaitable[None]]]]],
) -> Iterator[str]:
    """Run a WHIP server in a thread; offers without audio get 400."""
    ready, stop = threading.Event(), asyncio.Event()
    where: list[tuple[str, asyncio.AbstractEventLoop]] = []

    async def main() -> None:
        answer, close = await serve()
        count = 0

        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal count
            head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
            size = int(head.partition("content-length:")[2].partition("\r\n")[0])
            body = (await reader.readexactly(size)).decode()
            count += 1
            if "content-type: application/sdp" in head and "m=audio" in body:
                sdp = (await answer(count, body)).encode()
                status = "201 Created"
            else:
                sdp, status = b"", "400 Bad Request"
            length = f"Content-Length: {len(sdp)}\r\nConnection: close"
            writer.write(f"HTTP/1.1 {status}\r\n{length}\r\n\r\n".encode() + sdp)
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(handle, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        where.append((f"http://127.0.0.1:{port}/whip", asyncio.get_running_loop()))
        ready.set()
        await stop.wait()
        server.close()
        await asyncio.sleep(0.1)
        await close()

    thread = threading.Thread(target=lambda: asyncio.run(main()))
    thread.start()
    assert ready.wait(10)
    try:
        yield where[0][0]
    finally:
        where[0][1].call_soon_threadsafe(stop.set)
        thread.join(10)


async def ours() -> tuple[Answer, Callable[[], Awaitable[None]]]:
    driver = await NativeDriver.start(
        "127.0.0.1", 0, lambda address: EndpointSettings((address,)), lambda *_: None
    )

    async def answer(number: int, offer: str) -> str:
        name = f"s{number}"
        sdp = driver.endpoint.open(name, offer, time.monotonic())
        driver.endpoint.set_routes(name, "0", (Route(Gain(), name, "0"),))
        driver.flush()
        return sdp

    return answer, driver.stop


async def aiortc_echo() -> tuple[Answer, Callable[[], Awaitable[None]]]:
    peers: list[RTCPeerConnection] = []
    relay = MediaRelay()

    async def answer(_: int, offer: str) -> str:
        peer = RTCPeerConnection()
        peers.append(peer)
        peer.on("track", lambda track: peer.addTrack(relay.subscribe(track)))
        await peer.setRemoteDescription(RTCSessionDescription(offer, "offer"))
        await peer.setLocalDescription(await peer.createAnswer())
        return str(peer.localDescription.sdp)

    async def stop() -> None:
        for peer in peers:
            await peer.close()

    return answer, stop


@pytest.mark.parametrize("codec", ["opus", "L16", "G722", "PCMU"])
def test_our_server_answers_every_codec(codec: str) -> None:
    """Five sessions of each format, all held and answered; the benchmark says how fully."""
    settings = LoadSettings(form=audio_format(codec), frame_ms=10)
    if codec == "opus":
        settings = LoadSettings(form=audio_format(codec), frame_ms=10, opus_rate=48000)
    with whip(ours) as url:
        found = run_load(LoadPlan(url, 5, 0.2, 1.0, settings))
    assert found["sessions"] == 5
    assert found["answered_share"] > 0.5  # a busy machine answers the last of them too late
    assert found["failures"] == []
    assert 0 < found["handshake_ms"]["p50"] <= found["handshake_ms"]["p99"]
    assert 0 < found["signalling_ms"]["p50"] <= found["signalling_ms"]["p99"]


def test_aiortc_over_whip() -> None:
    """A server that we didn't write is loaded the same way."""
    with whip(aiortc_echo) as url:
        found = run_load(LoadPlan(url, 2, 0.1, 2.0))
    assert found["sessions"] == 2
    assert found["packets_answered"] > 0


def test_the_command_writes_json_and_a_page(tmp_path: Path) -> None:
    """`antiphase loadtest URL --json --out page.html` gives both."""
    page = tmp_path / "load" / "report.html"
    with whip(ours) as url:
        arguments = ["loadtest", url, "--sessions", "3", "--ramp", "0.1", "--seconds", "1"]
        result = CliRunner().invoke(app, [*arguments, "--out", str(page), "--json"])
    assert result.exit_code == 0
    assert json.loads(result.stdout)["sessions"] == 3
    assert "3 of 3 sessions held" in page.read_text()
    assert (page.parent / "plotly.min.js").is_file()


def test_failures_are_told_with_their_reason() -> None:
    """A server that is not there, and one that refuses, end in one line each."""
    with pytest.raises(ProtocolError, match=r"no answer from 127\.0\.0\.1:9"):
        post_offer("http://127.0.0.1:9/whip", "v=0")
    with whip(ours) as url, pytest.raises(ProtocolError, match="answers 400 Bad Request"):
        post_offer(url, "v=0")


@pytest.mark.parametrize(
    "plan",
    [
        ("ftp://x", 1),
        ("http://", 1),
        ("http://x:99999/", 1),
        ("http://[::1", 1),
        ("http://x", 0),
        ("http://x", 1, -1.0),
        ("http://x", 1, 1.0, 0.5),
        ("http://x", 1, 1.0, float("inf")),
        ("http://x", 1, float("nan"), 1.0),
    ],
)
def test_bad_plans_are_refused(plan: tuple[str, int]) -> None:
    """Addresses and ranges are checked before anything starts."""
    with pytest.raises(ParameterError):
        LoadPlan(*plan)
    with pytest.raises(ParameterError, match="codec"):
        audio_format("mp3")


def test_a_server_that_refuses_all_ends_the_test_at_once() -> None:
    """After three failures with nothing connected the reason is the result, not a minute's wait."""
    asked = 0

    async def full() -> tuple[Answer, Callable[[], Awaitable[None]]]:
        async def answer(number: int, _: str) -> str:
            nonlocal asked
            asked = number
            return "no SDP"

        async def stop() -> None: ...

        return answer, stop

    with whip(full) as url, pytest.raises(ProtocolError, match="no session connects: SDP must"):
        run_load(LoadPlan(url, 1000, 1.0, 60.0))
    assert asked == 3


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--sessions", "0"], "sessions=0"),
        (["--frame", "1"], "frame_ms=1.0"),
        (["--frame", "7"], "frame of 7 ms"),
        (["--frame", "2.7", "--codec", "PCMU"], "whole number of PCMU's samples"),
        (["--frame", "60", "--codec", "L16"], "at most 37.5 with L16"),
        (["--loss", "2"], "loss=2.0"),
        (["--out", "/dev/null/report.html"], "/dev/null can't be made"),
    ],
)
def test_bad_options_end_in_one_line(options: list[str], reason: str) -> None:
    """Before the first session, with what to change."""
    result = CliRunner().invoke(app, ["loadtest", "http://127.0.0.1:9/whip", *options])
    assert isinstance(result.exception, AntiphaseError)
    assert reason in str(result.exception)
    assert "\n" not in str(result.exception)


def test_the_token_goes_with_each_offer() -> None:
    """Option or environment, as a bearer token."""
    heads: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            heads.append(str(self.headers["Authorization"]))
            self.send_error(401)

        def log_message(self, *_: object) -> None: ...

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/whip"
        command = ["loadtest", url, "--sessions", "1"]
        CliRunner().invoke(app, [*command, "--token", "abc"])
        CliRunner().invoke(app, command, env={"ANTIPHASE_TOKEN": "def"})
        server.shutdown()
    assert heads == ["Bearer abc", "Bearer def"]
