"""Where a session goes: two hosts in one process that share their stores."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest

from antiphase.errors import ParameterError
from antiphase.realtime import Carried
from antiphase.service.host import RoomHost
from antiphase.service.settings import ServiceSettings
from antiphase.storage.sessions import SessionRecord

Check = Callable[[RoomHost, RoomHost], Awaitable[None]]


@asynccontextmanager
async def host(folder: Path, url: str, most_sessions: int) -> AsyncIterator[RoomHost]:
    """Run a host without its HTTP face."""
    given = ServiceSettings(port=0, data=folder, most_sessions=most_sessions)
    running = RoomHost(given, url)
    await running.start()
    try:
        yield running
    finally:
        await running.stop()


def with_two(folder: Path, check: Check, most_sessions: int = 10) -> None:
    async def run() -> None:
        async with (
            host(folder, "http://one", most_sessions) as one,
            host(folder, "http://two", most_sessions) as two,
        ):
            await check(one, two)

    asyncio.run(run())


async def made(one: RoomHost, mode: str = "auto") -> str:
    record = await one.create(name="yard", mode=mode, scene={"lead_m": 3}, ttl_s=None)
    return record.session_id


def test_the_worker_that_has_it_is_named(tmp_path: Path) -> None:
    """Here: nobody; there: its address; nowhere: refused."""

    async def check(one: RoomHost, two: RoomHost) -> None:
        session_id = await made(one)
        assert await one.placement.locate(session_id) is None
        beat = await two.placement.locate(session_id)
        assert beat is not None
        assert beat.url == "http://one"
        with pytest.raises(ParameterError, match="an open session"):
            await two.placement.locate("nobody")

    with_two(tmp_path, check)


def test_the_session_of_a_dead_worker_comes_with_all_that_it_was(tmp_path: Path) -> None:
    """Name, mode, switch, scene and end are kept; two who ask at once get one room."""

    async def check(_: RoomHost, two: RoomHost) -> None:
        old = SessionRecord(
            "a", "http://dead", 1.0, 9e9, "yard", "forward", control=False, scene={"lead_m": 3}
        )
        await two.registry.open(old)
        found = await asyncio.gather(*(two.placement.locate("a") for _ in range(4)))
        assert found == [None] * 4
        described = two.rooms.describe("a")
        assert (described["name"], described["wanted_mode"]) == ("yard", "forward")
        assert (described["control"], described["scene"]) == (False, {"lead_m": 3})
        assert two.expires_at("a") == 9e9
        record = await two.registry.find("a")
        assert record is not None
        assert record.worker == "http://two"

    with_two(tmp_path, check)


def test_of_two_claimants_one_wins(tmp_path: Path) -> None:
    """The other one names the winner."""

    async def check(one: RoomHost, two: RoomHost) -> None:
        await one.registry.open(SessionRecord("a", "http://dead", 1.0, 9e9))
        here, there = await asyncio.gather(one.placement.locate("a"), two.placement.locate("a"))
        assert one.has("a") != two.has("a")
        beat = there if one.has("a") else here
        assert beat is not None
        assert beat.url == ("http://one" if one.has("a") else "http://two")

    with_two(tmp_path, check)


def test_a_full_worker_hands_a_dead_ones_session_on(tmp_path: Path) -> None:
    """Where all are full it is refused, and still there for later."""

    async def check(one: RoomHost, two: RoomHost) -> None:
        await made(one)
        await asyncio.sleep(0.7)
        await one.registry.open(SessionRecord("a", "http://dead", 1.0, 9e9))
        beat = await one.placement.locate("a")
        assert beat is not None
        assert beat.url == "http://two"
        assert await two.placement.locate("a") is None
        await asyncio.sleep(0.7)
        await one.registry.open(SessionRecord("b", "http://dead", 1.0, 9e9))
        with pytest.raises(ParameterError, match="full or draining"):
            await two.placement.locate("b")
        assert await two.registry.find("b") is not None

    with_two(tmp_path, check, most_sessions=1)


def test_who_has_seemed_dead_lets_go_of_what_another_has_claimed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The comparison with the registry ends the double."""
    monkeypatch.setattr("antiphase.service.placement._COMPARE_S", 0.0)

    async def check(one: RoomHost, two: RoomHost) -> None:
        session_id = await made(one)
        record = await one.registry.find(session_id)
        assert record is not None
        assert await two.registry.claim(record, "http://two")
        async with asyncio.timeout(10):
            while one.has(session_id):  # noqa: ASYNC110 - the host's own task
                await asyncio.sleep(0.05)
        assert await two.placement.locate(session_id) is None
        # Of the one who wrote it: the other does not wait for that.
        kinds = [row.kind for row in await one.journal.past(session_id, 0.0, 100)]
        assert "moved" in kinds
        assert "ended" not in kinds

    with_two(tmp_path, check)


def test_a_session_that_moves_takes_its_filter_along(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker that goes away keeps it for the other, which begins with it, once."""
    kept = Carried("split", "8000/4/x", np.arange(4.0), np.arange(3.0))
    monkeypatch.setattr("antiphase.realtime.Engine.to_carry", lambda _: kept)

    async def check(one: RoomHost, two: RoomHost) -> None:
        session_id = await made(one)
        await asyncio.sleep(0.7)
        one.draining = True
        await one.placement.move_all()
        assert not one.has(session_id)
        assert await two.placement.locate(session_id) is None
        found = two.rooms.room(session_id).engine._around.carried
        assert found is not None
        assert found.to_bytes() == kept.to_bytes()
        assert two.stores.states.items("filter/") == {}

    with_two(tmp_path, check)


def test_a_kept_filter_that_can_not_be_read_does_no_harm(tmp_path: Path) -> None:
    """The session opens without it."""

    async def check(_: RoomHost, two: RoomHost) -> None:
        await two.registry.open(SessionRecord("a", "http://dead", 1.0, 9e9))
        two.stores.states.put("filter/a", b"nonsense", 60.0)
        assert await two.placement.locate("a") is None
        assert two.rooms.room("a").engine._around.carried is None

    with_two(tmp_path, check)
