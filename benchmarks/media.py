"""The media plane's figures: `python -m benchmarks.media --json`, one group with `--only`.

The server runs in a process of its own on one core, the clients on the other. One configuration for
all: stereo Opus in (left primary, right reference), NLMS of 128 taps at 16 kHz, the residual as
Opus out, complexity 0, RESTRICTED_LOWDELAY; the loop waits up to 0.5 ms for more packets once it is
more than half busy, and never before.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import statistics
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from antiphase.devices import LoadReport, LoadSettings, LoadTest, percentile_ms
from antiphase.errors import ProtocolError
from antiphase.media.client import Client, ClientTrack
from antiphase.media.dtls import Certificate, DtlsTransport
from antiphase.media.events import AudioReceived
from antiphase.media.payload import AudioFormat, OpusSettings
from antiphase.media.sdp import parse_description
from antiphase.media.session import SessionSettings
from benchmarks.groups import collect, print_figures
from benchmarks.media_browser import browser_figures

ROOT = Path(__file__).resolve().parents[1]
OPUS = OpusSettings(application="lowdelay", bitrate=64000, complexity=0)
STEREO = AudioFormat("opus", 111, 48000, 2, {"sprop-stereo": "1"})
MONO = AudioFormat("opus", 111, 48000, 1)
RATE = 16000
SERVER_CORE, CLIENT_CORE = 0, 1
HOLD_SECONDS = 4.0


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


async def until(moment: float) -> None:
    """Sleep to a moment of the monotonic clock, busily for the last 2 ms."""
    await asyncio.sleep(max(0.0, moment - time.monotonic() - 0.002))
    while time.monotonic() < moment:  # noqa: ASYNC110 - a timer's grain is too coarse here
        await asyncio.sleep(0)


async def mouth_to_ear_ms(running: Server, frame_ms: float, seconds: float = 3.0) -> float:
    """Return the delay from a sample's capture to its being playable, oldest sample of a frame.

    A client sends noise in real time, on the right another noise, which the canceller can't use, so
    that the residual is the left channel; the lag between what it sent and what it got, from their
    cross-correlation, plus the time at which each frame arrived, gives the delay of its samples.
    """
    settings = SessionSettings(opus=OPUS, opus_rate=RATE)
    client = Client((ClientTrack(STEREO, ptime_ms=frame_ms),), settings=settings)
    loop = asyncio.get_running_loop()
    arrivals: list[tuple[float, npt.NDArray[np.float64]]] = []

    class Peer(asyncio.DatagramProtocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self.transport = transport

        def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
            now = time.monotonic()
            client.receive(data, addr[:2], now, time.time())
            for event in client.poll_events():
                if isinstance(event, AudioReceived):
                    pcm = np.asarray(event.frame.pcm, dtype=np.float64)
                    arrivals.append((now, pcm if pcm.ndim == 1 else pcm[:, 0]))
            self.flush()

        def flush(self) -> None:
            for datagram, target in client.poll_outgoing():
                self.transport.sendto(datagram, target)  # type: ignore[attr-defined]

    _, peer = await loop.create_datagram_endpoint(Peer, local_addr=("127.0.0.1", 0))
    name = f"m2e-{frame_ms}"
    answer = await running.ask(open=name, sdp=client.offer(), mode="clean")
    client.accept(str(answer["sdp"]), time.monotonic())
    while not client.connected:
        client.tick(time.monotonic(), time.time())
        peer.flush()
        await asyncio.sleep(0.005)
    n = round(RATE * frame_ms / 1000)
    noise = 0.1 * np.random.default_rng(3).standard_normal(round(seconds * RATE / n) * n)
    other = 0.1 * np.random.default_rng(4).standard_normal((len(noise) // n, n))
    start = time.monotonic() + 0.02
    for k, frame in enumerate(noise.reshape(-1, n)):
        captured = start + (k + 1) * n / RATE
        await until(captured)
        client.send_audio("0", np.stack([frame, other[k]], axis=1))
        client.tick(captured, time.time())
        peer.flush()
    await asyncio.sleep(0.1)
    client.close()
    peer.flush()
    peer.transport.close()
    heard = np.concatenate([pcm for _, pcm in arrivals])
    size = 1 << int(np.ceil(np.log2(len(heard) + len(noise))))
    spectrum = np.fft.rfft(heard, size) * np.conj(np.fft.rfft(noise, size))
    lag = int(np.argmax(np.fft.irfft(spectrum)[: RATE // 2]))
    first = np.cumsum([0] + [len(pcm) for _, pcm in arrivals[:-1]])
    came = np.array([arrival for arrival, _ in arrivals])
    delays = 1000 * (came - start - (first - lag) / RATE)
    return float(np.median(delays[len(delays) // 4 :]))


async def sessions_per_core(mode: str, steps: list[int]) -> dict[str, float]:
    """Climb until a step does not hold (99.9 % answered, p99 within a frame)."""
    best: dict[str, float] = {"sessions": 0}
    settings = load_settings(mode)
    async with server() as running, load(running, mode, settings) as test:
        for target in steps:
            await test.add(target - len(test.sessions), per_second=200)
            await asyncio.sleep(1.0)
            report, cpu, _, delays = await period(running, test, HOLD_SECONDS)
            p99 = percentile_ms(delays, 0.99)
            progress(
                f"{mode} {target}: answered {100 * report.answered_share:.2f} %, "
                f"server p99 {p99:.2f} ms, {1000 * cpu:.2f} ms/session-second, "
                f"late sends {report.late_sends}"
            )
            if report.answered_share < 0.999 or p99 > settings.frame_ms:
                break
            best = {
                "sessions": target,
                "cpu_ms": 1000 * cpu,
                "derived": 1 / cpu,
                "p99": p99,
                "answered": report.answered_share,
            }
    return best


def progress(text: str) -> None:
    """Say what has been measured, on standard error."""
    print(text, file=sys.stderr, flush=True)


async def latency_figures() -> dict[str, float]:
    """Mouth-to-ear delays and the server's own delay, lightly loaded."""
    figures: dict[str, float] = {}
    async with server() as running:
        for frame_ms, name in ((2.5, "2_5"), (5.0, "5"), (10.0, "10"), (20.0, "20")):
            figures[f"m2e_ms_{name}"] = round(await mouth_to_ear_ms(running, frame_ms), 2)
            progress(f"mouth to ear at {frame_ms} ms: {figures[f'm2e_ms_{name}']} ms")
    async with server() as running, load(running, "clean", load_settings("clean")) as test:
        times = await test.add(10, per_second=20)
        await period(running, test, 0.5)
        _, _, _, delays = await period(running, test, HOLD_SECONDS)
        figures["server_ms_p50"] = round(percentile_ms(delays, 0.5), 3)
        figures["server_ms_p99"] = round(percentile_ms(delays, 0.99), 3)
        figures["setup_ms_p50"] = round(statistics.median(times), 2)
    return figures


async def half_load(sessions: int) -> dict[str, float]:
    """Return the server's delay at half of what it holds."""
    async with server() as running, load(running, "clean", load_settings("clean")) as test:
        await test.add(max(1, sessions // 2), per_second=200)
        await period(running, test, 1.0)
        _, _, _, delays = await period(running, test, HOLD_SECONDS)
    return {
        "server_ms_p50_half": round(percentile_ms(delays, 0.5), 3),
        "server_ms_p99_half": round(percentile_ms(delays, 0.99), 3),
    }


async def beside_aiortc(count: int = 15) -> dict[str, float]:
    """CPU per session-second of both servers, decode, gain, encode, interleaved."""
    costs: dict[str, list[float]] = {"ours": [], "aiortc": []}
    for _ in range(3):
        for kind, figures in costs.items():
            settings = LoadSettings(form=MONO, frame_ms=20, opus_rate=48000, opus=OPUS)
            async with server(kind) as running, load(running, "gain", settings) as test:
                await test.add(count, per_second=20)
                await asyncio.sleep(1.0)
                _, cpu, _, _ = await period(running, test, HOLD_SECONDS)
                figures.append(1000 * cpu)
        progress(f"CPU ms per session-second so far: {costs}")
    ours, theirs = statistics.median(costs["ours"]), statistics.median(costs["aiortc"])
    return {
        "transcode_cpu_ms": round(ours, 2),
        "aiortc_cpu_ms": round(theirs, 2),
        "transcode_vs_aiortc": round(theirs / ours, 2),
    }


async def thousand(count: int = 1000, seconds: float = 30.0) -> dict[str, float]:
    """Hold a thousand forwarded sessions."""
    async with server() as running:
        empty = await running.ask(stats=True)
        async with load(running, "forward", load_settings("forward")) as test:
            await test.add(count, per_second=100)
            await asyncio.sleep(1.0)
            report, cpu, after, delays = await period(running, test, seconds)
            return {
                "connected_1000": report.sessions,
                "connected_1000_answered": round(report.answered_share, 5),
                "connected_1000_server_ms_p99": round(percentile_ms(delays, 0.99), 3),
                "connected_1000_cpu_ms": round(1000 * cpu, 3),
                "rss_kb_per_session": round((after["rss_kb"] - empty["rss_kb"]) / count, 1),
                "connected_1000_failures": len(test.failures),
            }


async def attacked_handshakes(count: int = 20) -> dict[str, float]:
    """Return the share of sessions that connect while a stranger's ClientHellos pour in."""
    certificate = Certificate()
    stranger = DtlsTransport(certificate, "client", (certificate.fingerprint,))
    stranger.start()
    (hello,) = stranger.take_outgoing()
    async with server() as running:
        target: list[tuple[str, int]] = []

        async def signal(name: str, offer: str) -> str:
            sdp = str((await running.ask(open=name, sdp=offer, mode="forward"))["sdp"])
            target[:] = [parse_description(sdp).candidates[0]]
            return sdp

        async def attack() -> None:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as source:
                while True:
                    for _ in range(20 if target else 0):
                        source.sendto(hello, target[0])
                    await asyncio.sleep(0.001)

        task = asyncio.create_task(attack())
        test = LoadTest(signal, load_settings("forward"))
        try:
            await test.add(count, per_second=50)
            counts = await running.ask(stats=True)
        finally:
            task.cancel()
            await test.close()
    progress(f"foreign ClientHellos dropped while connecting: {counts['ungated']:.0f}")
    return {"attacked_handshakes_ok": len(test.sessions) / count}


async def browser() -> dict[str, float]:
    """Return a headless Chromium's figures."""
    async with server() as running:

        async def signal(name: str, offer: str) -> str:
            return str((await running.ask(open=name, sdp=offer, mode="gain"))["sdp"])

        return await browser_figures(signal)


async def transcode() -> dict[str, float]:
    """How many cleaned sessions a core holds, and the server's delay at half of them."""
    best = await sessions_per_core("clean", [50, 100, 150, 200, 250, 300, 350, 400, 450, 500])
    return {
        "sessions_per_core_transcode": best["sessions"],
        "sessions_per_core_transcode_derived": round(best.get("derived", 0), 1),
        **await half_load(int(best["sessions"])),
    }


async def forward() -> dict[str, float]:
    """How many forwarded sessions a core holds."""
    best = await sessions_per_core("forward", [500, 1000, 1500, 2000])
    return {
        "forward_sessions_per_core": best["sessions"],
        "forward_sessions_per_core_derived": round(best.get("derived", 0), 1),
    }


GROUPS = {
    "latency": latency_figures,
    "transcode": transcode,
    "attacked": attacked_handshakes,
    "browser": browser,
    "aiortc": beside_aiortc,
    "forward": forward,
    "thousand": thousand,
}


def measure(only: str | None = None) -> dict[str, float]:
    """Return the figures of all groups, the quick ones first, or those of one."""
    os.sched_setaffinity(0, {CLIENT_CORE})
    return collect({name: partial(_run, group) for name, group in GROUPS.items()}, only)


def _run(group: Callable[[], Coroutine[None, None, dict[str, float]]]) -> dict[str, float]:
    return asyncio.run(group())


if __name__ == "__main__":
    print_figures(__doc__, GROUPS, measure)
