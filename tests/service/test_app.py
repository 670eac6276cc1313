"""The application: health, the page, headers."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.service.running import Live, live


@pytest.fixture(scope="module")
def server() -> Iterator[Live]:
    """One server for all tests here."""
    with live() as running:
        yield running


def test_health(server: Live) -> None:
    """It lives and takes sessions; while it drains it takes none."""
    assert httpx.get(f"{server.url}/healthz").json()["status"] == "ok"
    assert httpx.get(f"{server.url}/readyz").status_code == 200
    server.server.host.draining = True
    try:
        assert httpx.get(f"{server.url}/readyz").status_code == 503
        assert httpx.post(f"{server.url}/sessions", json={}).status_code == 503
    finally:
        server.server.host.draining = False


def test_the_charts_come_from_the_wheel(server: Live) -> None:
    """No page needs another host."""
    answer = httpx.get(f"{server.url}/static/plotly.min.js")
    assert answer.status_code == 200
    assert "javascript" in answer.headers["content-type"]
    assert len(answer.content) > 1_000_000


@pytest.mark.parametrize("path", ["/healthz", "/sessions", "/static/plotly.min.js", "/nothing"])
def test_answers_are_hardened(server: Live, path: str) -> None:
    """Each answer forbids sniffing and framing."""
    headers = httpx.get(server.url + path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"


def test_the_page_asks_nobody_but_its_own_host(server: Live) -> None:
    """Other workers are ports of it; a name that is none gets into no policy."""
    policy = httpx.get(server.url).headers["content-security-policy"]
    assert policy == "connect-src 'self' ws: wss: http://127.0.0.1:*"
    odd = httpx.get(server.url, headers={"Host": "a;script-src *"})
    assert "script-src" not in odd.headers.get("content-security-policy", "")


@pytest.mark.parametrize("path", ["/static/../app.py", "/static/%2e%2e/app.py"])
def test_nothing_outside_the_page_is_served(server: Live, path: str) -> None:
    """Paths that climb out find nothing."""
    assert httpx.get(server.url + path).status_code == 404
