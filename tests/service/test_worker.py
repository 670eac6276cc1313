"""A worker as a process: it says where it is, or why it could not start, and ends when told."""

from __future__ import annotations

import functools
from pathlib import Path

import httpx
import pytest

from antiphase.service.ports import bind
from antiphase.service.settings import ServiceSettings
from antiphase.service.worker import WorkerProcess
from antiphase.threads import ONE_THREAD
from tests.service.workers import wait_until


def _ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz").status_code == 200
    except httpx.TransportError:
        return False


def _tasks(worker: WorkerProcess) -> int:
    """Return how many threads the worker has; 0 where the system does not tell."""
    folder = Path(f"/proc/{worker.process.pid}/task")
    return len(list(folder.iterdir())) if folder.exists() else 0


def test_it_serves_until_it_is_told_to_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its address answers; it ends by itself, without being killed, at once or when all have left.

    Linear algebra has one thread: a worker that is told to have three has two more in each library.
    """
    for name in ONE_THREAD:
        monkeypatch.delenv(name, raising=False)
    workers = [WorkerProcess(ServiceSettings(port=0, drain_s=5.0))]
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "3")
    workers.append(WorkerProcess(ServiceSettings(port=0, drain_s=5.0)))
    try:
        for worker in workers:
            assert worker.take_words() is None
            wait_until(functools.partial(_ready, worker.url), 60)
        more = _tasks(workers[1]) - _tasks(workers[0])
        assert more in ({2, 4} if Path("/proc/self").exists() else {0})
        for now, worker in enumerate(workers):
            worker.end(now=bool(now))
        for worker in workers:
            worker.process.join(20)
            assert worker.process.exitcode == 0
    finally:
        for worker in workers:
            worker.join(0)


def test_it_says_why_it_could_not_start() -> None:
    """A taken port is named to the parent."""
    with bind("127.0.0.1", 0) as taken:
        taken.listen()
        port = taken.getsockname()[1]
        worker = WorkerProcess(ServiceSettings(port=port))
        try:
            fault = worker.take_words()
            assert fault is not None
            assert f"port={port}" in fault
        finally:
            worker.join(20)
