"""The page can be used with a keyboard, a screen reader and weak eyes, in each of its states.

axe-core finds what a machine can find of that: names, roles, contrast, sizes, order.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx
import pytest
from playwright.async_api import Page

from tests.axe import faults
from tests.media.browser import needs_chromium, open_page
from tests.service import test_page, test_page_errors, test_page_recordings
from tests.service.running import Live
from tests.service.stand_in import StandIn
from tests.service.test_page import until
from tests.service.test_page_own import verdict
from tests.service.web_room import room

pytestmark = needs_chromium
ROWS = "document.querySelector('#recordings-rows').innerText"


def test_a_live_session(tmp_path: Path) -> None:
    """Figures, scene, charts, devices, with somebody listening."""

    async def check(page: Page, service: StandIn) -> None:
        await until(page, "document.querySelector('#devices tbody tr') !== null")
        await page.click("#mute")
        assert await faults(page, tmp_path / "live.png") == []

    test_page.on_page(check)


def test_a_page_that_is_not_let_in(tmp_path: Path) -> None:
    """What is wrong, and the form for a key or a token."""

    async def check(page: Page, server: Live) -> None:
        await until(page, "!document.querySelector('#access').hidden")
        assert await faults(page, tmp_path / "refused.png") == []

    test_page_errors.on_server(check, api_keys=("key-1",))


@pytest.mark.slow
def test_a_device_that_is_measured_controls_and_is_recorded(tmp_path: Path) -> None:
    """The steps, the verdict, the question whether it may be recorded, uploads and their files."""
    primary, reference = test_page_recordings.two_files(tmp_path)

    async def check(page: Page, server: Live) -> None:
        await page.click("#own-measure")
        await verdict(page)
        assert await faults(page, tmp_path / "measured.png") == []
        await page.click("#own-start")
        await until(page, "!document.querySelector('#record').disabled")
        await page.click("#record")
        await page.set_input_files("#upload-primary", primary)
        await page.set_input_files("#upload-reference", reference)
        await page.check("#upload-consent")
        await page.click("#upload button")
        await until(page, f"{ROWS}.includes('done') && {ROWS}.includes('is being recorded')", 60)
        await page.click("#recordings-rows button[aria-label^='Listen to']")
        await until(page, "!document.querySelector('#recordings-player').hidden")
        assert await faults(page, tmp_path / "recorded.png") == []
        async with httpx.AsyncClient(base_url=server.url) as client:
            for row in (await client.get("/sessions")).json():
                await client.delete(f"/sessions/{row['session_id']}")
        await until(page, f"{ROWS}.includes('kept')")
        await page.click("#recordings-rows summary")
        assert await faults(page, tmp_path / "ended.png") == []

    test_page_recordings.on_page(check, script=room(), noted="404", recording_piece_s=1)


def test_what_is_wrong_is_found() -> None:
    """A button without a name, grey on white, and a line that does not fit: the check can fail."""
    page_of_faults = (
        "<!doctype html><html lang='en'><title>t</title><main><h1>t</h1>"
        "<button></button><p style='color: #bbb; width: 500px'>pale</p></main>"
    )

    async def run() -> list[str]:
        async with open_page() as page:
            await page.set_content(page_of_faults)
            return await faults(page)

    found = asyncio.run(run())
    for rule in ("light 1280: button-name", "dark 390: color-contrast", "light 390: the page has"):
        assert any(fault.startswith(rule) for fault in found), found
