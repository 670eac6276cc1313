"""The media plane's figures: `python -m benchmarks.media --json`, one group with `--only`.

The server runs in a process of its own on one core, the clients on the other. One configuration for
all: stereo Opus in (left primary, right reference), NLMS of 128 taps at 16 kHz, the residual as
Opus out, complexity 0, RESTRICTED_LOWDELAY; the loop waits up to 0.5 ms for more packets once it is
more than half busy, and never before.
"""

from __future__ import annotations

import asyncio
import os
import socket
import statistics
import sys
from collections.abc import Callable, Coroutine
from functools import partial

from antiphase.devices import LoadSettings, LoadTest, percentile_ms
from antiphase.media.dtls import Certificate, DtlsTransport
from antiphase.media.sdp import parse_description
from benchmarks.groups import collect, print_figures
from benchmarks.media_browser import browser_figures
from benchmarks.media_delay import mouth_to_ear_ms
from benchmarks.media_setup import CLIENT_CORE, MONO, OPUS, load, load_settings, period, server
from benchmarks.media_srtp import srtp_figures

HOLD_SECONDS = 4.0


async def sessions_per_core(mode: str, steps: list[int]) -> dict[str, float]:
    """Climb until a step does not hold: all connected, 99.9 % answered, p99 within a frame.

    A step at which the clients themselves send less than 99.9 % of what is due does not count.
    """
    best: dict[str, float] = {"sessions": 0}
    settings = load_settings(mode)
    async with server() as running, load(running, mode, settings) as test:
        for target in steps:
            if not await grow(test, target):
                progress(f"{mode} {target}: {len(test.sessions)} connect, then {test.failures[0]}")
                break
            await asyncio.sleep(1.0)
            report, cpu, _, delays = await period(running, test, HOLD_SECONDS)
            p99 = percentile_ms(delays, 0.99)
            sent = report.sent / (target * HOLD_SECONDS * 1000 / settings.frame_ms)
            progress(
                f"{mode} {target}: answered {100 * report.answered_share:.2f} %, "
                f"sent {100 * sent:.2f} %, "
                f"server p99 {p99:.2f} ms, {1000 * cpu:.2f} ms/session-second, "
                f"late sends {report.late_sends}"
            )
            lacking = report.sessions < target or min(report.answered_share, sent) < 0.999
            if lacking or p99 > settings.frame_ms:
                break
            best = {"sessions": target, "derived": 1 / cpu}
    return best


async def grow(test: LoadTest, target: int) -> bool:
    """Connect up to a number of sessions; False at the first that does not (others would wait)."""
    while len(test.sessions) < target and not test.failures:
        await test.add(1, per_second=200)
    return not test.failures


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


async def srtp() -> dict[str, float]:
    """Return what either protection profile costs."""
    return srtp_figures()


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
    "srtp": srtp,
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
