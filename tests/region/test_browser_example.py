"""The browser's example in headless Chromium: its own page, another origin's functions."""

from __future__ import annotations

import asyncio
import functools
import http.server
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from antiphase.region.front import FAULTS, Fault, make_front
from antiphase.region.handler import Region
from antiphase.region.server import make_server, serving
from antiphase.region.state_token import Keys
from edge import config
from edge.handler import lambda_handler
from tests.axe import faults
from tests.edge.events import Context
from tests.media.browser import needs_chromium, open_page

ROOT = Path(__file__).resolve().parents[2]
# After a preflight and two blocks each fault once, a good block after each. The browser itself
# sends a block again where its connection was closed, once: it is killed twice.
PLAN = [*[Fault()] * 3, Fault("killed")]
PLAN += [fault for kind in FAULTS for fault in (Fault(kind), Fault())]


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Say nothing."""


@pytest.fixture
def urls() -> Iterator[tuple[str, str, str]]:
    """Give the page, the edge with its faults, and the region."""
    due = iter([*PLAN, *[Fault()] * 60])
    keys = Keys(dict(config.KEYS.secrets), config.KEYS.current)
    files = functools.partial(_Quiet, directory=str(ROOT))
    with ExitStack() as stack:
        pages = stack.enter_context(
            serving(http.server.ThreadingHTTPServer(("127.0.0.1", 0), files))
        )
        region = stack.enter_context(serving(make_server(Region(keys))))
        front = make_front(
            lambda event: lambda_handler(event, Context()), region, faults=lambda: next(due)
        )
        yield f"{pages}/examples/edge_client.html", stack.enter_context(serving(front)), region


@needs_chromium
def test_page_cancels_through_every_fault(urls: tuple[str, str, str]) -> None:
    """Each block is answered in order, by the region where the edge fails, and the tone goes."""
    page_url, edge, region = urls

    async def run() -> str:
        async with open_page() as page:
            await page.goto(page_url)
            await page.fill("#edge", edge)
            await page.fill("#region", region)
            await page.click("#start")
            await page.wait_for_function("document.title.endsWith('done')", timeout=60_000)
            return await page.inner_text("#log")

    lines = asyncio.run(run()).strip().splitlines()
    numbers = [int(line.split()[1].rstrip(":")) for line in lines]
    assert numbers == list(range(20))
    by_region = [line for line in lines if line.endswith("the region")]
    assert len(by_region) == len(FAULTS)
    assert float(lines[-1].split()[2]) > 40.0


@pytest.mark.slow
@needs_chromium
def test_the_page_can_be_used_by_everybody(urls: tuple[str, str, str]) -> None:
    """axe-core finds no fault in it."""

    async def run() -> list[str]:
        async with open_page() as page:
            await page.goto(urls[0])
            return await faults(page)

    assert asyncio.run(run()) == []
