"""States in a real Redis server; the contract is in test_state.py."""

from __future__ import annotations

import time

import pytest
import redis

from antiphase.storage.redis_states import RedisStates
from tests.storage.servers import Clock, redis_server


class ServerClock(Clock):
    """A clock that is set for a Redis server: moving it on shortens what its keys have left."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._now = 100.0

    @property
    def now(self) -> float:
        return self._now

    @now.setter
    def now(self, now: float) -> None:
        moved, self._now = now - self._now, now
        with redis.Redis.from_url(self._url) as server:
            for key in server.scan_iter():
                left = int(server.pttl(key))
                server.pexpire(key, round(left - 1000 * moved))


def test_values_end_by_the_servers_clock() -> None:
    """A value is gone after its time, without a clock of ours."""
    with redis_server() as url:
        store = RedisStates(url)
        store.put("a", b"1", 0.05)
        assert store.add("b", b"1", 0.05)
        time.sleep(0.1)
        assert store.get("a") is None
        assert store.add("b", b"2", 10)
        store.close()


def test_no_server_is_told() -> None:
    """Without a server a call fails at once with Redis' own error."""
    store = RedisStates("redis://127.0.0.1:9/0")
    with pytest.raises(redis.ConnectionError):
        store.get("a")
    store.close()
