"""Metrics are in Prometheus' format and follow what happens."""

from __future__ import annotations

import httpx
from prometheus_client.parser import text_string_to_metric_families

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
