"""The page in headless Chromium, against a stand-in that speaks the service's contract."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from playwright.async_api import Page

from antiphase.media.events import Connected
from tests.media.browser import needs_chromium, open_page
from tests.service.stand_in import StandIn, serving

pytestmark = needs_chromium
LIVE = "document.querySelector('#state').textContent === 'live'"
Check = Callable[[Page, StandIn], Awaitable[None]]


def on_page(check: Check, *, width: int = 1280, dark: bool = False) -> None:
    """Open the page and check it; nothing may appear on its console."""
    complaints: list[str] = []

    async def run() -> None:
        async with open_page() as page:
            page.on("console", lambda message: complaints.append(message.text))
            page.on("pageerror", lambda error: complaints.append(str(error)))
            await page.set_viewport_size({"width": width, "height": 900})
            await page.emulate_media(color_scheme="dark" if dark else "light")
            async with serving(page) as service:
                await page.goto(service.url)
                await until(page, "document.querySelector('#state').textContent === 'live'")
                await check(page, service)

    asyncio.run(run())
    assert complaints == []


async def until(page: Page, condition: str, seconds: float = 15.0) -> None:
    """Wait for a condition; Playwright's own way needs `eval`, which the page forbids."""
    end = time.monotonic() + seconds
    while not await page.evaluate(condition):
        assert time.monotonic() < end, condition
        await asyncio.sleep(0.05)


async def attenuation(page: Page, condition: str) -> None:
    await until(
        page, f"(v => {condition})(parseFloat(document.querySelector('#attenuation').textContent))"
    )


def test_the_page_shows_what_the_service_says() -> None:
    """Decibels, mode, reason, bound, margin, devices, scene, charts; no script is inline."""

    async def check(page: Page, service: StandIn) -> None:
        await attenuation(page, "v > 21")
        assert service.heard[0]["type"] == "join"
        text = await page.inner_text("main")
        for words in (
            "5.1 ms of margin",
            "23.9",
            "5.1 ms to spare",
            "barrier",
            "9.9 ppm",
            "1.10 %",
        ):
            assert words in text, words
        assert "20.0 m · lead 56.8 ms" in await page.inner_text("#scene")
        assert await page.locator("#spectrum .scatterlayer .trace").count() == 3
        assert await page.locator("#history .scatterlayer .trace").count() == 3
        assert await page.locator("#octaves rect").count() == 6
        assert await page.locator("script:not([src])").count() == 0

    on_page(check)


def test_the_switch_turns_control_off_and_on() -> None:
    """The switch tells the service, and the figures follow."""

    async def check(page: Page, service: StandIn) -> None:
        await attenuation(page, "v > 21")
        await page.click("#control")
        await attenuation(page, "v < 1")
        assert await page.get_attribute("#control", "aria-checked") == "false"
        await page.click("#control")
        await attenuation(page, "v > 21")
        sent = [m["on"] for m in service.heard if m["type"] == "control"]
        assert sent == [False, True]

    on_page(check)


def test_a_mode_can_be_asked_for() -> None:
    """All modes are there with what they do in words; the wish goes to the service."""

    async def check(page: Page, service: StandIn) -> None:
        await attenuation(page, "v > 21")
        words = await page.eval_on_selector_all(
            "#mode-wish option", "options => options.map((o) => o.textContent)"
        )
        modes = ["auto", "split", "lookahead", "predictive", "clean", "local", "forward"]
        assert [word.split(":")[0] for word in words] == modes
        for mode in ("lookahead", "auto"):
            await page.select_option("#mode-wish", mode)
        for _ in range(100):
            wished = [m["mode"] for m in service.heard if m["type"] == "mode"]
            if len(wished) == 2:
                break
            await asyncio.sleep(0.05)
        assert wished == ["lookahead", "auto"]

    on_page(check)


def test_a_listener_starts_low_and_is_muted_by_a_key() -> None:
    """Listening makes a WebRTC connection; the gain starts at 0, stays below 0.5, and `m` mutes."""

    async def check(page: Page, service: StandIn) -> None:
        await page.evaluate(
            "() => { window.gains = [];"
            "const Old = GainNode; window.GainNode = class extends Old {"
            " constructor(...a) { super(...a); gains.push(this); } } }"
        )
        await page.click("#listen")
        await until(page, "window.gains.length === 1 && gains[0].gain.value > 0.001")
        assert any(isinstance(event, Connected) for event in service.events)
        await page.fill("#volume", "100")
        await until(page, "gains[0].gain.value > 0.45")
        assert await page.evaluate("gains[0].gain.value") <= 0.5
        await page.keyboard.press("m")
        await until(page, "gains[0].gain.value < 1e-3")
        assert await page.get_attribute("#mute", "aria-pressed") == "true"

    on_page(check)


def test_every_control_is_named_and_reached_by_keys() -> None:
    """Tab reaches each control in order; each has a name; there are landmarks and one heading 1."""

    async def check(page: Page, _: StandIn) -> None:
        await attenuation(page, "v > 21")
        reached = []
        for _step in range(12):
            await page.keyboard.press("Tab")
            reached.append(await page.evaluate("document.activeElement.id"))
        wanted = ["sessions", "theme", "control", "listen", "volume", "mute"]
        assert [name for name in reached if name in wanted][:6] == wanted
        unnamed = await page.evaluate(
            "[...document.querySelectorAll('button, select, input, [role=img]')].filter((e) =>"
            " !(e.textContent.trim() || e.labels?.length || e.getAttribute('aria-label'))).length"
        )
        assert unnamed == 0
        for landmark in ("header", "nav", "main", "footer", "h1"):
            assert await page.locator(landmark).count() == 1, landmark
        assert await page.locator("#announce[aria-live=polite]").inner_text() != ""

    on_page(check)


def test_dark_and_phone_width_fit() -> None:
    """The system's theme is followed, the switch overrides it, nothing is wider than a phone."""

    async def check(page: Page, _: StandIn) -> None:
        await attenuation(page, "v > 21")
        assert await page.get_attribute("html", "data-theme") == "dark"
        await page.click("#theme")
        assert await page.get_attribute("html", "data-theme") == "light"
        assert await page.evaluate("document.documentElement.scrollWidth") <= 390

    on_page(check, width=390, dark=True)


def test_a_lost_connection_is_made_anew() -> None:
    """When the signalling closes, the page says so and joins the same session again."""

    async def check(page: Page, service: StandIn) -> None:
        await attenuation(page, "v > 21")
        await service.sockets[-1].close()
        await until(page, f"!({LIVE})")
        await until(page, LIVE)
        assert [m["type"] for m in service.heard].count("join") == 2

    on_page(check)


def test_a_session_that_moves_is_followed() -> None:
    """From worker to worker, also where the first one that is asked only knows another."""

    async def check(page: Page, service: StandIn) -> None:
        await attenuation(page, "v > 21")
        service.say(service.sockets[-1], type="moved", websocket="/elsewhere")
        async with asyncio.timeout(15):
            while len(service.sockets) < 3:  # noqa: ASYNC110 - the page's doing
                await asyncio.sleep(0.05)
        await until(page, LIVE)
        places = [socket.url.rsplit("/", 1)[1] for socket in service.sockets]
        assert places == ["road", "elsewhere", "there"]
        await service.sockets[-1].close()
        await until(page, f"!({LIVE})")
        await until(page, LIVE)
        assert service.sockets[-1].url.endswith("/road")

    on_page(check)
