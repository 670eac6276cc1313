"""The registry of sessions: which there are, on which worker each lives, who is connected.

Two tables, the same in SQLite and DynamoDB: `sessions` by session id with an index by worker, and
`connections` by connection id with an index by session. Rows end by themselves at `expires_at`.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from antiphase.storage.sqlite import open_shared
from antiphase.storage.state import Clock

__all__ = ["ConnectionRecord", "SessionRecord", "SessionStore", "SqliteSessions"]


@dataclass(frozen=True)
class SessionRecord:
    """One session as the registry knows it.

    Parameters
    ----------
    session_id : str
        Key.
    worker : str
        Address of the worker that has the room.
    created_at, expires_at : float
        Seconds since 1970.
    name : str
        For people.
    mode : str
        As asked for: "auto" or a mode's name.
    control : bool
        Whether control is on.
    scene : dict or None
        Geometry for drawing.
    """

    session_id: str
    worker: str
    created_at: float
    expires_at: float
    name: str = ""
    mode: str = "auto"
    control: bool = True
    scene: dict[str, Any] | None = None


@dataclass(frozen=True)
class ConnectionRecord:
    """One device's connection.

    Parameters
    ----------
    connection_id : str
        Key.
    session_id, device_id : str
        What it is connected to, as what.
    joined_at, expires_at : float
        Seconds since 1970.
    """

    connection_id: str
    session_id: str
    device_id: str
    joined_at: float
    expires_at: float


class SessionStore(Protocol):
    """Where all workers look up sessions; rows past their `expires_at` count as gone."""

    def create(self, record: SessionRecord) -> bool:
        """Add a session; False where the id is taken."""

    def get(self, session_id: str) -> SessionRecord | None:
        """Return a session, None if there is none."""

    def update(self, record: SessionRecord) -> bool:
        """Replace a session's row; False where there is none or another worker has it."""

    def claim(self, record: SessionRecord, worker: str) -> bool:
        """Move a session from the worker that `record` names to another; one claimant wins."""

    def delete(self, session_id: str) -> None:
        """Forget a session; no fault if there is none."""

    def all(self, limit: int = 1000) -> list[SessionRecord]:
        """Return sessions, oldest first."""

    def by_worker(self, worker: str) -> list[SessionRecord]:
        """Return a worker's sessions, oldest first."""

    def connect(self, record: ConnectionRecord) -> None:
        """Add a connection."""

    def disconnect(self, connection_id: str) -> None:
        """Forget a connection; no fault if there is none."""

    def connections(self, session_id: str) -> list[ConnectionRecord]:
        """Return a session's connections, oldest first."""

    def close(self) -> None:
        """Let go of files and connections."""


_SCHEMA = """
CREATE TABLE IF NOT EXISTS sessions (
    session_id TEXT PRIMARY KEY, worker TEXT, created_at REAL, expires_at REAL,
    name TEXT, mode TEXT, control INTEGER, scene TEXT);
CREATE INDEX IF NOT EXISTS by_worker ON sessions (worker, created_at);
CREATE TABLE IF NOT EXISTS connections (
    connection_id TEXT PRIMARY KEY, session_id TEXT, device_id TEXT, joined_at REAL,
    expires_at REAL);
CREATE INDEX IF NOT EXISTS by_session ON connections (session_id, joined_at);
"""


class SqliteSessions:
    """The registry in a file that the workers of one machine share.

    Parameters
    ----------
    path : path-like
        The file; it is made if there is none.
    clock : callable
        Seconds since 1970.
    """

    def __init__(self, path: Path, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._base = open_shared(path, "NORMAL")
        self._base.executescript(_SCHEMA)

    def _run(self, query: str, *values: object) -> sqlite3.Cursor:
        with self._lock:
            return self._base.execute(query, values)

    def _rows(self, query: str, *values: object) -> list[Any]:
        with self._lock:
            return self._base.execute(query, values).fetchall()

    def create(self, record: SessionRecord) -> bool:
        """Add a session; False where the id is taken."""
        now = self._clock()
        self._run("DELETE FROM sessions WHERE expires_at <= ?", now)
        query = "INSERT OR IGNORE INTO sessions VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
        return self._run(query, *_row(record)).rowcount == 1

    def get(self, session_id: str) -> SessionRecord | None:
        """Return a session, None if there is none."""
        query = "SELECT * FROM sessions WHERE session_id = ? AND expires_at > ?"
        rows = self._rows(query, session_id, self._clock())
        return _record(rows[0]) if rows else None

    def update(self, record: SessionRecord) -> bool:
        """Replace a session's row; False where there is none or another worker has it."""
        query = (
            "UPDATE sessions SET expires_at = ?, name = ?, mode = ?, control = ?, scene = ?"
            " WHERE session_id = ? AND worker = ? AND expires_at > ?"
        )
        _, worker, _, *values = _row(record)
        ended = self._run(query, *values, record.session_id, worker, self._clock())
        return ended.rowcount == 1

    def claim(self, record: SessionRecord, worker: str) -> bool:
        """Move a session from the worker that `record` names to another; one claimant wins."""
        query = "UPDATE sessions SET worker = ? WHERE session_id = ? AND worker = ?"
        return self._run(query, worker, record.session_id, record.worker).rowcount == 1

    def delete(self, session_id: str) -> None:
        """Forget a session; no fault if there is none."""
        self._run("DELETE FROM sessions WHERE session_id = ?", session_id)

    def all(self, limit: int = 1000) -> list[SessionRecord]:
        """Return sessions, oldest first."""
        query = "SELECT * FROM sessions WHERE expires_at > ? ORDER BY created_at LIMIT ?"
        return [_record(row) for row in self._rows(query, self._clock(), limit)]

    def by_worker(self, worker: str) -> list[SessionRecord]:
        """Return a worker's sessions, oldest first."""
        query = "SELECT * FROM sessions WHERE worker = ? AND expires_at > ? ORDER BY created_at"
        return [_record(row) for row in self._rows(query, worker, self._clock())]

    def connect(self, record: ConnectionRecord) -> None:
        """Add a connection."""
        self._run("DELETE FROM connections WHERE expires_at <= ?", self._clock())
        values = tuple(asdict(record).values())
        self._run("INSERT OR REPLACE INTO connections VALUES (?, ?, ?, ?, ?)", *values)

    def disconnect(self, connection_id: str) -> None:
        """Forget a connection; no fault if there is none."""
        self._run("DELETE FROM connections WHERE connection_id = ?", connection_id)

    def connections(self, session_id: str) -> list[ConnectionRecord]:
        """Return a session's connections, oldest first."""
        query = (
            "SELECT * FROM connections WHERE session_id = ? AND expires_at > ? ORDER BY joined_at"
        )
        return [ConnectionRecord(*row) for row in self._rows(query, session_id, self._clock())]

    def close(self) -> None:
        """Close the file."""
        self._base.close()


def _row(record: SessionRecord) -> tuple[Any, ...]:
    scene = None if record.scene is None else json.dumps(record.scene)
    *head, _ = asdict(replace(record, scene=None)).values()
    return (*head, scene)


def _record(row: tuple[Any, ...]) -> SessionRecord:
    session_id, worker, created_at, expires_at, name, mode, control, scene = row
    place = None if scene is None else json.loads(scene)
    return SessionRecord(
        session_id, worker, created_at, expires_at, name, mode, bool(control), place
    )
