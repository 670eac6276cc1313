"""What is recorded of a session can be read at once."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from antiphase.service.journal import Journal
from antiphase.service.registry import Registry
from antiphase.storage.history import SqlHistory
from antiphase.storage.sessions import SqliteSessions
from antiphase.storage.state import MemoryStates


def test_reading_waits_for_what_was_written_before(tmp_path: Path) -> None:
    """A record that was just added is there, with its time span."""

    async def run() -> None:
        registry = Registry(
            SqliteSessions(tmp_path / "s.db", time.time), MemoryStates(), "http://one"
        )
        history = SqlHistory(f"sqlite:///{tmp_path / 'h.db'}")
        journal = Journal(history, registry)
        for k in range(50):
            journal.record("a", "measured", {"k": k}, since=float(k))
        journal.record("b", "ended", {})
        rows = await journal.past("a", 0.0, 1000)
        assert [row.data["k"] for row in rows] == list(range(50))
        assert [row.kind for row in await journal.past("b", 0.0, 10)] == ["ended"]
        journal.close()
        await registry.close()
        history.close()

    asyncio.run(run())
