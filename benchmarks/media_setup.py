"""The server process of the media benchmark, and what its clients send."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

from antiphase.devices import LoadReport, LoadSettings, LoadTest
from antiphase.errors import ProtocolError
from antiphase.media.payload import AudioFormat, OpusSettings

__all__ = [
    "CLIENT_CORE",
    "MONO",
    "OPUS",
    "RATE",
    "SERVER_CORE",
    "STEREO",
    "Server",
    "load",
    "load_settings",
    "period",
    "server",
]

ROOT = Path(__file__).resolve().parents[1]
OPUS = OpusSettings(application="lowdelay", bitrate=64000, complexity=0)
STEREO = AudioFormat("opus", 111, 48000, 2, {"sprop-stereo": "1"})
MONO = AudioFormat("opus", 111, 48000, 1)
RATE = 16000
SERVER_CORE, CLIENT_CORE = 0, 1


class Server:
    """The server process and the line to it."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self._lock = asyncio.Lock()

    async def ask(self, **request: object) -> dict[str, float]:
        """Send one request and return its answer."""
        if self.process.stdin is None or self.process.stdout is None:
            raise RuntimeError("the server has no pipes")
        async with self._lock:
            self.process.stdin.write(json.dumps(request).encode() + b"\n")
            await self.process.stdin.drain()
            line = await self.process.stdout.readline()
        answer: dict[str, float] = json.loads(line)
        if "error" in answer:
            raise ProtocolError(str(answer["error"]))
        return answer


@contextlib.asynccontextmanager
async def server(kind: str = "ours") -> AsyncIterator[Server]:
    """Run a server on its core."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "benchmarks.media_server",
        kind,
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=1 << 20,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        preexec_fn=lambda: os.sched_setaffinity(0, {SERVER_CORE}),
    )
    running = Server(process)
    try:
        yield running
    finally:
        if process.stdin is not None:
            process.stdin.write(b'{"stop": true}\n')
            with contextlib.suppress(ConnectionError):
                await process.stdin.drain()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), 10)
        if process.returncode is None:
            process.kill()
            await process.wait()


@contextlib.asynccontextmanager
async def load(running: Server, mode: str, settings: LoadSettings) -> AsyncIterator[LoadTest]:
    """Run a load test against a server."""

    async def signal(name: str, offer: str) -> str:
        answer = await running.ask(open=f"{mode}-{name}", sdp=offer, mode=mode)
        return str(answer["sdp"])

    test = LoadTest(signal, settings)
    try:
        yield test
    finally:
        await test.close()


def load_settings(mode: str) -> LoadSettings:
    """Return what clients send: stereo where there is something to clean."""
    form = STEREO if mode == "clean" else MONO
    return LoadSettings(form=form, frame_ms=20, opus_rate=RATE, opus=OPUS)


async def period(
    running: Server, test: LoadTest, seconds: float
) -> tuple[LoadReport, float, dict[str, float], list[int]]:
    """Hold the load; return report, CPU seconds per session-second, costs, server delays."""
    before = await running.ask(stats=True)
    report = await test.measure(seconds)
    after = await running.ask(stats=True)
    share = (after["cpu_s"] - before["cpu_s"]) / (after["wall_s"] - before["wall_s"])
    delays: list[int] = after.get("delays", [0] * 200)  # type: ignore[assignment]
    return report, share / max(1, len(test.sessions)), after, delays
