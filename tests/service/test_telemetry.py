"""Metrics are in Prometheus' format and follow what happens."""

from __future__ import annotations

import math

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from antiphase.realtime.figures import Attenuation, DeviceFigures, Figures, OutputFigures
from antiphase.service.rooms import Rooms
from tests.service.running import Live, live


def sample(server: Live, name: str) -> float:
    text = httpx.get(f"{server.url}/metrics").text
    found = [
        s.value for f in text_string_to_metric_families(text) for s in f.samples if s.name == name
    ]
    return sum(found)


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
        text = httpx.get(f"{server.url}/metrics").text
    found = {
        sample.name: (sample.value, sample.labels)
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if "session" in sample.labels
    }
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
