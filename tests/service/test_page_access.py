"""Who owns a session steers it from the page, with nothing but its token; in Chromium."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.async_api import Page, Request

from tests.media.browser import needs_chromium, open_page
from tests.service.peers import microphone
from tests.service.running import Live, live
from tests.service.test_page import until

pytestmark = needs_chromium
KEY = "key-1"
LIVE = "document.querySelector('#state').textContent === 'live'"
PROBLEM = "document.querySelector('#problem').textContent"
NOTICE = "document.querySelector('#recording').innerText"
ROWS = "document.querySelector('#recordings-rows').innerText"
Check = Callable[[Page, Live, dict[str, Any]], Awaitable[None]]


def on_page(check: Check) -> list[tuple[str, dict[str, str], str | None]]:
    """Open an empty page beside a server with a key and two sessions.

    The check gets the first session, which is not the one that a page with the key would enter.
    Returns address, headers and body of all that the page asked for.
    """
    asked = []

    async def run(server: Live) -> None:
        head = {"Authorization": f"Bearer {KEY}"}
        async with httpx.AsyncClient(base_url=server.url, headers=head) as client:
            made = (await client.post("/sessions", json={"name": "yard"})).json()
            await client.post("/sessions", json={"name": "attic"})
        requests: list[Request] = []

        def note(request: Request) -> None:
            requests.append(request)

        async with open_page() as page:
            page.on("request", note)
            await check(page, server, made)
            asked.extend([(r.url, await r.all_headers(), r.post_data) for r in requests])

    with live(api_keys=(KEY,), recording_piece_s=1) as server:
        asyncio.run(run(server))
    return asked


async def record(page: Page, server: Live, made: dict[str, Any], picture: Path) -> None:
    """Begin and end a recording, in which a microphone agrees, find it listed, and delete it."""
    await until(page, LIVE)
    assert await page.inner_text("#sessions") == "yard"
    tokens = server.server.host.tokens
    token, _ = tokens.join(made["session_id"], ["reference"], 60)
    async with microphone(server.websocket, made["session_id"], 440.0, token=token) as heard:
        await page.click("#record")
        await until(page, f"{NOTICE}.includes('“yard” is to be recorded')")
        recording_id = (await heard.told(state="on"))["recording_id"]
        await heard.consent(recording_id)
        await until(page, f"{NOTICE}.includes('1 device agreed')")
        await until(page, f"{ROWS}.includes('is being recorded')")
        await page.screenshot(path=picture)
        await asyncio.sleep(1.5)
        await page.click("#record")
        await until(page, f"{ROWS}.includes('kept: ended by')")
    await page.click("#recordings-rows button[aria-label='Delete yard']")
    await until(page, "document.querySelector('#recordings-table').hidden")
    assert server.server.host.stores.objects.find("") == []


@pytest.mark.parametrize(
    "way",
    ["address", "typed", pytest.param("address of an open page", marks=pytest.mark.slow)],
)
def test_an_owner_records_with_the_sessions_token_alone(
    way: str, tmp_path: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """Behind the # or typed: begun, ended, listed, deleted; the token is to be read nowhere."""
    caplog.set_level("INFO")
    words: list[str] = []

    async def check(page: Page, server: Live, made: dict[str, Any]) -> None:
        token = made["owner_token"]
        words.append(token)
        if way == "address":
            await page.goto(f"{server.url}/#token={token}")
        else:
            await page.goto(server.url)
            await until(page, "!document.querySelector('#access').hidden")
            assert "session owner's token" in await page.evaluate(PROBLEM)
            await page.screenshot(path=tmp_path / "asked.png")
        if way == "typed":
            await page.fill("#access-word", token)
            await page.keyboard.press("Enter")
        elif way != "address":
            await page.evaluate(f"location.hash = 'token={token}'")
        await record(page, server, made, tmp_path / "recorded.png")
        assert await page.is_hidden("#access")
        assert await page.evaluate(PROBLEM) == ""
        assert token not in await page.content()
        assert await page.evaluate("location.href") == f"{server.url}/#{made['session_id']}"
        assert await page.evaluate("localStorage.length") == 0
        await page.reload()
        await until(page, LIVE)
        assert await page.inner_text("#sessions") == "yard"

    asked = on_page(check)
    (token,) = words
    assert sum(token in headers.pop("authorization", "") for _, headers, _ in asked) > 3
    assert not [each for each in asked if token in str(each)]
    captured = capfd.readouterr()
    assert token not in captured.out + captured.err + caplog.text


def test_what_lets_nobody_in_is_told_and_asked_for_again() -> None:
    """A word that is none, a token to join, and one of a session that has ended: the form stays."""

    async def check(page: Page, server: Live, made: dict[str, Any]) -> None:
        join, _ = server.server.host.tokens.join(made["session_id"], ["listener"], 60)
        head = {"Authorization": f"Bearer {made['owner_token']}"}
        async with httpx.AsyncClient(base_url=server.url, headers=head) as client:
            assert (await client.delete(f"/sessions/{made['session_id']}")).is_success
        await page.goto(server.url)
        for word in ("nonsense", "a.b.c", join, made["owner_token"]):
            await until(page, "!document.querySelector('#access').hidden")
            await page.fill("#access-word", word)
            async with page.expect_response("**/sessions") as answer:
                await page.click("#access button")
            assert (await answer.value).status == 401
            await until(page, f"{PROBLEM}.includes('give a key')")
            assert await page.input_value("#access-word") == ""
        await page.fill("#access-word", KEY)
        await page.keyboard.press("Enter")
        await until(page, LIVE)
        assert await page.inner_text("#sessions") == "attic"
        assert await page.is_hidden("#access")

    on_page(check)
