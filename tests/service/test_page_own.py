"""The microphone of the page in Chromium, in a room of WebAudio, against the real service."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable

import pytest
from playwright.async_api import Page

from tests.media.browser import needs_chromium, open_page
from tests.service.running import live
from tests.service.test_page import until
from tests.service.web_room import room

pytestmark = needs_chromium
HUM = ((100.0, 0.1), (200.0, 0.05))


def in_room(
    script: str, check: Callable[[Page], Awaitable[None]], *, before: str | None = None
) -> None:
    """Open the page of a real server with a fake microphone in a room; its console stays empty."""
    complaints: list[str] = []

    async def run(url: str) -> None:
        async with open_page() as page:
            page.on("console", lambda message: complaints.append(message.text))
            page.on("pageerror", lambda error: complaints.append(str(error)))
            await page.add_init_script(script)
            await page.goto(url)
            await until(page, "document.querySelector('#state').textContent === 'no session'")
            if before is not None:
                await page.evaluate(before)
            await page.click("#own-measure")
            await check(page)

    with live() as server:
        asyncio.run(run(server.url))
    assert complaints == []


async def verdict(page: Page) -> str:
    await until(page, "!document.querySelector('#own-verdict').hidden", 60)
    return await page.inner_text("#own-verdict")


async def reach(page: Page, decibels: float) -> None:
    await page.click("#own-start")
    shown = "parseFloat(document.querySelector('#attenuation').textContent)"
    await until(page, f"{shown} > {decibels}", 45)


@pytest.mark.parametrize("name", ["echoCancellation", "noiseSuppression", "autoGainControl"])
def test_a_microphone_that_is_processed_is_refused(name: str) -> None:
    """The page asks for no processing, looks whether it got that, and says why it refuses."""

    async def check(page: Page) -> None:
        await until(page, "document.querySelector('li[data-state=bad]') !== null")
        assert "does not turn off" in await page.inner_text("li[data-state=bad]")
        assert await page.evaluate(f"window.asked.audio.{name}") is False
        assert await page.is_hidden("#own-start")

    in_room(room(settings={name: True}), check)


def test_the_measurement_tells_what_is_cancellable() -> None:
    """One microphone behind the latency of a browser: tones yes, and by how many dB."""

    async def check(page: Page) -> None:
        text = await verdict(page)
        assert "local control" in text
        assert "tones fall by" in text
        assert "ms from playing to hearing" in await page.inner_text("#own-body")

    in_room(room(channels=1, white=0.002, tones=HUM), check)


@pytest.mark.slow
def test_a_hum_falls_with_one_microphone() -> None:
    """Mode local in the audio thread takes 15 dB off a hum, as the service estimates."""

    async def check(page: Page) -> None:
        await verdict(page)
        await reach(page, 15)
        assert await page.inner_text("#mode") == "Local"

    in_room(room(channels=1, white=0.002, tones=HUM), check)


async def at_microphone(page: Page) -> float:
    """Return the attenuation at the fake microphone itself, dB."""
    levels = await page.evaluate("window.roomLevels()")
    return 10 * math.log10(levels["noise"] / levels["heard"])


def test_loud_broadband_noise_falls_and_stays_down() -> None:
    """Mode split in a loud room: 12 dB at the microphone itself, in each of 10 seconds."""

    async def check(page: Page) -> None:
        assert "split control" in await verdict(page)
        await page.click("#own-start")
        async with asyncio.timeout(45):
            while await at_microphone(page) < 15:  # noqa: ASYNC110 - the room's doing
                await asyncio.sleep(0.2)
        assert await page.inner_text("#mode") == "Split"
        await page.click("#listen")
        await until(page, "document.querySelector('#problem').textContent.includes('would hear')")
        assert await page.get_attribute("#listen", "aria-pressed") == "false"
        heard = []
        for _ in range(10):
            await asyncio.sleep(1)
            heard.append(round(await at_microphone(page), 1))
        assert min(heard) > 12, heard

    in_room(room(), check)
