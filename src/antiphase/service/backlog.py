"""Writes that need not be waited for: in order, on a thread, and never lost silently."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

__all__ = ["Backlog"]

T = TypeVar("T")

_LOG = logging.getLogger("antiphase.service")
_BATCH = 500
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.1, 5.0


class Backlog(Generic[T]):
    """Hands items to a store in the order in which they came, and again until it has them.

    Parameters
    ----------
    name : str
        Of the store, for the log.
    write : callable
        Takes a list of items; where it raises, all of them are tried again, so that a list must be
        taken whole or not at all, or twice without harm.
    most : int
        Items that may wait; beyond them the oldest are given up, counted in `lost`.
    tries : int
        An item that a store refuses so often by itself is given up, counted in `lost`.
    """

    def __init__(
        self, name: str, write: Callable[[list[T]], None], *, most: int = 100_000, tries: int = 50
    ) -> None:
        self.lost = 0
        """Items given up."""
        self.failures = 0
        """Times that the store refused or did not answer."""
        self._name, self._write, self._most, self._tries = name, write, most, tries
        self._items: deque[T] = deque()
        self._taken = self._done = 0
        self._changed = threading.Condition()
        self._closing_at: float | None = None
        self._thread = threading.Thread(target=self._run, name=f"antiphase-{name}", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """Items that the store has not got yet."""
        with self._changed:
            return len(self._items)

    def put(self, item: T) -> None:
        """Add an item."""
        with self._changed:
            self._taken += 1
            self._items.append(item)
            if len(self._items) > self._most:
                self._give_up(1, "too many are waiting")
            self._changed.notify_all()

    def settle(self, seconds: float) -> bool:
        """Wait until what was added before has been written; False where that takes longer."""
        with self._changed:
            mark = self._taken
            return self._changed.wait_for(lambda: self._done >= mark, seconds)

    def close(self, seconds: float = 5.0) -> None:
        """Write what waits, for at most so long, and end."""
        with self._changed:
            self._closing_at = time.monotonic() + seconds
            self._changed.notify_all()
        self._thread.join(seconds + _LONGEST_WAIT_S)
        with self._changed:
            if self._items:
                self._give_up(len(self._items), "the service ends")

    def _give_up(self, count: int, why: str) -> None:
        for _ in range(count):
            self._items.popleft()
        self.lost += count
        self._done += count
        _LOG.error("%d writes to the %s are lost: %s", count, self._name, why)

    def _run(self) -> None:
        most, tries, wait = _BATCH, 0, _FIRST_WAIT_S
        while (batch := self._next(most)) is not None:
            try:
                self._write(batch)
            except Exception as error:  # noqa: BLE001 - each store has faults of its own
                self.failures += 1
                if tries == 0:
                    words = next(iter(str(error).splitlines()), type(error).__name__)
                    _LOG.warning("the %s does not take writes, trying on: %s", self._name, words)
                # Alone, so that one that the store refuses does not hold up the others.
                most, tries = 1, tries + 1
                if tries >= self._tries:
                    with self._changed:
                        if self._items and self._items[0] is batch[0]:
                            self._give_up(1, f"refused {tries} times")
                    tries = 1
                self._pause(wait)
                wait = min(2 * wait, _LONGEST_WAIT_S)
            else:
                if tries:
                    _LOG.warning("the %s takes writes again", self._name)
                most, tries, wait = _BATCH, 0, _FIRST_WAIT_S
                self._finish(batch)

    def _next(self, most: int) -> list[T] | None:
        """Wait for items and return the oldest; None when it is time to end."""
        with self._changed:
            self._changed.wait_for(lambda: self._items or self._closing_at is not None)
            over = self._closing_at is not None and time.monotonic() > self._closing_at
            if not self._items or over:
                return None
            return [self._items[k] for k in range(min(most, len(self._items)))]

    def _pause(self, seconds: float) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._closing_at is not None, seconds)
            if self._closing_at is not None:
                self._changed.wait(min(seconds, _FIRST_WAIT_S))

    def _finish(self, batch: list[T]) -> None:
        with self._changed:
            for item in batch:
                # Some may have been given up in the meantime.
                if self._items and self._items[0] is item:
                    self._items.popleft()
                    self._done += 1
            self._changed.notify_all()
