"""Recordings that users have uploaded with consent: kept, processed, listed, deleted.

Nothing else is recorded. What came in is under ``raw/ID/``, what was made of it under
``processed/ID/``; how far that is stands in the state store, so that every worker can tell.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import secrets
import tempfile
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from antiphase.errors import ParameterError, StoreError
from antiphase.service.cleaning import CleaningProcess
from antiphase.service.registry import Registry
from antiphase.storage.objects import ObjectStore
from antiphase.storage.state import StateStore

__all__ = ["PARTS", "RESULTS", "Recordings"]

PARTS = ("primary", "reference")
"""What is uploaded."""
RESULTS = ("clean.wav", "report.json")
"""What is made of it."""

_LOG = logging.getLogger("antiphase.service")
_JOB = "recording/"
_JOB_S = 20.0
_TELL_S = 0.5


@dataclass
class _Job:
    recording_id: str
    progress: float = 0.0
    process: CleaningProcess | None = None
    state: str = "waiting"


class Recordings:
    """The recordings of all workers, and the processing of this one's.

    Parameters
    ----------
    registry : Registry
        Its threads ask the stores.
    objects : ObjectStore
    states : StateStore
    most : int
        Recordings that may be kept.
    """

    def __init__(
        self, registry: Registry, objects: ObjectStore, states: StateStore, most: int
    ) -> None:
        self._registry, self._objects, self._states, self._most = registry, objects, states, most
        self._jobs: dict[str, _Job] = {}
        self._running: asyncio.Task[None] | None = None

    # What there is

    async def add(self, name: str, parts: dict[str, Path], consent: str) -> str:
        """Keep a recording and have it processed.

        Parameters
        ----------
        name : str
            For people.
        parts : dict of str to Path
            Files by part; copied before this returns.
        consent : str
            Who has said that all who are heard agree.

        Raises
        ------
        ParameterError
            If too many are kept.
        StoreError
            If the store does not answer.
        """
        recording_id = secrets.token_urlsafe(12)
        about = {"name": name, "created_at": round(time.time(), 3), "consent": consent}

        def keep() -> None:
            kept = {info.key.split("/")[1] for info in self._objects.find("raw/")}
            if len(kept) >= self._most:
                rule = f"at most {self._most}; delete some"
                raise ParameterError("recordings", len(kept) + 1, rule)
            # The primary part comes last: a recording is there once that is.
            for part in sorted(parts, reverse=True):
                self._objects.put_file(f"raw/{recording_id}/{part}", parts[part], about)

        await self._registry.ask(keep)
        self._start(recording_id)
        return recording_id

    async def all(self) -> list[dict[str, Any]]:
        """Describe all recordings, newest first; raises as `add`."""

        def look() -> list[dict[str, Any]]:
            keys = [info.key.split("/") for info in self._objects.find("raw/")]
            ids = sorted({key[1] for key in keys if key[2:] == ["primary"]})
            found = [self._describe(recording_id) for recording_id in ids]
            rows = [row for row in found if row is not None]
            return sorted(rows, key=lambda row: -float(row["created_at"]))

        return await self._registry.ask(look)

    async def describe(self, recording_id: str) -> dict[str, Any]:
        """Describe one recording: state, progress and what came of it.

        Raises
        ------
        ParameterError
            If there is no such recording.
        StoreError
            If the store does not answer.
        """
        found = await self._registry.ask(lambda: self._describe(recording_id))
        if found is None:
            raise ParameterError("recording_id", recording_id, "that of a recording")
        return found

    def _describe(self, recording_id: str) -> dict[str, Any] | None:
        about = self._objects.metadata(f"raw/{recording_id}/primary")
        if about is None:
            return None
        result = self._objects.metadata(f"processed/{recording_id}/report.json")
        value = self._states.get(_JOB + recording_id)
        job = {"state": "interrupted", "progress": 0.0} if value is None else json.loads(value)
        found = {**about, "recording_id": recording_id, **job}
        return found if result is None else {**found, "progress": 1.0, **result}

    async def fetch(self, recording_id: str, name: str, path: Path) -> None:
        """Write a part or a result to a file; raises as `describe`."""
        first = "raw" if name in PARTS else "processed"
        key = f"{first}/{recording_id}/{name}"
        if not await self._registry.ask(lambda: self._objects.get_file(key, path)):
            raise ParameterError("recording_id", recording_id, f"that of one with {name}")

    async def delete(self, recording_id: str) -> None:
        """Delete all that there is of a recording; raises as `describe`."""
        await self.describe(recording_id)
        job = self._jobs.pop(recording_id, None)
        if job is not None and job.process is not None:
            job.process.kill()
        await self._registry.ask(lambda: self._erase(recording_id))

    def _erase(self, recording_id: str) -> None:
        for first in ("raw", "processed"):
            for info in self._objects.find(f"{first}/{recording_id}/"):
                self._objects.delete(info.key)
        self._states.delete(_JOB + recording_id)

    # What is made of it

    async def begin(self) -> None:
        """Go on with what a worker that has ended left unfinished; raises as `add`."""
        for row in await self.all():
            if row["state"] != "interrupted":
                continue
            key = _JOB + row["recording_id"]
            value = json.dumps({"state": "waiting", "progress": 0.0}).encode()
            if await self._registry.ask(partial(self._states.add, key, value, _JOB_S)):
                self._start(row["recording_id"])

    def _start(self, recording_id: str) -> None:
        self._jobs[recording_id] = _Job(recording_id)
        if self._running is None or self._running.done():
            self._running = asyncio.get_running_loop().create_task(self._run())

    async def _run(self) -> None:
        """Process what waits, one after the other, beside the media and never before it."""
        telling = asyncio.get_running_loop().create_task(self._tell())
        try:
            while self._jobs:
                job = next(iter(self._jobs.values()))
                try:
                    await self._process(job)
                except StoreError as error:
                    _LOG.warning("recording %s is tried again later: %s", job.recording_id, error)
                    await asyncio.sleep(_JOB_S)
                    continue
                self._jobs.pop(job.recording_id, None)
        finally:
            telling.cancel()

    async def _tell(self) -> None:
        """Say how far each is, until cancelled."""
        while True:
            for job in list(self._jobs.values()):
                told = {"state": job.state, "progress": round(job.progress, 3)}
                key, value = _JOB + job.recording_id, json.dumps(told).encode()
                with contextlib.suppress(StoreError):
                    await self._registry.ask(partial(self._states.put, key, value, _JOB_S))
            await asyncio.sleep(_TELL_S)

    async def _process(self, job: _Job) -> None:
        with tempfile.TemporaryDirectory(prefix="antiphase-") as name:
            folder = Path(name)
            keys = await self._registry.ask(
                lambda: [i.key for i in self._objects.find(f"raw/{job.recording_id}/")]
            )
            for key in keys:
                path = folder / key.rsplit("/", 1)[1]
                await self._registry.ask(partial(self._objects.get_file, key, path))
            job.state = "processing"
            job.process = CleaningProcess(folder)
            try:
                summary = await asyncio.to_thread(job.process.run, lambda p: _set(job, p))
            finally:
                job.process.kill()
            await self._registry.ask(lambda: self._keep(job.recording_id, folder, summary))

    def _keep(self, recording_id: str, folder: Path, summary: dict[str, Any]) -> None:
        """Store the results, the report last; not of a recording that has been deleted."""
        key = f"raw/{recording_id}/primary"
        if self._objects.metadata(key) is not None:
            for result in RESULTS:
                if (folder / result).exists():
                    about = summary if result == "report.json" else None
                    self._objects.put_file(
                        f"processed/{recording_id}/{result}", folder / result, about
                    )
        if self._objects.metadata(key) is None:
            self._erase(recording_id)

    async def stop(self) -> None:
        """End the processing; another worker goes on with it."""
        if self._running is not None:
            self._running.cancel()
            for job in self._jobs.values():
                if job.process is not None:
                    job.process.kill()
            with contextlib.suppress(asyncio.CancelledError):
                await self._running


def _set(job: _Job, progress: float) -> None:
    job.progress = progress
