"""One contract for all state stores."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from antiphase.storage.state import MemoryStates, SqliteStates, StateStore


class Clock:
    """A clock that is set."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> Iterator[StateStore]:
    if request.param == "memory":
        yield MemoryStates(clock)
        return
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
