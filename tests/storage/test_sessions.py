"""One contract for both registries."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from antiphase.storage.dynamodb import DynamoSessions
from antiphase.storage.sessions import (
    ConnectionRecord,
    SessionRecord,
    SessionStore,
    SqliteSessions,
)
from tests.storage.servers import Clock, aws, make_tables


@pytest.fixture
def clock() -> Clock:
    return Clock(1000.0)


@pytest.fixture(params=["sqlite", "dynamodb"])
def store(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[SessionStore]:
    if request.param == "sqlite":
        kept = SqliteSessions(tmp_path / "sessions.db", clock)
        yield kept
        kept.close()
        return
    with aws(monkeypatch) as url:
        tables = DynamoSessions(*make_tables(url), "eu-central-1", clock, url)
        yield tables
        tables.close()


def record(session_id: str, created: float = 1000.0, **values: object) -> SessionRecord:
    given: dict[str, object] = {"worker": "w1", "expires_at": 2000.0, **values}
    return SessionRecord(session_id=session_id, created_at=created, **given)  # type: ignore[arg-type]


def test_what_is_created_is_found(store: SessionStore) -> None:
    """All fields come back as they were given; an unknown id is None."""
    one = record("a", name="Straße", mode="split", control=False, scene={"lead_m": 20.5})
    assert store.create(one)
    assert store.get("a") == one
    assert store.get("b") is None


def test_an_id_is_taken_once(store: SessionStore, clock: Clock) -> None:
    """A second session of the same id is refused until the first has ended."""
    assert store.create(record("a", name="first"))
    assert not store.create(record("a", name="second"))
    clock.now = 2001.0
    assert store.get("a") is None
    assert store.create(record("a", 2001.0, expires_at=3000.0, name="third"))
    found = store.get("a")
    assert found is not None
    assert found.name == "third"


def test_sessions_are_listed_by_age_and_worker(store: SessionStore, clock: Clock) -> None:
    """Oldest first, those that have ended left out, a worker's own apart."""
    store.create(record("late", 1003.0))
    store.create(record("other", 1002.0, worker="w2"))
    store.create(record("early", 1001.0))
    store.create(record("over", 1000.0, expires_at=1004.0))
    clock.now = 1005.0
    assert [r.session_id for r in store.all()] == ["early", "other", "late"]
    assert len(store.all(2)) == 2
    assert [r.session_id for r in store.by_worker("w1")] == ["early", "late"]


def test_only_the_owner_updates(store: SessionStore) -> None:
    """Only the worker that has a session changes it, and only while there is one."""
    store.create(record("a"))
    assert store.update(record("a", mode="clean", control=False))
    assert not store.update(record("a", worker="w2", mode="forward"))
    assert not store.update(record("b"))
    assert store.get("a") == record("a", mode="clean", control=False)
    assert store.get("b") is None


def test_one_claimant_wins(store: SessionStore) -> None:
    """Of two workers that want a dead worker's session one gets it."""
    old = record("a", worker="dead")
    store.create(old)
    assert store.claim(old, "w2")
    assert not store.claim(old, "w3")
    found = store.get("a")
    assert found is not None
    assert found.worker == "w2"


def test_a_deleted_session_is_gone(store: SessionStore) -> None:
    """Deleting is final, no fault twice, and nobody claims what is gone."""
    store.create(record("a"))
    store.delete("a")
    store.delete("a")
    assert store.all() == []
    assert not store.claim(record("a"), "w2")
    assert store.get("a") is None


def test_connections_come_and_go(store: SessionStore, clock: Clock) -> None:
    """A session's connections are found in the order in which they joined, until they end."""
    later = ConnectionRecord("c2", "a", "d2", 1002.0, 1500.0)
    first = ConnectionRecord("c1", "a", "d1", 1001.0, 2000.0)
    for connection in (later, first, ConnectionRecord("c3", "b", "d3", 1000.0, 2000.0)):
        store.connect(connection)
    assert store.connections("a") == [first, later]
    clock.now = 1501.0
    assert store.connections("a") == [first]
    store.disconnect("c1")
    store.disconnect("c1")
    assert store.connections("a") == []
