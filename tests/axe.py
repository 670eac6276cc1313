"""Accessibility of pages as axe-core sees it: WCAG 2.2 A and AA, and good practice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from playwright.async_api import Page

from tests import needs

__all__ = ["faults"]

_LOOKS = (("light", 1280), ("dark", 1280), ("light", 390), ("dark", 390))
# What WCAG calls reflow (1.4.10) and axe-core does not look at.
_TOO_WIDE = "document.documentElement.scrollWidth > innerWidth"
_OPTIONS = {"resultTypes": ["violations"], "rules": {"target-size": {"enabled": True}}}


async def faults(page: Page, picture: Path | None = None) -> list[str]:
    """Return what breaks a rule in light and dark, on a screen and on a phone.

    Each line names the look, the rule, the element and what to change. The page is left dark and
    narrow; pictures of all looks are made beside `picture` where one is named.
    """
    needs.package("axe_playwright_python", "requirements/dev.txt")
    from axe_playwright_python.async_playwright import Axe  # noqa: PLC0415 - may be absent

    found = []
    for scheme, width in _LOOKS:
        await page.set_viewport_size({"width": width, "height": 900})
        await page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        # Colours that are on their way to others have neither's contrast.
        await page.evaluate("Promise.all(document.getAnimations().map((each) => each.finished))")
        answer: dict[str, Any] = (await Axe().run(page, options=_OPTIONS)).response
        found += [
            f"{scheme} {width}: {rule['id']} {node['target']} {node['failureSummary']}"
            for rule in answer["violations"]
            for node in rule["nodes"]
        ]
        if await page.evaluate(_TOO_WIDE):
            found.append(f"{scheme} {width}: the page has to be scrolled sideways")
        if picture is not None:
            name = f"{picture.stem}-{scheme}-{width}.png"
            await page.screenshot(path=picture.with_name(name), full_page=True)
    return found
