"""How soon the page shows decibels: headless Chromium on a running service with a rig."""

from __future__ import annotations

import asyncio
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.async_api import async_playwright

__all__ = ["page", "page_first_db_s", "rig"]

_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--autoplay-policy=no-user-gesture-required",
    "--allow-loopback-in-peer-connection",
]
_SHOWN = "parseFloat(document.querySelector('#attenuation').textContent)"


async def _measure(url: str, least_db: float, within_s: float) -> float | None:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=_FLAGS, headless=True
        )
        try:
            page = await browser.new_page()
            start = time.monotonic()
            await page.goto(url)
            while time.monotonic() - start < within_s:
                shown = await page.evaluate(_SHOWN)
                if shown is not None and shown >= least_db:
                    return time.monotonic() - start
                await asyncio.sleep(0.05)
        finally:
            await browser.close()
    return None


def page_first_db_s(url: str, *, least_db: float = 3.0, within_s: float = 60.0) -> float | None:
    """Return the time from opening the page to the first decibels on it.

    Parameters
    ----------
    url : str
        Of a running service that has a session with control on.
    least_db : float
        What counts as decibels.
    within_s : float
        When to give up, s.

    Returns
    -------
    float or None
        Seconds, the browser's start not included; None where they did not come.
    """
    return asyncio.run(_measure(url, least_db, within_s))


def _await(url: str, run: subprocess.Popen[bytes]) -> None:
    """Return when an address answers; give up where its process has ended, or after 90 s."""
    end = time.monotonic() + 90
    while True:
        try:
            urllib.request.urlopen(url, timeout=1).close()  # noqa: S310 - loopback
        except (urllib.error.URLError, OSError):
            if run.poll() is not None or time.monotonic() > end:
                raise
            time.sleep(0.1)
        else:
            return


@contextmanager
def rig(scene: str) -> Iterator[str]:
    """Run service and rig as a user does; yield the page's address once it answers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    script = "from antiphase.cli import main; main()"
    words = [sys.executable, "-c", script, "rig", "--serve", "--scene", scene, "--port", str(port)]
    run = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}/"
    try:
        _await(f"{url}healthz", run)
        yield url
    finally:
        run.send_signal(signal.SIGINT)
        run.wait(30)


def page() -> dict[str, Any]:
    """Return `page_first_db_s` of the transformer scene in real time; None without Chromium."""
    if shutil.which("chromium") is None:
        return {"page_first_db_s": None}
    with rig("transformer") as url:
        return {"page_first_db_s": page_first_db_s(url)}
