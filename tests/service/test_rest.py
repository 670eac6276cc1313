"""Sessions by REST, as a client sees them; the OpenAPI document holds what it says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, settings

from tests.openapi import CHECKS
from tests.service.running import Live, live

DOCUMENT = json.loads(
    (Path(__file__).resolve().parents[2] / "docs" / "openapi-service.json").read_text()
)
schemathesis.serializer.alias("application/sdp", "text/plain")
schemathesis.serializer.alias("application/trickle-ice-sdpfrag", "text/plain")
schema = schemathesis.openapi.from_dict(DOCUMENT)


@pytest.fixture(scope="module")
def server() -> Iterator[Live]:
    """One server for all tests here."""
    with live() as running:
        yield running


def test_a_session_lives_and_ends(server: Live) -> None:
    """Created, listed, described, steered, ended; afterwards there is none."""
    made = server.create(name="yard", mode="forward", scene={"lead_m": 20})
    url = f"{server.url}/sessions/{made['session_id']}"
    assert made["websocket"] == f"{server.websocket}/{made['session_id']}"
    listed = httpx.get(f"{server.url}/sessions").json()
    assert made["session_id"] in [s["session_id"] for s in listed]
    described = httpx.get(url).json()
    assert described["name"] == "yard"
    assert described["scene"] == {"lead_m": 20}
    steered = httpx.post(f"{url}/control", json={"on": False, "mode": "auto"}).json()
    assert steered["control"] is False
    assert steered["wanted_mode"] == "auto"
    figures = httpx.get(f"{url}/figures").json()
    assert figures["control"] is False
    assert figures["scene"] == {"lead_m": 20}
    assert httpx.delete(url).status_code == 204
    assert httpx.get(url).status_code == 404
    assert httpx.delete(url).status_code == 404


def test_history_outlives_the_session(server: Live) -> None:
    """What happened can be read after the end, in order."""
    made = server.create()
    url = f"{server.url}/sessions/{made['session_id']}"
    httpx.post(f"{url}/control", json={"on": False})
    httpx.delete(url)
    kinds = [row["kind"] for row in httpx.get(f"{url}/history").json()]
    assert kinds[0] == "created"
    assert kinds[-1] == "ended"
    assert "control" in kinds


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"mode": "magic"}, 400),
        ({"ttl_s": -1}, 422),
        ({"unknown": 1}, 422),
        ({"scene": {"x": "y" * 20000}}, 400),
        ([], 422),
    ],
)
def test_bad_wishes_are_refused_in_one_line(server: Live, body: object, status: int) -> None:
    """The answer says what to change."""
    answer = httpx.post(f"{server.url}/sessions", json=body)
    assert answer.status_code == status
    assert "\n" not in answer.json()["detail"]


def test_a_session_ends_by_itself(server: Live) -> None:
    """After its time it is gone."""
    made = server.create(ttl_s=0.05)
    url = f"{server.url}/sessions/{made['session_id']}"
    with httpx.Client() as client:
        for _ in range(200):
            if client.get(url).status_code == 404:
                return
    pytest.fail("it did not end")


def test_the_document_is_what_the_server_publishes(server: Live) -> None:
    """docs/openapi-service.json is up to date."""
    assert httpx.get(f"{server.url}/openapi.json").json() == DOCUMENT


@schema.parametrize()
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
def test_the_service_keeps_its_document(case: Any, server: Live) -> None:  # noqa: ANN401
    """Generated requests, good and bad, are answered as the document says."""
    case.call_and_validate(base_url=server.url, checks=CHECKS)
