"""Hot filter states: bytes under a key, forgotten after a while."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from antiphase.storage.sqlite import open_shared

__all__ = ["MemoryStates", "SqliteStates", "StateStore"]

Clock = Callable[[], float]


class StateStore(Protocol):
    """Where states live that are too large for a client's token."""

    def get(self, key: str) -> bytes | None:
        """Return the value, None if there is none or its time is over."""

    def put(self, key: str, value: bytes, ttl_s: float) -> None:
        """Keep a value for `ttl_s` seconds."""

    def add(self, key: str, value: bytes, ttl_s: float) -> bool:
        """Keep a value unless the key has one; True where it was kept. One caller wins."""

    def items(self, prefix: str) -> dict[str, bytes]:
        """Return what lives under the keys that begin so."""

    def delete(self, key: str) -> None:
        """Forget a value; no fault if there is none."""

    def close(self) -> None:
        """Let go of files and connections."""


class MemoryStates:
    """States of one process.

    Parameters
    ----------
    clock : callable
        Seconds.
    """

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self._values: dict[str, tuple[float, bytes]] = {}
        self._lock = threading.Lock()

    def get(self, key: str) -> bytes | None:
        """Return the value, None if there is none or its time is over."""
        with self._lock:
            until, value = self._values.get(key, (0.0, b""))
            return value if key in self._values and self._clock() < until else None

    def put(self, key: str, value: bytes, ttl_s: float) -> None:
        """Keep a value for `ttl_s` seconds."""
        with self._lock:
            self._put(key, value, ttl_s)

    def _put(self, key: str, value: bytes, ttl_s: float) -> None:
        now = self._clock()
        # Entries were put in order of time, so the oldest come first.
        for old in list(self._values):
            if self._values[old][0] > now:
                break
            del self._values[old]
        self._values.pop(key, None)
        self._values[key] = (now + ttl_s, value)

    def add(self, key: str, value: bytes, ttl_s: float) -> bool:
        """Keep a value unless the key has one; True where it was kept."""
        with self._lock:
            until, _ = self._values.get(key, (-math.inf, b""))
            if self._clock() < until:
                return False
            self._put(key, value, ttl_s)
            return True

    def items(self, prefix: str) -> dict[str, bytes]:
        """Return what lives under the keys that begin so."""
        now = self._clock()
        with self._lock:
            return {
                key: value
                for key, (until, value) in self._values.items()
                if key.startswith(prefix) and now < until
            }

    def delete(self, key: str) -> None:
        """Forget a value; no fault if there is none."""
        with self._lock:
            self._values.pop(key, None)

    def close(self) -> None:
        """Forget everything."""
        with self._lock:
            self._values.clear()


class SqliteStates:
    """States in a file that several processes of one machine share.

    Parameters
    ----------
    path : path-like
        The file; it is made if there is none.
    clock : callable
        Seconds; the same for all processes.
    """

    def __init__(self, path: Path, clock: Clock = time.time) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._base = open_shared(path, "OFF")
        self._base.execute(
            "CREATE TABLE IF NOT EXISTS states (key TEXT PRIMARY KEY, value BLOB, until REAL)"
        )
        self._base.execute("CREATE INDEX IF NOT EXISTS states_until ON states (until)")

    def get(self, key: str) -> bytes | None:
        """Return the value, None if there is none or its time is over."""
        query = "SELECT value FROM states WHERE key = ? AND until > ?"
        with self._lock:
            row = self._base.execute(query, (key, self._clock())).fetchone()
        return None if row is None else bytes(row[0])

    def put(self, key: str, value: bytes, ttl_s: float) -> None:
        """Keep a value for `ttl_s` seconds."""
        now = self._clock()
        with self._lock:
            self._base.execute("DELETE FROM states WHERE until <= ?", (now,))
            row = (key, value, now + ttl_s)
            self._base.execute("INSERT OR REPLACE INTO states VALUES (?, ?, ?)", row)

    def add(self, key: str, value: bytes, ttl_s: float) -> bool:
        """Keep a value unless the key has one; True where it was kept."""
        now = self._clock()
        # One statement, so that of several processes one wins; an expired row counts as none.
        query = (
            "INSERT INTO states VALUES (?, ?, ?) ON CONFLICT (key) DO UPDATE"
            " SET value = excluded.value, until = excluded.until WHERE states.until <= ?"
        )
        with self._lock:
            return self._base.execute(query, (key, value, now + ttl_s, now)).rowcount == 1

    def items(self, prefix: str) -> dict[str, bytes]:
        """Return what lives under the keys that begin so."""
        query = "SELECT key, value FROM states WHERE substr(key, 1, ?) = ? AND until > ?"
        with self._lock:
            rows = self._base.execute(query, (len(prefix), prefix, self._clock())).fetchall()
        return {key: bytes(value) for key, value in rows}

    def delete(self, key: str) -> None:
        """Forget a value; no fault if there is none."""
        with self._lock:
            self._base.execute("DELETE FROM states WHERE key = ?", (key,))

    def close(self) -> None:
        """Close the file."""
        self._base.close()
