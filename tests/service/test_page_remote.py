"""A browser that plays against noise which another device hears first: end to end in Chromium."""

from __future__ import annotations

import asyncio
import re
from statistics import median

import pytest
from playwright.async_api import Page

from tests.media.browser import needs_chromium
from tests.service.test_page import until
from tests.service.test_page_own import at_microphone, in_room, verdict
from tests.service.web_room import room

pytestmark = needs_chromium
REFERENCE = """
(async () => {
  const { AncClient, createSession } = await import("/static/anc-client.js");
  await navigator.mediaDevices.getUserMedia({});
  const made = await createSession({ name: "yard", mode: "split" });
  const { session_id: session, owner_token: token } = made;
  window.yard = new AncClient({ session, token });
  await yard.join({ name: "street", roles: [{ role: "reference", track: "0" }] });
  await yard.publish(roomNoise());
})()
"""


async def begin(page: Page) -> None:
    """Start control with the microphone in the yard as the reference."""
    await verdict(page)
    await until(page, "!document.querySelector('#own-reference').parentElement.hidden")
    options = await page.inner_text("#own-reference")
    assert "street in yard" in options
    await page.select_option("#own-reference", label="street in yard")
    await page.click("#own-start")


@pytest.mark.slow
def test_a_reference_from_another_device_cancels_broadband_noise() -> None:
    """Sent by WebRTC, forwarded, put on this clock: 8 dB at the microphone itself, and kept.

    The median of 15 seconds, since on a busy machine packets stand still for a moment. There they
    also take longer: where the page says that the reference comes too late the microphone is moved
    towards the noise, by what it says and 40 ms.
    """

    async def check(page: Page) -> None:
        await begin(page)
        heard: list[float] = []
        lead, moved = 0.16, 0
        async with asyncio.timeout(120):
            while len(heard) < 15 or median(heard[-15:]) < 8:
                await asyncio.sleep(1)
                heard.append(round(await at_microphone(page), 1))
                words = await page.inner_text("#margin-words")
                late = re.match(r"([\d.]+) ms too late", words)
                if late is not None and len(heard) > moved + 8:
                    moved = len(heard)
                    lead += float(late[1]) / 1000 + 0.04
                    await page.evaluate(f"roomLead({lead})")

    in_room(room(channels=1, lead=0.16), check, before=REFERENCE)


@pytest.mark.slow
def test_a_reference_that_comes_too_late_is_told() -> None:
    """With a lead that the network uses up the page says by how much it is too late."""

    async def check(page: Page) -> None:
        await begin(page)
        await until(page, "document.querySelector('#own-live').textContent.includes('late')", 30)
        assert "too late" in await page.inner_text("#margin-words")
        assert await at_microphone(page) > -1

    in_room(room(channels=1, lead=0.01), check, before=REFERENCE)
