"""Recordings on the page, in Chromium against the real service."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from playwright.async_api import Page

from antiphase.files.audio_out import write_audio
from tests.media.browser import needs_chromium, open_page
from tests.service.recording import FS, talk_and_noise
from tests.service.running import Live, live
from tests.service.test_page import until

pytestmark = needs_chromium
WORDS = "document.querySelector('#upload-words').textContent"
ROWS = "document.querySelector('#recordings-rows').innerText"
Check = Callable[[Page, Live], Awaitable[None]]


def on_page(
    check: Check,
    *,
    key: str = "",
    noted: str = "",
    script: str = "",
    **settings: Any,  # noqa: ANN401 - pydantic checks them
) -> None:
    """Open the page of a real server and check it; its console stays empty.

    Only what the browser itself notes of a refused request may be there, with `noted` in it;
    `script` runs before the page's own.
    """
    complaints: list[str] = []

    async def run(server: Live) -> None:
        async with open_page() as page:
            page.on("console", lambda message: complaints.append(message.text))
            page.on("pageerror", lambda error: complaints.append(str(error)))
            if script:
                await page.add_init_script(script)
            await page.set_viewport_size({"width": 1280, "height": 900})
            await page.goto(f"{server.url}/{f'#key={key}' if key else ''}")
            await check(page, server)

    with live(**settings) as server:
        asyncio.run(run(server))
    assert [words for words in complaints if not noted or noted not in words] == []


def two_files(folder: Path) -> tuple[Path, Path]:
    _, primary, reference = talk_and_noise(5.0, 5.0)
    paths = folder / "yard.wav", folder / "fan.wav"
    for path, samples in zip(paths, (primary, reference), strict=True):
        write_audio(path, samples, FS)
    return paths


def test_a_recording_is_uploaded_heard_and_deleted(tmp_path: Path) -> None:
    """Without consent the form does not leave; progress, figures, sound, and gone again."""
    primary, reference = two_files(tmp_path)

    async def check(page: Page, server: Live) -> None:
        await page.set_input_files("#upload-primary", primary)
        await page.set_input_files("#upload-reference", reference)
        await page.click("#upload button")
        assert (
            await page.evaluate("document.querySelector('#upload-consent').validity.valid") is False
        )
        assert server.server.host.stores.objects.find("") == []
        await page.check("#upload-consent")
        await page.click("#upload button")
        await until(page, f"{WORDS}.includes('yard.wav is on the server')")
        await until(page, f"{ROWS}.includes('done')", 60)
        text = await page.inner_text("#recordings-rows")
        assert float(text.split("dB")[0].split()[-1]) > 15
        await page.click("text=Listen >> nth=-1")
        await until(page, "document.querySelector('#recordings-player').duration === 5")
        await page.locator("#recordings").screenshot(path=tmp_path / "recordings.png")
        await page.click("#recordings-rows button[aria-label='Delete yard.wav']")
        await until(page, f"{WORDS}.includes('are deleted')")
        await until(page, "document.querySelector('#recordings-table').hidden")
        assert server.server.host.stores.objects.find("") == []

    on_page(check)


def test_a_refusal_is_shown(tmp_path: Path) -> None:
    """One channel without a reference: the reason is on the page, and no row."""
    primary, _ = two_files(tmp_path)

    async def check(page: Page, _: Live) -> None:
        await page.set_input_files("#upload-primary", primary)
        await page.check("#upload-consent")
        await page.click("#upload button")
        await until(page, f"{WORDS}.includes('has one channel')")
        assert await page.is_hidden("#recordings-table")

    on_page(check, noted="415")


def test_a_page_with_a_key_may_what_the_key_may(tmp_path: Path) -> None:
    """The key is taken out of the address; sessions, recordings and listening are open."""
    _, primary, reference = talk_and_noise(1.5, 5.0)
    write_audio(tmp_path / "both.wav", np.stack([primary, reference], axis=1), FS)

    async def check(page: Page, server: Live) -> None:
        async with httpx.AsyncClient(headers={"Authorization": "Bearer key-1"}) as client:
            made = (await client.post(f"{server.url}/sessions", json={})).json()
        await until(page, "document.querySelector('#state').textContent === 'live'")
        assert "key" not in page.url
        devices = server.server.host.rooms.describe(made["session_id"])["devices"]
        assert devices[0]["roles"] == ["listener"]
        await page.set_input_files("#upload-primary", tmp_path / "both.wav")
        await page.check("#upload-consent")
        await page.click("#upload button")
        await until(page, f"{ROWS}.includes('both.wav')")

    on_page(check, key="key-1", api_keys=("key-1",))
