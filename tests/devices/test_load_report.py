"""What a load test found, told as a dictionary, as text and as a page in a browser."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from antiphase.devices.load_report import load_text, summarise, write_load_report
from antiphase.devices.loadtest import LoadReport
from tests.axe import faults
from tests.media.browser import needs_chromium, open_page

PLAN = {
    "url": "http://x/whip?echo=true",
    "codec": "opus",
    "frame_ms": 20.0,
    "loss": 0.05,
    "ramp_s": 2.0,
    "seconds": 3.0,
    "sessions_wanted": 4,
}


def second(answered: int, octave: int) -> LoadReport:
    """Return a second whose answers all took 2 to the power of `octave` µs."""
    delays = [0] * 200
    delays[8 * octave - 1] = answered
    return LoadReport(3, 1.0, 100, answered, answered, 0, delays)


def found(*reports: LoadReport, **more: object) -> dict[str, Any]:
    load: Any = SimpleNamespace(
        failures=["full", "full", "gone"], setup_parts_ms=[(float(k), 2.0) for k in range(101)]
    )
    return {**PLAN, **summarise(load, reports), **more}


def test_percentiles_are_over_all_packets_and_sessions() -> None:
    """Three slow answers in a hundred show in the 99th percentile only, and in their second."""
    got = found(second(97, 10), second(3, 13))
    assert got["round_trip_ms"] == pytest.approx({"p50": 1.024, "p90": 1.024, "p99": 8.192})
    assert got["round_trip_worst_second_p99_ms"] == pytest.approx(8.192)
    assert got["signalling_ms"] == {"p50": 50.0, "p90": 90.0, "p99": 99.0}
    assert got["handshake_ms"] == {"p50": 2.0, "p90": 2.0, "p99": 2.0}
    assert got["answered_share"] == 0.5
    assert got["failures"] == [("full", 2), ("gone", 1)]
    assert [s["answered"] for s in got["timeline"]] == [97, 3]
    assert json.loads(json.dumps(got, allow_nan=False))["timeline"][1]["sent"] == 100


def test_a_silent_second_has_no_percentiles() -> None:
    """Nothing answered is no delay of 0: a dash in text, null in JSON."""
    got = found(second(0, 10))
    assert set(got["round_trip_ms"].values()) == {None}
    text = load_text(got)
    assert "round trip p99: –" in text
    assert "failed: 2 × full" in text
    assert text.startswith("3 of 4 sessions held, 0.00 % of packets answered")


@needs_chromium
def test_the_page_in_a_browser(tmp_path: Path) -> None:
    """Both pictures are drawn with their axes named, all parts are there, no word of noise."""
    page = tmp_path / "report.html"
    write_load_report(found(second(99, 10), second(90, 12), late_sends=50), page)

    async def look() -> dict[str, Any]:
        async with open_page() as tab:
            thrown: list[str] = []
            tab.on("pageerror", lambda error: thrown.append(str(error)))
            await tab.goto(page.as_uri())
            await tab.wait_for_function("document.querySelectorAll('.legend').length === 2")
            result = await tab.evaluate(
                """() => ({
                  text: document.body.innerText,
                  titles: [...document.querySelectorAll('.xtitle, .ytitle')]
                    .map(e => e.textContent),
                  heads: [...document.querySelectorAll('h2')].map(e => e.textContent),
                })"""
            )
            assert thrown == []
            return dict(result)

    seen = asyncio.run(look())
    assert sorted(seen["titles"]) == ["ms", "packets a second", "time (s)", "time (s)"]
    heads = [head.partition(":")[0] for head in seen["heads"]]
    assert heads == ["Round trip", "Packets", "Signalling", "Handshake", "Round trip", "Set-up"]
    for part in (
        "3 of 4 sessions held",
        "failed: 2 × full",
        "more than 1 %",
        "5 %",
        "http://x/whip",
    ):
        assert part in seen["text"]
    for word in ("NR", "bound", "filter", "[object"):
        assert word not in seen["text"]
    assert np.all(["–" not in row for row in seen["text"].splitlines()])


@pytest.mark.slow
@needs_chromium
def test_the_page_can_be_read_by_everybody(tmp_path: Path) -> None:
    """axe-core finds no fault in it."""
    page = tmp_path / "report.html"
    write_load_report(found(second(99, 10), second(90, 12), late_sends=50), page)

    async def look() -> list[str]:
        async with open_page() as tab:
            await tab.goto(page.as_uri())
            return await faults(tab, tmp_path / "load.png")

    assert asyncio.run(look()) == []
