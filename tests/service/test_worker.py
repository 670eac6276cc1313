"""A worker as a process: it says where it is, or why it could not start, and ends when told."""

from __future__ import annotations

import httpx
import pytest

from antiphase.service.ports import bind
from antiphase.service.settings import ServiceSettings
from antiphase.service.worker import WorkerProcess
from tests.service.workers import wait_until


def _ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz").status_code == 200
    except httpx.TransportError:
        return False


@pytest.mark.parametrize("now", [False, True])
def test_it_serves_until_it_is_told_to_end(now: bool) -> None:
    """Its address answers; it ends by itself, without being killed."""
    worker = WorkerProcess(ServiceSettings(port=0, drain_s=5.0))
    try:
        assert worker.take_words() is None
        wait_until(lambda: _ready(worker.url), 60)
        worker.end(now=now)
        worker.process.join(20)
        assert worker.process.exitcode == 0
    finally:
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
