"""What a room costs: the same echo through the whole service and through the bare media loop."""

from __future__ import annotations

import asyncio
import os
import socket
import statistics
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from antiphase.devices import LoadTest
from antiphase.devices.rig import call_server, wait_for_server
from antiphase.devices.whip import post_offer
from benchmarks.media_setup import SERVER_CORE, load, load_settings, period, server

__all__ = ["rooms"]

_MODE = "forward"
_SETTLE_S = 3.0
_HOLD_S = 5.0
_SERVE = (
    "import sys; from antiphase.cli import main;"
    "sys.argv = ['antiphase', 'serve', '--port', '{port}']; main()"
)


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@asynccontextmanager
async def _service(count: int) -> AsyncIterator[tuple[str, int]]:
    """Run the service on the core that the bare loop runs on; gives its address and process."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        _SERVE.format(port=port),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        env={**os.environ, "OMP_NUM_THREADS": "1", "ANTIPHASE_MOST_SESSIONS_PER_USER": str(count)},
        preexec_fn=lambda: os.sched_setaffinity(0, {SERVER_CORE}),
    )
    try:
        url = f"http://127.0.0.1:{port}"
        await asyncio.to_thread(wait_for_server, url, 60.0, lambda: process.returncode is None)
        yield url, process.pid
    finally:
        process.terminate()
        await process.wait()


async def _through_rooms(count: int) -> tuple[float, float]:
    """Return CPU seconds per session-second, and the share of packets answered."""
    async with _service(count) as (url, pid):

        async def signal(_: str, offer: str) -> str:
            made = await asyncio.to_thread(
                call_server, url, "POST", "/sessions", {"mode": _MODE}, None
            )
            return await asyncio.to_thread(post_offer, f"{made['whip']}?echo=true", offer)

        test = LoadTest(signal, load_settings(_MODE))
        try:
            await test.add(count)
            await asyncio.sleep(_SETTLE_S)
            before, start = _cpu_s(pid), time.monotonic()
            report = await test.measure(_HOLD_S)
            spent = (_cpu_s(pid) - before) / (time.monotonic() - start)
            return spent / max(1, report.sessions), report.answered_share
        finally:
            await test.close()


async def _through_media(count: int) -> float:
    """Return CPU seconds per session-second of the bare loop."""
    async with server() as running, load(running, _MODE, load_settings(_MODE)) as test:
        await test.add(count)
        await asyncio.sleep(_SETTLE_S)
        _, spent, _, _ = await period(running, test, _HOLD_S)
        return spent


async def _compare(count: int, runs: int) -> dict[str, Any]:
    bare, whole, answered = [], [], []
    for _ in range(runs):
        bare.append(await _through_media(count))
        spent, share = await _through_rooms(count)
        whole.append(spent)
        answered.append(share)
    ratios = [w / b for w, b in zip(whole, bare, strict=True)]
    return {
        "rooms_vs_media_cost": round(statistics.median(ratios), 3),
        "rooms_cpu_ms": round(1000 * statistics.median(whole), 3),
        "rooms_bare_cpu_ms": round(1000 * statistics.median(bare), 3),
        "rooms_count": count,
        "rooms_answered_share": round(min(answered), 5),
    }


def rooms(count: int = 200, runs: int = 5) -> dict[str, Any]:
    """Return what a session costs in a room of its own over what it costs the bare loop.

    Both forward the same Opus packets back to their sender, interleaved, one process on one core;
    the service ticks its rooms, counts, measures and tells meanwhile.
    """
    return asyncio.run(_compare(count, runs))
