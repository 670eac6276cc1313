"""Recordings that users have uploaded with consent: kept, processed, listed, deleted.

What came in is under ``raw/ID/``, what was made of it under ``processed/ID/``; how far that is
stands in the state store, so that every worker can tell. Recordings of live sessions
(`live_recordings`) are listed and deleted here too.
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
from antiphase.storage.objects import ObjectInfo, ObjectStore
from antiphase.storage.state import StateStore

__all__ = ["JOB", "JOB_S", "LIVE", "LIVE_END", "PARTS", "RESULTS", "Recordings"]

PARTS = ("primary", "reference")
"""What is uploaded."""
RESULTS = ("clean.wav", "report.json")
"""What is made of it."""
LIVE, LIVE_END = "live.json", "end.json"
"""Of the recording of a live session: the first object, and the last one."""
JOB = "recording/"
"""Keys of the state store: who is at work on a recording, and how far."""
JOB_S = 20.0
"""For how long that holds, s."""

_LOG = logging.getLogger("antiphase.service")
_TELL_S = 0.5
_ORPHAN_S = 3600.0


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
    most, most_bytes : int
        Recordings that may be kept, and what all may take.
    """

    def __init__(
        self,
        registry: Registry,
        objects: ObjectStore,
        states: StateStore,
        most: int,
        most_bytes: int = 2**63,
    ) -> None:
        self._registry, self._objects, self._states = registry, objects, states
        self._most, self._most_bytes = most, most_bytes
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
            self.check_space()
            # The primary part comes last: a recording is there once that is.
            for part in sorted(parts, reverse=True):
                self._objects.put_file(f"raw/{recording_id}/{part}", parts[part], about)

        await self._registry.ask(keep)
        self._start(recording_id)
        return recording_id

    def check_space(self) -> None:
        """Look whether one more may be kept; on a thread that may wait for the store.

        Raises
        ------
        ParameterError
            If too many are kept, or they take too much.
        """
        found = self._objects.find("raw/")
        kept, size = {info.key.split("/")[1] for info in found}, sum(info.size for info in found)
        if len(kept) >= self._most:
            raise ParameterError("recordings", len(kept) + 1, f"at most {self._most}; delete some")
        if size >= self._most_bytes:
            rule = f"below {self._most_bytes}; delete some"
            raise ParameterError("bytes of all recordings", size, rule)

    async def all(self) -> list[dict[str, Any]]:
        """Describe all recordings, newest first; raises as `add`."""

        def look() -> list[dict[str, Any]]:
            keys = [info.key.split("/") for info in self._objects.find("raw/")]
            ids = sorted({key[1] for key in keys if key[2:] in (["primary"], [LIVE])})
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
            return self._describe_live(recording_id)
        result = self._objects.metadata(f"processed/{recording_id}/report.json")
        value = self._states.get(JOB + recording_id)
        job = {"state": "interrupted", "progress": 0.0} if value is None else json.loads(value)
        found = {**about, "recording_id": recording_id, **job}
        return found if result is None else {**found, "progress": 1.0, **result}

    def _describe_live(self, recording_id: str) -> dict[str, Any] | None:
        """Tell what there is of a live recording, also of one whose worker was lost."""
        about = self._objects.metadata(f"raw/{recording_id}/{LIVE}")
        if about is None:
            return None
        keys = [info.key for info in self._objects.find(f"raw/{recording_id}/")]
        notes = [key for key in keys if key.endswith(".json") and key.split("/")[2][:5].isdigit()]
        last = (self._objects.metadata(notes[-1]) if notes else None) or {"seconds": 0.0}
        ended = self._objects.metadata(f"raw/{recording_id}/{LIVE_END}")
        value = self._states.get(JOB + recording_id)
        lost = {"state": "kept", "ended": "its worker was lost"}
        job = lost if value is None else json.loads(value)
        files = [key.split("/", 2)[2] for key in keys]
        found = {**about, "recording_id": recording_id, "files": files}
        return {**found, **last, **job, "progress": 1.0, **(ended or {})}

    async def fetch(self, recording_id: str, name: str, path: Path) -> None:
        """Write a part, a result or a file of a live recording to a file; raises as `describe`."""
        first = "processed" if name in RESULTS else "raw"
        key = f"{first}/{recording_id}/{name}"
        if not await self._registry.ask(lambda: self._objects.get_file(key, path)):
            raise ParameterError("recording_id", recording_id, f"that of one with {name}")

    async def delete(self, recording_id: str) -> None:
        """Delete all that there is of a recording; raises as `describe`."""
        await self.describe(recording_id)
        job = self._jobs.pop(recording_id, None)
        if job is not None and job.process is not None:
            job.process.kill()
        await self._registry.ask(lambda: self.erase(recording_id))

    def erase(self, recording_id: str) -> None:
        """Delete all objects of a recording; on a thread that may wait for the store."""
        # First what makes it a recording: who is still writing looks for that afterwards.
        for name in (LIVE, *PARTS):
            self._objects.delete(f"raw/{recording_id}/{name}")
        for first in ("raw", "processed"):
            for info in self._objects.find(f"{first}/{recording_id}/"):
                self._objects.delete(info.key)
        self._states.delete(JOB + recording_id)

    # What is made of it

    async def begin(self) -> None:
        """Go on with what a worker that has ended left unfinished; raises as `add`."""
        await self._registry.ask(self._sweep)
        for row in await self.all():
            if row["state"] != "interrupted":
                continue
            key = JOB + row["recording_id"]
            value = json.dumps({"state": "waiting", "progress": 0.0}).encode()
            if await self._registry.ask(partial(self._states.add, key, value, JOB_S)):
                self._start(row["recording_id"])

    def _sweep(self) -> None:
        """Delete what belongs to no recording: a worker was killed while it wrote."""
        found: dict[str, list[ObjectInfo]] = {}
        for info in self._objects.find("raw/"):
            found.setdefault(info.key.split("/")[1], []).append(info)
        for recording_id, infos in found.items():
            names = {info.key.split("/")[-1] for info in infos}
            newest = max(info.modified_at for info in infos)
            if not names & {LIVE, "primary"} and time.time() - newest > _ORPHAN_S:
                self.erase(recording_id)

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
                    await asyncio.sleep(JOB_S)
                    continue
                self._jobs.pop(job.recording_id, None)
        finally:
            telling.cancel()

    async def _tell(self) -> None:
        """Say how far each is, until cancelled."""
        while True:
            for job in list(self._jobs.values()):
                told = {"state": job.state, "progress": round(job.progress, 3)}
                key, value = JOB + job.recording_id, json.dumps(told).encode()
                with contextlib.suppress(StoreError):
                    await self._registry.ask(partial(self._states.put, key, value, JOB_S))
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
            self.erase(recording_id)

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
