"""Recordings across workers: what one has left unfinished another goes on with."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest

from antiphase.errors import ParameterError
from antiphase.files.audio_out import write_audio
from antiphase.service.recordings import Recordings
from antiphase.service.registry import Registry
from antiphase.storage.objects import FolderObjects
from antiphase.storage.sessions import SqliteSessions
from antiphase.storage.state import MemoryStates
from tests.service.recording import FS, talk_and_noise
from tests.storage.servers import Clock


class World:
    """The stores of several workers."""

    def __init__(self, folder: Path) -> None:
        self.clock = Clock()
        self.objects = FolderObjects(folder / "objects")
        self.states = MemoryStates(self.clock)
        self.sessions = SqliteSessions(folder / "sessions.db", self.clock)
        _, primary, reference = talk_and_noise(3.0, 5.0)
        self.upload = folder / "upload.wav"
        write_audio(self.upload, np.stack([primary, reference], axis=1), FS)

    def worker(self) -> tuple[Recordings, Registry]:
        registry = Registry(self.sessions, self.states, "http://one")
        return Recordings(registry, self.objects, self.states, 10), registry


async def state(recordings: Recordings, recording_id: str, wanted: str) -> None:
    async with asyncio.timeout(60):
        while (await recordings.describe(recording_id))["state"] != wanted:  # noqa: ASYNC110
            await asyncio.sleep(0.05)


def test_what_a_worker_left_is_finished_by_the_next(tmp_path: Path) -> None:
    """It stops in the middle; once its word has run out the next one that starts takes over."""

    async def run() -> None:
        world = World(tmp_path)
        first, registry = world.worker()
        recording_id = await first.add("yard", {"primary": world.upload}, "127.0.0.1")
        await state(first, recording_id, "processing")
        await first.stop()
        await registry.close()
        second, registry = world.worker()
        await second.begin()
        assert (await second.describe(recording_id))["state"] == "processing"
        world.clock.now += 60.0
        assert (await second.describe(recording_id))["state"] == "interrupted"
        await second.begin()
        await state(second, recording_id, "done")
        assert (await second.all())[0]["pause_reduction_db"] > 10
        await second.stop()
        await registry.close()

    asyncio.run(run())


def test_a_recording_that_is_deleted_while_it_is_processed_stays_deleted(tmp_path: Path) -> None:
    """The process ends and nothing of it comes back."""

    async def run() -> None:
        world = World(tmp_path)
        recordings, registry = world.worker()
        recording_id = await recordings.add("yard", {"primary": world.upload}, "127.0.0.1")
        await state(recordings, recording_id, "processing")
        await recordings.delete(recording_id)
        with pytest.raises(ParameterError, match="that of a recording"):
            await recordings.describe(recording_id)
        await asyncio.sleep(1.0)
        await recordings.stop()
        assert world.objects.find("") == []
        assert world.states.items("recording/") == {}
        await registry.close()

    asyncio.run(run())
