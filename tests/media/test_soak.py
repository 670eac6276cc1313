"""Fifty sessions for a long time, guests coming and going: nothing grows."""

from __future__ import annotations

import asyncio
import os
import statistics
from dataclasses import dataclass
from pathlib import Path

import pytest

from antiphase.devices import LoadTest, percentile_ms
from benchmarks.media_setup import Server, load_settings, period, server

pytestmark = pytest.mark.skipif(not hasattr(os, "eventfd"), reason="the native loop needs Linux")

RESIDENTS, GUESTS = 40, 10
ROUND_S = 10.0


@dataclass
class Round:
    """What the server's process was like while one set of guests was there."""

    rss_kb: float
    files: int
    delay_ms: float
    answered: float


def load(running: Server, name: str) -> LoadTest:
    async def signal(session: str, offer: str) -> str:
        return str((await running.ask(open=f"{name}-{session}", sdp=offer, mode="gain"))["sdp"])

    return LoadTest(signal, load_settings("gain"))


def open_files(process: int) -> int:
    return len(list(Path(f"/proc/{process}/fd").iterdir()))


async def soak(seconds: float) -> list[Round]:
    """Return how the server was, round by round, after a first one that is not counted."""
    rounds = []
    async with server() as running:
        residents = load(running, "resident")
        await residents.add(RESIDENTS, per_second=50)
        for k in range(round(seconds / ROUND_S) + 1):
            guests = load(running, f"guest-{k}")
            await guests.add(GUESTS, per_second=50)
            report, _, stats, delays = await period(running, residents, ROUND_S)
            files = open_files(running.process.pid)
            assert len(guests.sessions) == GUESTS, guests.failures
            await guests.close()
            delay = percentile_ms(delays, 0.5)
            rounds.append(Round(stats["rss_kb"], files, delay, report.answered_share))
        await residents.close()
    return rounds[1:]


@pytest.mark.parametrize(
    "seconds", [120, pytest.param(1800, marks=pytest.mark.slow)], ids=["2 minutes", "30 minutes"]
)
def test_nothing_grows(seconds: float) -> None:
    """Memory, open files and the server's delay of the last third are those of the first."""
    rounds = asyncio.run(soak(seconds))
    third = len(rounds) // 3
    first, last = rounds[:third], rounds[-third:]
    grown = statistics.median(r.rss_kb for r in last) - statistics.median(r.rss_kb for r in first)
    guests = GUESTS * (len(rounds) - third)
    assert grown < 1024 + 2 * guests, f"{grown:.0f} kB over {guests} guests"
    assert len({r.files for r in rounds}) == 1
    before, after = (statistics.median(r.delay_ms for r in part) for part in (first, last))
    assert after < 1.5 * before + 0.5, f"{before:.2f} ms became {after:.2f} ms"
    assert statistics.median(r.answered for r in rounds) > 0.999
