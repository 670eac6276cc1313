"""A browser that asks for what it lost (RFC 4585): both drivers send the very packet again."""

from __future__ import annotations

import asyncio
import re
import time
from typing import Any

from playwright.async_api import Page

from antiphase.media.answer import AnswerPolicy
from tests.media.browser import needs_chromium, open_page
from tests.media.nat import Nat
from tests.media.room import DRIVERS, Driver, is_media
from tests.media.test_chromium import ANSWER, CONNECT, PITCH, Server, until

FIRST, EVERY, N_LOST = 50, 20, 6
RECEIVED = """
async () => [...(await peer.getStats()).values()].find((s) => s.type === "inbound-rtp")
"""


class Lossy:
    """Loses each twentieth packet on its way to the browser, once."""

    def __init__(self) -> None:
        self.lost: dict[int, bytes] = {}
        self.again: dict[int, bytes] = {}
        self._count = 0

    def down(self, datagram: bytes) -> list[bytes]:
        if not is_media(datagram):
            return [datagram]
        number = int.from_bytes(datagram[2:4])
        if number in self.lost:
            self.again[number] = datagram
            return [datagram]
        self._count += 1
        if self._count < FIRST or self._count % EVERY or len(self.lost) == N_LOST:
            return [datagram]
        self.lost[number] = datagram
        return []


async def connect(server: Server, page: Page, nat: Nat) -> None:
    """Let the browser call through the NAT, in an offer that has NACK for Opus."""
    sdp = await page.evaluate(CONNECT, {"tracks": 1, "data": None})
    asking = sdp.replace("a=rtcp-fb:111 transport-cc\r\n", "a=rtcp-fb:111 nack\r\n")
    assert asking != sdp
    answer = server.driver.endpoint.open("tab", asking, time.monotonic())
    assert "a=rtcp-fb:111 nack\r\n" in answer
    server.driver.flush()
    answer = re.sub(r"a=candidate:\S+ 1 tcp.*\r\n", "", answer)
    host, port = nat.inside
    answer = re.sub(r"(a=candidate:\S+ 1 udp \d+) \S+ \d+", rf"\1 {host} {port}", answer)
    await page.evaluate(ANSWER, answer)


@needs_chromium
@DRIVERS
def test_a_browser_gets_again_what_it_asks_for(kind: Driver) -> None:
    """Each lost packet comes again byte by byte, and the browser counts none lost."""
    lossy = Lossy()

    async def run() -> dict[str, Any]:
        server = Server(kind)
        await server.start(AnswerPolicy())
        nat = await Nat.start(server.driver.address)
        nat.down = lossy.down
        try:
            async with open_page() as page:
                await connect(server, page, nat)
                assert await page.evaluate(PITCH, {"index": 0, "hz": 440}) > 0
                await until(lambda: len(lossy.again) == N_LOST)
                await asyncio.sleep(0.3)
                stats: dict[str, Any] = await page.evaluate(RECEIVED)
                return stats
        finally:
            nat.close()
            await server.driver.stop()

    stats = asyncio.run(run())
    assert lossy.again == lossy.lost
    assert stats["nackCount"] >= N_LOST
    assert stats["packetsLost"] == 0
