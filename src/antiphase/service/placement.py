"""Where a session goes: to this worker or another, when it is asked for, and when one goes away."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from antiphase.errors import AntiphaseError, ParameterError, StoreError
from antiphase.realtime import Carried
from antiphase.service.registry import BEAT_S, Beat

if TYPE_CHECKING:
    from antiphase.service.host import RoomHost

__all__ = ["Placement"]

_LOG = logging.getLogger("antiphase.service")
_TRIES = 3
_COMPARE_S = 30.0
_SETTLE_S = 1.0


class Placement:
    """Keeps a host's sessions and the registry in step.

    Parameters
    ----------
    host : RoomHost
    """

    def __init__(self, host: RoomHost) -> None:
        self._host = host
        self._faulty = False

    async def locate(self, session_id: str) -> Beat | None:
        """Find a session; one whose worker has died comes here.

        Returns
        -------
        Beat or None
            The other worker that has it; None where it is here.

        Raises
        ------
        ParameterError
            If there is no such session, or this worker takes none and there is no other.
        StoreError
            If the registry does not answer.
        """
        host, registry = self._host, self._host.registry
        for _ in range(_TRIES):
            if host.has(session_id):
                return None
            record = await registry.find(session_id)
            if record is None:
                break
            if record.worker != registry.url:
                beat = await registry.worker(record.worker)
                if beat is not None:
                    return beat
            target = None if host.takes else await self._other()
            to = registry.url if target is None else target.url
            if record.worker != to and not await registry.claim(record, to):
                continue  # another worker was quicker: look again
            if target is not None:
                return target
            carried = await self._carried(session_id)
            if not host.has(session_id):
                host.adopt(replace(record, worker=to), carried)
            return None
        raise ParameterError("session_id", session_id, "an open session")

    async def _other(self) -> Beat:
        others = await self._host.registry.others()
        if not others:
            raise ParameterError("server", "full or draining", "asked again later")
        return others[0]

    async def _carried(self, session_id: str) -> Carried | None:
        """Return the filter that the session had where it was, None where that is not known."""
        try:
            kept = await self._host.registry.filter_of(session_id)
            return None if kept is None else Carried.from_bytes(kept)
        except AntiphaseError as error:
            _LOG.warning("session %s begins without a filter: %s", session_id, error)
            return None

    def keep_filter(self, session_id: str) -> None:
        """Keep a session's filter where another worker finds it."""
        carried = self._host.rooms.room(session_id).engine.to_carry()
        if carried is not None:
            self._host.registry.keep_filter(session_id, carried.to_bytes())

    async def begin(self) -> None:
        """Say that this worker lives, and open its sessions of before it was restarted."""
        await self._beat()
        try:
            for record in await self._host.registry.mine():
                self._host.adopt(record, await self._carried(record.session_id))
            await self._host.recordings.begin()
        except AntiphaseError as error:
            _LOG.warning("what an earlier run left was not taken up: %s", error)

    async def run(self) -> None:
        """Say that this worker lives, and compare with the registry, until cancelled."""
        compared = time.monotonic()
        while True:
            await asyncio.sleep(BEAT_S)
            await self._beat()
            if time.monotonic() - compared >= _COMPARE_S:
                compared = time.monotonic()
                try:
                    await self._compare()
                except StoreError:
                    continue  # the beat says so too

    async def _beat(self) -> None:
        try:
            await self._host.registry.beat(self._host.beat())
        except StoreError as error:
            if not self._faulty:
                _LOG.warning("%s; sessions here go on", error)
            self._faulty = True
        else:
            self._faulty = False

    async def _compare(self) -> None:
        """Let go of sessions that another worker has claimed while this one seemed to be dead."""
        host, registry = self._host, self._host.registry
        old = host.records(before=time.time() - _COMPARE_S)
        mine = {record.session_id for record in await registry.mine()}
        for record in old:
            if record.session_id in mine:
                continue
            now = await registry.find(record.session_id)
            if now is None:
                host.delete(record.session_id, "the registry does not know it any more")
            elif now.worker != registry.url:
                beat = await registry.worker(now.worker)
                host.hand_over(record.session_id, beat or Beat(now.worker, "", 0, takes=True))

    def end_empty(self, reason: str) -> None:
        """End the sessions that nobody is in."""
        rooms = self._host.rooms
        for session_id in rooms.ids:
            if not rooms.describe(session_id)["devices"]:
                self._host.delete(session_id, reason)

    async def move_all(self) -> None:
        """Give all sessions to other workers, evenly; those that none takes stay."""
        host, registry = self._host, self._host.registry
        await self._beat()
        try:
            others = await registry.others()
            records = host.records(before=time.time() + 1)
            for record in records:
                self.keep_filter(record.session_id)
            await asyncio.to_thread(registry.later.settle, _SETTLE_S)
            for k, record in enumerate(records):
                if not others:
                    return
                target = others[k % len(others)]
                if await registry.claim(record, target.url):
                    host.hand_over(record.session_id, target)
        except StoreError as error:
            _LOG.warning("sessions stay here while this worker drains: %s", error)
