"""The host of the rooms: who is told, what is kept."""

from __future__ import annotations

import asyncio

from tests.service.running import join, live, until


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
