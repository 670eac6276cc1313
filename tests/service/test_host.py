"""The host of the rooms: who is told, what is kept."""

from __future__ import annotations

import asyncio

from antiphase.service.outboxes import Outbox
from tests.service.running import join, live, until


def test_a_slow_reader_misses_figures_and_nothing_else() -> None:
    """Figures are left out beyond a few dozen; other messages are kept."""

    async def run() -> None:
        box = Outbox()
        for k in range(500):
            box.put({"type": "figures", "time_s": k})
        box.put({"type": "bye"})
        kinds: list[str] = []
        while not kinds or kinds[-1] != "bye":
            kinds.append((await box.get())["type"])
        assert 10 < kinds.count("figures") < 100

    asyncio.run(run())


def test_the_history_knows_who_came_and_went() -> None:
    """Joins and leaves are finished records once they have happened."""
    with live() as server:
        session_id = server.create()["session_id"]

        async def run() -> None:
            async with join(server, session_id) as socket:
                await until(socket, "figures")

        asyncio.run(run())

        async def wait() -> list[str]:
            async with asyncio.timeout(10):
                while True:
                    rows = server.server.host.stores.history.read(session_id)
                    kinds = [row.kind for row in rows]
                    if "left" in kinds:
                        return kinds
                    await asyncio.sleep(0.02)

        kinds = asyncio.run(wait())
        assert kinds[0] == "created"
        assert kinds.index("joined") < kinds.index("left")
