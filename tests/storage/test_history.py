"""One contract for the history in SQLite and in PostgreSQL."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa

from antiphase.storage.history import HistoryRecord, SqlHistory
from tests.storage.servers import postgresql_server


@pytest.fixture(scope="module")
def postgresql_url() -> Iterator[str]:
    with postgresql_server() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'history.db'}"
    return str(request.getfixturevalue("postgresql_url"))


@pytest.fixture
def store(url: str) -> Iterator[SqlHistory]:
    history = SqlHistory(url)
    yield history
    for session_id in ("a", "b"):
        history.forget(session_id)
    history.close()


def measured(session_id: str, end: float) -> HistoryRecord:
    return HistoryRecord(session_id, "measured", end - 10, end, {"attenuation_db": end, "ü": None})


def test_records_come_back_in_order(store: SqlHistory) -> None:
    """A session's records are read oldest first, whole, and nobody else's among them."""
    store.append([measured("a", 20.5), measured("b", 10.0)])
    store.append([measured("a", 10.25)])
    store.append([])
    assert store.read("a") == [measured("a", 10.25), measured("a", 20.5)]
    assert store.read("c") == []


def test_reading_goes_on_where_it_stopped(store: SqlHistory) -> None:
    """With `after` and `limit` a long history is read in parts."""
    store.append([measured("a", float(k)) for k in range(1, 8)])
    first = store.read("a", limit=3)
    rest = store.read("a", after=first[-1].ended_at)
    assert [r.ended_at for r in first + rest] == list(range(1, 8))


def test_forgotten_is_gone(store: SqlHistory) -> None:
    """Deletion takes all records of a session and says how many."""
    store.append([measured("a", 1.0), measured("a", 2.0), measured("b", 3.0)])
    assert store.forget("a") == 2
    assert store.read("a") == []
    assert len(store.read("b")) == 1


WRITER = """
import sys
from antiphase.storage.history import HistoryRecord, SqlHistory
history = SqlHistory(sys.argv[1])
for k in range(1, 1_000_000):
    history.append([HistoryRecord("a", "measured", k - 1, k, {"k": k})])
    print(k, flush=True)
"""


def test_many_that_begin_at_once_make_the_table_once(url: str) -> None:
    """Workers that start together on an empty database all find their table: none fails."""
    for _ in range(5):
        engine = sa.create_engine(url)
        with engine.begin() as connection:
            connection.execute(sa.text("DROP TABLE IF EXISTS history"))
        engine.dispose()
        together = threading.Barrier(8)

        def begin(_: int, together: threading.Barrier = together) -> SqlHistory | str:
            together.wait(30)
            try:
                return SqlHistory(url)
            except sa.exc.SQLAlchemyError as error:
                return str(error)

        with ThreadPoolExecutor(8) as pool:
            made = list(pool.map(begin, range(8)))
        open_ = [history for history in made if isinstance(history, SqlHistory)]
        empty = [history.read("a") for history in open_]
        for history in open_:
            history.close()
        assert empty == [[]] * 8, made


def test_a_killed_writer_loses_no_finished_record(url: str, store: SqlHistory) -> None:
    """Whatever `append` had returned for is there after kill -9, in order, and readable."""
    command = [sys.executable, "-c", WRITER, url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        told = [int(writer.stdout.readline()) for _ in range(30)][-1]
        os.kill(writer.pid, signal.SIGKILL)
        told = max([told, *map(int, writer.stdout.read().split())])
    kept = [r.ended_at for r in store.read("a", limit=1_000_000)]
    assert kept == list(range(1, len(kept) + 1))
    assert len(kept) >= told
