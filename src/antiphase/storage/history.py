"""Measurement history through SQLAlchemy: a SQLite file by default, PostgreSQL for scale.

A record is finished once `append` has returned: it is committed to the disk, and a process that is
killed in the next moment loses nothing of it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry

__all__ = ["HistoryRecord", "HistoryStore", "SqlHistory"]


@dataclass(frozen=True)
class HistoryRecord:
    """What happened in a session, or what was measured over a period of it.

    Parameters
    ----------
    session_id : str
        Whose.
    kind : str
        "measured", "joined", "left", "mode", "control", "created" or "ended".
    started_at, ended_at : float
        Seconds since 1970; equal for what took no time.
    data : dict
        Ready for JSON.
    """

    session_id: str
    kind: str
    started_at: float
    ended_at: float
    data: dict[str, Any]


class HistoryStore(Protocol):
    """Where finished records go."""

    def append(self, records: list[HistoryRecord]) -> None:
        """Add records; they are safe when this returns."""

    def read(
        self, session_id: str, *, after: float = 0.0, limit: int = 1000
    ) -> list[HistoryRecord]:
        """Return a session's records that ended after a time, oldest first."""

    def forget(self, session_id: str) -> int:
        """Delete a session's records and return how many there were."""

    def close(self) -> None:
        """Let go of files and connections."""


_METADATA = sa.MetaData()
_HISTORY = sa.Table(
    "history",
    _METADATA,
    sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
    sa.Column("session_id", sa.String(64), nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("started_at", sa.Double, nullable=False),
    sa.Column("ended_at", sa.Double, nullable=False),
    sa.Column("data", sa.Text, nullable=False),
    sa.Index("history_by_session", "session_id", "ended_at"),
)


def _durable(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA busy_timeout=5000")
    cursor.close()


def _make_table(engine: sa.Engine) -> None:
    """Make the table if there is none; another worker may be making it at the same time."""
    try:
        _METADATA.create_all(engine)
    except sa.exc.DBAPIError:
        if not sa.inspect(engine).has_table(_HISTORY.name):
            raise


class SqlHistory:
    """History in a database that SQLAlchemy speaks to.

    Parameters
    ----------
    url : str
        ``sqlite:////path/history.db`` or ``postgresql+psycopg://user@host/base``. The table is
        made if there is none.
    """

    def __init__(self, url: str) -> None:
        self._engine = sa.create_engine(url, pool_pre_ping=True)
        if self._engine.dialect.name == "sqlite":
            sa.event.listen(self._engine, "connect", _durable)
        _make_table(self._engine)

    def append(self, records: list[HistoryRecord]) -> None:
        """Add records; they are safe when this returns."""
        if not records:
            return
        rows = [
            {
                "session_id": r.session_id,
                "kind": r.kind,
                "started_at": r.started_at,
                "ended_at": r.ended_at,
                "data": json.dumps(r.data),
            }
            for r in records
        ]
        with self._engine.begin() as connection:
            connection.execute(sa.insert(_HISTORY), rows)

    def read(
        self, session_id: str, *, after: float = 0.0, limit: int = 1000
    ) -> list[HistoryRecord]:
        """Return a session's records that ended after a time, oldest first."""
        query = (
            sa.select(_HISTORY)
            .where(_HISTORY.c.session_id == session_id, _HISTORY.c.ended_at > after)
            .order_by(_HISTORY.c.ended_at, _HISTORY.c.id)
            .limit(limit)
        )
        with self._engine.connect() as connection:
            rows = connection.execute(query).all()
        return [
            HistoryRecord(r.session_id, r.kind, r.started_at, r.ended_at, json.loads(r.data))
            for r in rows
        ]

    def forget(self, session_id: str) -> int:
        """Delete a session's records and return how many there were."""
        with self._engine.begin() as connection:
            query = sa.delete(_HISTORY).where(_HISTORY.c.session_id == session_id)
            return int(connection.execute(query).rowcount)

    def close(self) -> None:
        """Close the connections."""
        self._engine.dispose()
