"""One contract for all state stores."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from antiphase.storage.redis_states import RedisStates
from antiphase.storage.state import MemoryStates, SqliteStates, StateStore
from tests.storage.servers import Clock, redis_server
from tests.storage.test_redis_states import ServerClock


@pytest.fixture(scope="module")
def redis_url() -> Iterator[str]:
    with redis_server() as url:
        yield url


@pytest.fixture(params=["memory", "sqlite", "redis"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def clock(kind: str, request: pytest.FixtureRequest) -> Clock:
    return ServerClock(request.getfixturevalue("redis_url")) if kind == "redis" else Clock()


@pytest.fixture
def store(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path, clock: Clock
) -> Iterator[StateStore]:
    states: StateStore
    if kind == "redis":
        states = RedisStates(request.getfixturevalue("redis_url"), f"{tmp_path.name}:")
    elif kind == "memory":
        states = MemoryStates(clock)
    else:
        states = SqliteStates(tmp_path / "states.db", clock)
    yield states
    states.close()


def test_value_is_kept_and_replaced(store: StateStore) -> None:
    """The newest value under a key counts; an unknown key has none."""
    store.put("a", b"1", 10)
    store.put("a", b"\0" * 70_000, 10)
    assert store.get("a") == b"\0" * 70_000
    assert store.get("b") is None


def test_value_is_forgotten_in_time(store: StateStore, clock: Clock) -> None:
    """A value ends with its time, also when others are put meanwhile."""
    store.put("a", b"1", 10)
    clock.now += 6
    store.put("b", b"2", 10)
    clock.now += 6
    store.put("c", b"3", 10)
    assert store.get("a") is None
    assert store.get("b") == b"2"


def test_value_is_deleted(store: StateStore) -> None:
    """Deleting is final, and no fault for a key that is not there."""
    store.put("a", b"1", 10)
    store.delete("a")
    store.delete("a")
    assert store.get("a") is None


def test_only_one_adds(store: StateStore, clock: Clock) -> None:
    """A key that has a value keeps it; once its time is over, it can be added again."""
    assert store.add("jti", b"1", 10)
    assert not store.add("jti", b"2", 10)
    assert store.get("jti") == b"1"
    clock.now += 11
    assert store.add("jti", b"3", 10)
    assert store.get("jti") == b"3"


def test_items_of_a_prefix(store: StateStore, clock: Clock) -> None:
    """What lives under a prefix is found, signs of patterns are just signs, ended ones are not."""
    store.put("w*:1", b"a", 5)
    store.put("w*:2", b"b", 50)
    store.put("wx:3", b"c", 50)
    assert store.items("w*:") == {"w*:1": b"a", "w*:2": b"b"}
    clock.now += 6
    assert store.items("w*:") == {"w*:2": b"b"}


def test_sqlite_is_shared_by_processes(tmp_path: Path) -> None:
    """Two stores on one file see each other's values, and only one of them adds a key."""
    one, other = (SqliteStates(tmp_path / "states.db") for _ in range(2))
    one.put("a", b"1", 10)
    assert other.get("a") == b"1"
    assert [other.add("j", b"", 10), one.add("j", b"", 10)] == [True, False]
    one.close()
    other.close()
