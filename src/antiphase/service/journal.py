"""The history of sessions: written soon and in order, read with all that was written before."""

from __future__ import annotations

import time
from typing import Any

from antiphase.service.backlog import Backlog
from antiphase.service.registry import Registry
from antiphase.storage.history import HistoryRecord, HistoryStore

__all__ = ["Journal"]

_SETTLE_S = 2.0


class Journal:
    """One worker's way to the history.

    Parameters
    ----------
    history : HistoryStore
    registry : Registry
        Its threads read.
    """

    def __init__(self, history: HistoryStore, registry: Registry) -> None:
        self._history, self._registry = history, registry
        self.written = Backlog("history", history.append)
        """What waits to be written."""

    def record(
        self, session_id: str, kind: str, data: dict[str, Any], since: float | None = None
    ) -> None:
        """Add to a session's history, soon; what the store does not take at once is tried again."""
        wall = time.time()
        self.written.put(
            HistoryRecord(session_id, kind, wall if since is None else since, wall, data)
        )

    async def past(self, session_id: str, after: float, limit: int) -> list[HistoryRecord]:
        """Return a session's finished records, oldest first.

        Raises
        ------
        StoreError
            If the history does not answer.
        """

        def read() -> list[HistoryRecord]:
            self.written.settle(_SETTLE_S)
            return self._history.read(session_id, after=after, limit=limit)

        return await self._registry.ask(read)

    def close(self) -> None:
        """Write what waits, and end."""
        self.written.close()
