"""Messages that wait for WebSockets."""

from __future__ import annotations

import asyncio
from typing import Any

__all__ = ["Outbox", "Outboxes"]

_WAITING = 64


class Outbox:
    """Messages that wait for one WebSocket; a reader that is too slow misses figures, no more."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    def put(self, message: dict[str, Any]) -> None:
        """Add a message."""
        if message["type"] != "figures" or self._queue.qsize() < _WAITING:
            self._queue.put_nowait(message)

    async def get(self) -> dict[str, Any]:
        """Wait for the next one."""
        return await self._queue.get()


class Outboxes:
    """Those of all devices, by session."""

    def __init__(self) -> None:
        self._boxes: dict[str, dict[str, Outbox]] = {}

    def add(self, session_id: str, device_id: str, outbox: Outbox) -> None:
        """Let a device's messages go to an outbox from now on."""
        self._boxes.setdefault(session_id, {})[device_id] = outbox

    def drop(self, session_id: str, device_id: str) -> None:
        """Forget a device."""
        boxes = self._boxes.get(session_id, {})
        boxes.pop(device_id, None)
        if not boxes:
            self._boxes.pop(session_id, None)

    def drop_session(self, session_id: str) -> None:
        """Forget all devices of a session."""
        self._boxes.pop(session_id, None)

    def has(self, session_id: str) -> bool:
        """Whether anybody in a session has one."""
        return session_id in self._boxes

    def put(self, session_id: str, device_id: str | None, message: dict[str, Any]) -> None:
        """Tell one device of a session, or all of them."""
        boxes = self._boxes.get(session_id, {})
        chosen = boxes.values() if device_id is None else filter(None, [boxes.get(device_id)])
        for box in list(chosen):
            box.put(message)

    def put_all(self, message: dict[str, Any]) -> None:
        """Tell everybody."""
        for session_id in self._boxes:
            self.put(session_id, None, message)
