"""The registry as two workers see it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from antiphase.errors import StoreError
from antiphase.service.registry import Beat, Registry, forget_worker
from antiphase.storage.sessions import SessionRecord, SqliteSessions
from antiphase.storage.state import MemoryStates
from tests.storage.servers import Clock

ONE, TWO = "http://one:8443", "http://two:8443"


def test_a_worker_lives_while_it_says_so(tmp_path: Path) -> None:
    """The others know it and how full it is; after 2.5 s of silence, or when told, it is dead."""

    async def run() -> None:
        clock = Clock()
        sessions, states = SqliteSessions(tmp_path / "s.db", clock), MemoryStates(clock)
        one, two = Registry(sessions, states, ONE), Registry(sessions, states, TWO)
        await one.beat(Beat(ONE, "one:8443", 7, takes=True))
        await two.beat(Beat(TWO, "two:8443", 3, takes=False))
        assert await two.worker(ONE) == Beat(ONE, "one:8443", 7, takes=True)
        assert [beat.url for beat in await two.others()] == [ONE]
        assert await one.others() == []
        clock.now += 2.6
        assert await two.worker(ONE) is None
        await one.beat(Beat(ONE, "one:8443", 7, takes=True))
        forget_worker(states, ONE)
        assert await two.worker(ONE) is None
        await one.close()
        await two.close()

    asyncio.run(run())


def test_a_session_that_has_ended_is_not_found_again(tmp_path: Path) -> None:
    """Not even while the store has not been told."""

    async def run() -> None:
        clock = Clock()
        registry = Registry(SqliteSessions(tmp_path / "s.db", clock), MemoryStates(clock), ONE)
        record = SessionRecord("a", ONE, 1.0, 9e9)
        assert await registry.open(record)
        assert await registry.find("a") == record
        assert await registry.mine() == await registry.all() == [record]
        registry.end("a")
        assert await registry.find("a") is None
        assert await registry.all() == []
        assert await asyncio.to_thread(registry.later.settle, 10)
        assert await registry.mine() == []
        await registry.close()

    asyncio.run(run())


def test_a_store_that_does_not_answer_is_said_in_one_line(tmp_path: Path) -> None:
    """Whatever its library raises."""

    async def run() -> None:
        clock = Clock()
        sessions = SqliteSessions(tmp_path / "s.db", clock)
        registry = Registry(sessions, MemoryStates(clock), ONE)
        sessions.close()
        with pytest.raises(StoreError, match=r"registry does not answer: .*closed"):
            await registry.find("a")
        await registry.close()

    asyncio.run(run())
