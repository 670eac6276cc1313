"""Metrics are in Prometheus' format and follow what happens."""

from __future__ import annotations

import asyncio
import math
import time

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from antiphase.devices.soundcard.session import run_device
from antiphase.realtime.figures import Attenuation, DeviceFigures, Figures, OutputFigures
from antiphase.service.rooms import Rooms
from antiphase.service.telemetry import DEVICE, SESSION
from tests.devices.soundcard.virtual import Paced, measured
from tests.service.running import Live, live


def samples(server: Live) -> list[Sample]:
    text = httpx.get(f"{server.url}/metrics").text
    return [s for family in text_string_to_metric_families(text) for s in family.samples]


def sample(server: Live, name: str) -> float:
    return sum(s.value for s in samples(server) if s.name == name)


def measured_now(server: Live) -> set[str]:
    """Return the gauges that have a value for a session or device."""
    return {s.name for s in samples(server) if s.name in {*SESSION, *DEVICE}}


def test_sessions_and_drops_are_counted() -> None:
    """The session gauge follows; datagrams that were dropped are there by reason."""
    with live() as server:
        assert sample(server, "antiphase_sessions") == 0
        made = server.create()
        assert sample(server, "antiphase_sessions") == 1
        assert sample(server, "antiphase_datagrams_dropped_total") == 0
        httpx.delete(f"{server.url}/sessions/{made['session_id']}")
        assert sample(server, "antiphase_sessions") == 0


def test_what_sessions_measure_is_exported(monkeypatch: pytest.MonkeyPatch) -> None:
    """Attenuation, bound, margin, THD, SNR, drift and loss are there; what is not known is not."""
    figures = Figures(
        attenuation=Attenuation(estimated=12.5, bound=14.0),
        margin_ms=math.inf,
        deadline_misses=3,
        output=OutputFigures(thd_percent=0.4, snr_db=31.0),
        devices=(DeviceFigures("d", "rig", ("error",), drift_ppm=-20.0, loss=0.01),),
    )
    with live() as server:
        made = server.create()
        monkeypatch.setattr(Rooms, "figures", lambda *_: figures)
        found = {s.name: (s.value, s.labels) for s in samples(server) if "session" in s.labels}
    session = {"session": made["session_id"]}
    assert found == {
        "antiphase_deadline_misses_total": (3, session),
        "antiphase_attenuation_db": (12.5, session),
        "antiphase_bound_db": (14.0, session),
        "antiphase_output_thd_percent": (0.4, session),
        "antiphase_output_snr_db": (31.0, session),
        "antiphase_drift_ppm": (-20.0, session | {"device": "d"}),
        "antiphase_loss": (0.01, session | {"device": "d"}),
    }


def test_gauges_are_gone_when_nothing_measures_them() -> None:
    """A device falls silent, sounds again, leaves: its session's gauges go, come back and go."""
    card, agent = measured()
    paced, seen = Paced(card, agent), list[set[str]]()
    lasting = {"antiphase_attenuation_db", "antiphase_bound_db", "antiphase_output_snr_db", *DEVICE}

    def tick(now: float) -> None:
        del now
        here = measured_now(server)
        if not paced.stuck and lasting <= here:
            seen.append(here)
            if len(seen) == 3:
                raise EOFError
            paced.stuck = True
        elif paced.stuck and not here:
            seen.append(here)
            paced.stuck = False

    async def run(place: str) -> None:
        async with asyncio.timeout(60):
            await run_device(paced, agent, tick, server=place)

    with live() as server:
        session = server.create(mode="split")["session_id"]
        with pytest.raises(EOFError):
            asyncio.run(run(f"{server.url}/{session}"))
        end = time.monotonic() + 20
        while sample(server, "antiphase_peers") and time.monotonic() < end:
            time.sleep(0.05)
        assert measured_now(server) == set()
        assert sample(server, "antiphase_sessions") == 1
    assert [bool(here) for here in seen] == [True, False, True]
