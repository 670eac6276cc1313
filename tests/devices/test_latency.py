"""Latency of a running server, as `antiphase latency`, a browser and curl see it."""

from __future__ import annotations

import asyncio
import re
import subprocess
from pathlib import Path

import pytest

from antiphase.devices.latency import COMPONENTS, LatencyPlan, measure_latency, percentiles
from antiphase.errors import ParameterError, ProtocolError
from tests.devices.rig.live import free_port, service
from tests.media.browser import needs_chromium, open_page
from tests.needs import program

DOCS = Path(__file__).parents[2] / "docs" / "measuring.md"


def test_every_component_is_measured_from_outside() -> None:
    """Two calls to a real server: all packets come through, parts add up, the session is gone."""
    with service() as (server, _):
        steps: list[float] = []
        plan = LatencyPlan(server, attempts=2, seconds=0.5, frame_ms=10.0)
        figures = measure_latency(plan, lambda _, share: steps.append(share))
        assert steps == [0.0, 0.5]
        assert figures["packets_sent"] == 100
        assert figures["packets_heard"] > 80
        for name in COMPONENTS:
            values = figures[name]
            assert 0 <= values["p50"] <= values["p90"] <= values["p99"]
        added = figures["mouth_to_ear_ms"]["p50"] - figures["transit_ms"]["p50"]
        assert added == pytest.approx(10.0, abs=0.01)


def test_the_curl_line_of_the_docs_runs() -> None:
    """What docs/measuring.md tells to type prints four times in order."""
    program("curl")
    found = re.search(r"```shell\n(curl .*?)```", DOCS.read_text(), re.DOTALL)
    assert found is not None
    with service() as (server, _):
        line = found.group(1).replace("http://127.0.0.1:8443", server)
        done = subprocess.run(
            ["/bin/bash", "-c", line], capture_output=True, text=True, timeout=60, check=True
        )
    times = [float(number) for number in re.findall(r"[\d.]+(?= ms)", done.stdout)]
    assert len(times) == 3
    assert times == sorted(times)


@needs_chromium
def test_the_browser_lines_of_the_docs_run() -> None:
    """What docs/measuring.md tells to paste into the console says how long Chromium took."""
    found = re.search(r"```js\n(.*?)```", DOCS.read_text(), re.DOTALL)
    assert found is not None
    lines = found.group(1).replace("console.log(JSON.stringify(latency));", "return latency;")

    async def run(server: str) -> dict[str, float]:
        async with open_page() as page:
            await page.goto(server)
            told = await page.evaluate(f"(async () => {{ {lines} }})()")
            return dict(told)

    with service() as (server, _):
        told = asyncio.run(run(server))
    assert 0 < told["signalling_ms"] < told["connected_ms"] < 10000
    assert 0 <= told["round_trip_ms"] < 1000


def test_a_server_that_is_not_there_is_named() -> None:
    """One line that says what to change."""
    with pytest.raises(ProtocolError, match="no answer"):
        measure_latency(LatencyPlan(f"http://127.0.0.1:{free_port()}"))
    with pytest.raises(ParameterError, match="frame_ms"):
        LatencyPlan("http://x", frame_ms=7.0)
    with pytest.raises(ParameterError, match="attempts"):
        LatencyPlan("http://x", attempts=0)


def test_percentiles_of_nothing_are_nothing() -> None:
    """An empty list has none; of 1 … 100 they are the numpy ones."""
    assert percentiles([]) == {}
    assert percentiles([float(k) for k in range(1, 101)])["p50"] == 50.5
