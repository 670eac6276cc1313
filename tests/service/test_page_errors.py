"""What goes wrong on the page is one line that says what to change; in Chromium."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from playwright.async_api import Page

from antiphase.realtime import Engine
from antiphase.realtime.figures import Attenuation, DeviceFigures, Figures
from tests.media.browser import needs_chromium, open_page
from tests.service.running import Live, live
from tests.service.test_page import until

pytestmark = needs_chromium
PROBLEM = "document.querySelector('#problem').textContent"
STATE = "document.querySelector('#state').textContent"
Check = Callable[[Page, Live], Awaitable[None]]


def on_server(check: Check, *, before: str = "", address: str = "", **settings: Any) -> None:  # noqa: ANN401
    """Open the page of a real server; nothing may be thrown on it that it does not catch."""
    thrown: list[str] = []

    async def run(server: Live) -> None:
        async with open_page() as page:
            page.on("pageerror", lambda error: thrown.append(str(error)))
            if before:
                await page.add_init_script(before)
            await page.goto(server.url + (address or "/"))
            await check(page, server)

    with live(**settings) as server:
        asyncio.run(run(server))
    assert thrown == []


REFUSING = """
navigator.mediaDevices.getUserMedia = async () => { throw new DOMException("no", "NAME"); };
"""


@pytest.mark.parametrize(
    ("script", "words"),
    [
        (REFUSING.replace("NAME", "NotAllowedError"), "allow it for this page"),
        (REFUSING.replace("NAME", "NotFoundError"), "plug one in"),
        (REFUSING.replace("NAME", "NotReadableError"), "end that one"),
        (
            "Object.defineProperty(navigator, 'mediaDevices', {value: undefined});",
            "open this page by https or on localhost",
        ),
    ],
    ids=["denied", "none", "in use", "insecure"],
)
def test_a_microphone_that_can_not_be_had_is_told(script: str, words: str) -> None:
    """The first step says what to change, nothing can be started, and it can be tried again."""

    async def check(page: Page, _: Live) -> None:
        await page.click("#own-measure")
        await until(page, "document.querySelector('li[data-state=bad]') !== null")
        assert words in await page.inner_text("li[data-state=bad]")
        assert await page.is_hidden("#own-start")
        assert await page.is_enabled("#own-measure")

    on_server(check, before=script)


def test_a_service_that_is_gone_is_told_and_found_again() -> None:
    """The page says where it looked; switch, mode and listening don't throw; then it goes on."""
    thrown: list[str] = []

    async def run() -> None:
        async with open_page() as page:
            page.on("pageerror", lambda error: thrown.append(str(error)))
            with live() as server:
                server.create(name="first")
                port = int(server.url.rsplit(":", 1)[1])
                await page.goto(server.url)
                await until(page, f"{STATE} === 'live'")
            await until(page, f"{PROBLEM}.includes('does not answer: start it')")
            for act in ("#control", "#listen"):
                await page.click(act)
                await until(page, f"{PROBLEM}.includes('not connected to the session')")
            await page.select_option("#mode-wish", "forward")
            with live(port=port) as server:
                server.create(name="second")
                await until(page, f"{STATE} === 'live'")
                await until(page, f"!{PROBLEM}.includes('does not answer')")

    asyncio.run(run())
    assert thrown == []


NO_OFFER = """
() => { RTCPeerConnection.prototype.createOffer = async () => { throw new Error("no offer"); }; }
"""


@pytest.mark.parametrize("address", ["/", "/#key=wrong"])
def test_a_key_that_is_missing_or_wrong_is_told(address: str) -> None:
    """Where to get the right one is on the page, also after it has looked again."""

    async def check(page: Page, _: Live) -> None:
        await until(page, f"{PROBLEM}.includes('open it again by its QR code')")
        await asyncio.sleep(3.5)
        assert "QR code" in await page.evaluate(PROBLEM)

    on_server(check, address=address, api_keys=("right-key",))


def test_what_was_refused_stays_until_the_next_try() -> None:
    """A problem does not go while the sessions are looked up; a try that works ends it."""

    async def check(page: Page, server: Live) -> None:
        server.create(name="yard")
        await until(page, f"{STATE} === 'live'")
        await page.evaluate(NO_OFFER)
        await page.click("#listen")
        await until(page, f"{PROBLEM}.includes('no offer')")
        await asyncio.sleep(4)
        assert "no offer" in await page.evaluate(PROBLEM)
        await page.click("#control")
        await until(page, f"{PROBLEM} === ''")

    on_server(check)


def test_the_mode_that_a_session_was_set_to_is_shown() -> None:
    """On entering, and when somebody else asks for another one."""
    shown = "document.querySelector('#mode-wish').value"

    async def check(page: Page, server: Live) -> None:
        made = server.create(name="yard", mode="predictive")
        await until(page, f"{STATE} === 'live'")
        await until(page, f"{shown} === 'predictive'")
        async with httpx.AsyncClient(base_url=server.url) as client:
            head = {"Authorization": f"Bearer {made['owner_token']}"}
            path = f"/sessions/{made['session_id']}/control"
            answer = await client.post(path, json={"mode": "local"}, headers=head)
            assert answer.is_success
        await until(page, f"{shown} === 'local'")
        await page.select_option("#mode-wish", "forward")
        await asyncio.sleep(4)
        assert await page.evaluate(shown) == "forward"
        assert server.server.host.rooms.describe(made["session_id"])["wanted_mode"] == "forward"

    on_server(check)


def test_figures_of_a_session_that_has_ended_are_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Decibels, mode, figures and devices go with the session, and its switches are off."""
    told = Figures(
        mode="split",
        reason="it fits",
        attenuation=Attenuation(estimated=12.5, bound=14.0),
        devices=(DeviceFigures("d", "shed", ("error",), loss=0.01),),
    )
    monkeypatch.setattr(Engine, "figures", lambda *_: told)
    shown = "document.querySelector('#attenuation').textContent"

    async def check(page: Page, server: Live) -> None:
        made = server.create(name="yard")
        await until(page, f"{shown} === '12.5'")
        assert "shed" in await page.inner_text("#devices")
        async with httpx.AsyncClient(base_url=server.url) as client:
            await client.delete(f"/sessions/{made['session_id']}")
        await until(page, f"{STATE} === 'no session'")
        await until(page, f"{shown} === '–'")
        assert "No session" in await page.inner_text("#reason")
        assert await page.inner_text("#numbers") == ""
        assert "shed" not in await page.inner_text("#devices")
        for switch in ("#control", "#mode-wish", "#listen", "#record"):
            assert await page.is_disabled(switch)
        server.create(name="attic")
        await until(page, f"{shown} === '12.5'")
        assert await page.is_enabled("#control")

    on_server(check)
