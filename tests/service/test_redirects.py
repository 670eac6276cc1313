"""The page in Chromium asks one worker for what another one has: another port, another origin."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack

import httpx
import pytest

from tests.devices.rig.live import free_port
from tests.media.browser import needs_chromium, open_page
from tests.service.running import Live, live

KEY = {"Authorization": "Bearer key-1"}
ASK = """async ([path, method, key]) => {
  const { request } = await import("/static/anc-client.js");
  try {
    const answer = await request(location.origin, key, method, path, method === "POST" ? "{}" : undefined);
    return [answer.status, answer.url];
  } catch (error) {
    return [error.code ?? "blocked", error.message];
  }
}"""  # noqa: E501


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Live, Live]]:
    """Two workers behind one port, with a key."""
    port, data = free_port(), tmp_path_factory.mktemp("data")
    common = {"port": port, "data": data, "api_keys": ("key-1",), "token_secret": "s" * 48}
    with ExitStack() as stack:
        both = [stack.enter_context(live(**common, worker_port=0, media_port=0)) for _ in "12"]
        yield both[0], both[1]


def create(worker: Live) -> str:
    answer = httpx.post(f"{worker.server.url}/sessions", json={}, headers=KEY)
    assert answer.status_code == 201, answer.text
    session_id: str = answer.json()["session_id"]
    return session_id


@needs_chromium
def test_the_page_reaches_sessions_of_every_worker(two: tuple[Live, Live]) -> None:
    """Looked at, steered, invited to and ended with the key, whichever worker is asked first."""
    ids = [create(worker) for worker in two]
    own = [worker.server.url for worker in two]

    async def run() -> None:
        async with open_page() as page:
            sent_on = False
            await page.goto(two[0].url)
            for session_id, place in zip(ids, own, strict=True):
                path = f"/sessions/{session_id}"
                for _ in range(10):
                    status, url = await page.evaluate(ASK, [path, "GET", "key-1"])
                    assert status == 200, url
                    assert url in {f"{two[0].url}{path}", f"{place}{path}"}
                    sent_on |= url == f"{place}{path}"
                for ask, method, wanted in (
                    ("/tokens", "POST", 201),
                    ("/control", "POST", 200),
                    ("/figures", "GET", 200),
                    ("", "DELETE", 204),
                ):
                    status, words = await page.evaluate(ASK, [path + ask, method, "key-1"])
                    assert status == wanted, words
                status, words = await page.evaluate(ASK, [path, "GET", "wrong"])
                assert status in {"401", "404"}, words
            # The kernel deals connections out among the workers: of two sessions one is elsewhere.
            assert sent_on

    asyncio.run(run())


def test_foreign_pages_are_let_through_nowhere(two: tuple[Live, Live]) -> None:
    """Neither hop names them; the service's own page is named by both, also before asking."""
    session_id = create(two[1])
    path = f"/sessions/{session_id}"
    own = two[0].url
    for origin, let in ((own, True), ("https://evil.example", False), ("null", False)):
        for worker in two:
            headers = KEY | {"Origin": origin}
            answer = httpx.get(f"{worker.server.url}{path}", headers=headers)
            assert answer.status_code == (307 if worker is two[0] else 200)
            assert (answer.headers.get("access-control-allow-origin") == origin) is let
            ask = {
                "Origin": origin,
                "Access-Control-Request-Method": "DELETE",
                "Access-Control-Request-Headers": "authorization",
            }
            before = httpx.options(f"{worker.server.url}{path}", headers=ask)
            assert (before.status_code == 200) is let
            assert (before.headers.get("access-control-allow-origin") == origin) is let
