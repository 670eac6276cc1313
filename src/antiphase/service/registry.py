"""Which worker has which session, as all workers see it.

A room lives on one worker; its row in the session store names that worker's address. A worker shows
that it lives by a key in the state store that ends by itself. A session whose worker has died is
claimed by the next worker that is asked for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

from fastapi import HTTPException

from antiphase.errors import AntiphaseError, StoreError
from antiphase.service.backlog import Backlog
from antiphase.storage.sessions import ConnectionRecord, SessionRecord, SessionStore
from antiphase.storage.state import StateStore

__all__ = ["BEAT_S", "Beat", "Registry", "forget_worker"]

T = TypeVar("T")

BEAT_S = 0.5
"""How often a worker says that it lives, s."""
_LIVES_S = 2.5
_KEPT_S = 60.0
_PREFIX, _FILTER = "worker/", "filter/"
_USER, _OWNER = "user/", "owner/"
_THREADS = 4


@dataclass(frozen=True)
class Beat:
    """What a worker says of itself.

    Attributes
    ----------
    url : str
        Its own address, for clients.
    media : str
        Its media port, ``host:port``.
    sessions : int
        Rooms that it has.
    takes : bool
        Whether it takes sessions: it is not full and does not drain.
    """

    url: str
    media: str
    sessions: int
    takes: bool

    def moved(self, session_id: str) -> dict[str, Any]:
        """Return what sends a client to this worker."""
        address = f"{self.url.replace('http', 'ws', 1)}/{session_id}"
        return {"type": "moved", "websocket": address, "media": self.media}


def forget_worker(states: StateStore, url: str) -> None:
    """Take a worker for dead at once, as its supervisor may when the process has ended."""
    states.delete(_PREFIX + url)


class Registry:
    """One worker's view of all sessions and workers.

    Parameters
    ----------
    sessions : SessionStore
    states : StateStore
    url : str
        This worker's own address.
    """

    def __init__(self, sessions: SessionStore, states: StateStore, url: str) -> None:
        self.url = url
        self._sessions, self._states = sessions, states
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="antiphase-registry")
        self._ended: dict[str, float] = {}
        self.later: Backlog[Callable[[], object]] = Backlog("session registry", _run_all)
        """Writes that nobody waits for; each may be done twice without harm."""

    async def ask(self, work: Callable[[], T]) -> T:
        """Do something with a store on a thread of its own.

        Raises
        ------
        StoreError
            If the store does not answer.
        """
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._threads, work)
        except (AntiphaseError, HTTPException):
            raise
        except Exception as error:
            words = next(iter(str(error).splitlines()), type(error).__name__)
            raise StoreError(f"the session registry does not answer: {words}") from error

    # Workers

    async def beat(self, beat: Beat) -> None:
        """Say that this worker lives; raises as `ask`."""
        value = json.dumps(asdict(beat)).encode()
        await self.ask(lambda: self._states.put(_PREFIX + beat.url, value, _LIVES_S))

    async def worker(self, url: str) -> Beat | None:
        """Return what another worker last said, None where it is dead; raises as `ask`."""
        value = await self.ask(lambda: self._states.get(_PREFIX + url))
        return None if value is None else Beat(**json.loads(value))

    async def others(self) -> list[Beat]:
        """Return the other workers that take sessions, the one with the fewest first."""
        values = await self.ask(lambda: self._states.items(_PREFIX))
        beats = [Beat(**json.loads(value)) for value in values.values()]
        found = [beat for beat in beats if beat.takes and beat.url != self.url]
        return sorted(found, key=lambda beat: beat.sessions)

    # Sessions

    async def reserve(self, user: str, record: SessionRecord, most: int) -> None:
        """Take one of a user's places for a session, until it ends.

        Places are counted in the state store, by all workers alike; each takes its own first and
        looks then, so that two who ask at once never get one too many.

        Parameters
        ----------
        user : str
            Whom caps are counted by; empty: nobody.
        record : SessionRecord
        most : int
            Sessions of one user.

        Raises
        ------
        HTTPException
            429 if the user has no place left.
        StoreError
            If the store does not answer.
        """
        if not user:
            return
        session_id, seconds = record.session_id, record.expires_at - record.created_at
        places = f"{_USER}{user}/"

        def take() -> int:
            self._states.put(_OWNER + session_id, user.encode(), seconds)
            self._states.put(places + session_id, b"", seconds)
            found = [key.removeprefix(places) for key in self._states.items(places)]
            return sum(other not in self._ended for other in found)

        if await self.ask(take) > most:
            raise HTTPException(429, f"at most {most} sessions of one user; end some first")

    def _free(self, session_id: str) -> None:
        """Give back the place that a session has of its user."""
        user = self._states.get(_OWNER + session_id)
        if user is not None:
            self._states.delete(f"{_USER}{user.decode()}/{session_id}")
            self._states.delete(_OWNER + session_id)

    async def open(self, record: SessionRecord) -> bool:
        """Add a session; False where the id is taken; raises as `ask`."""
        return await self.ask(lambda: self._sessions.create(record))

    async def find(self, session_id: str) -> SessionRecord | None:
        """Return a session's row, None where there is none; raises as `ask`."""
        record = await self.ask(lambda: self._sessions.get(session_id))
        return None if session_id in self._ended else record

    async def claim(self, record: SessionRecord, worker: str) -> bool:
        """Give a session to another worker than its row says; one claimant wins."""
        return await self.ask(lambda: self._sessions.claim(record, worker))

    async def all(self) -> list[SessionRecord]:
        """Return all sessions, oldest first; raises as `ask`."""
        records = await self.ask(self._sessions.all)
        return [record for record in records if record.session_id not in self._ended]

    async def mine(self) -> list[SessionRecord]:
        """Return this worker's sessions, oldest first; raises as `ask`."""
        return await self.ask(lambda: self._sessions.by_worker(self.url))

    async def filter_of(self, session_id: str) -> bytes | None:
        """Return the filter that was kept of a session, once; raises as `ask`."""

        def take() -> bytes | None:
            value = self._states.get(_FILTER + session_id)
            self._states.delete(_FILTER + session_id)
            return value

        return await self.ask(take)

    def keep_filter(self, session_id: str, data: bytes) -> None:
        """Keep a session's filter for whoever goes on with it, soon and for a minute."""
        self.later.put(lambda: self._states.put(_FILTER + session_id, data, _KEPT_S))

    def update(self, record: SessionRecord) -> None:
        """Replace a session's row, soon."""
        self.later.put(lambda: self._sessions.update(record))

    def end(self, session_id: str) -> None:
        """Forget a session; at once for this worker, soon for the others."""
        now = time.monotonic()
        # Kept for a while: what a store was asked before may come back after it has been told.
        self._ended = {k: at for k, at in self._ended.items() if now - at < _KEPT_S}
        self._ended[session_id] = now
        self.later.put(lambda: self._sessions.delete(session_id))
        self.later.put(lambda: self._free(session_id))

    def connect(self, record: ConnectionRecord) -> None:
        """Note a device's connection, soon."""
        self.later.put(lambda: self._sessions.connect(record))

    def disconnect(self, connection_id: str) -> None:
        """Forget a device's connection, soon."""
        self.later.put(lambda: self._sessions.disconnect(connection_id))

    async def close(self) -> None:
        """Say that this worker has gone; the stores stay open."""
        await asyncio.to_thread(self.later.close)
        with contextlib.suppress(StoreError):  # it ends by itself
            await self.ask(lambda: forget_worker(self._states, self.url))
        self._threads.shutdown(wait=False)


def _run_all(writes: list[Callable[[], object]]) -> None:
    for write in writes:
        write()
