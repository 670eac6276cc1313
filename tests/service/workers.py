"""A service of several workers as real processes, and which of them has what."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from antiphase.devices.rig.shell import wait_for_server
from tests.devices.rig.live import ANTIPHASE, free_port

__all__ = ["Cluster", "cluster", "wait_until"]


def wait_until(check: Callable[[], Any], seconds: float = 20.0) -> Any:  # noqa: ANN401
    """Return the first value of a check that is true."""
    end = time.monotonic() + seconds
    while not (value := check()):
        assert time.monotonic() < end, check
        time.sleep(0.05)
    return value


def _children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _listening_inode(port: int) -> str:
    for row in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = row.split()
        if fields[3] == "0A" and int(fields[1].rsplit(":", 1)[1], 16) == port:
            return fields[9]
    raise AssertionError(f"nobody listens on {port}")


def _has_inode(pid: int, inode: str) -> bool:
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            if str(link.readlink()) == f"socket:[{inode}]":
                return True
    return False


class Cluster:
    """A supervisor with its workers.

    Attributes
    ----------
    url : str
        The shared address.
    process : Popen
        The supervisor.
    """

    def __init__(self, url: str, process: subprocess.Popen[str]) -> None:
        self.url = url
        self.process = process

    def pid(self, worker: str) -> int:
        """Return the process that listens on a worker's own address."""
        inode = _listening_inode(urlsplit(worker).port or 0)
        return next(p for p in _children(self.process.pid) if _has_inode(p, inode))

    def sessions(self) -> dict[str, str]:
        """Return which session is on which worker."""
        answer = httpx.get(f"{self.url}/sessions")
        return {row["session_id"]: row["worker"] for row in answer.json()}

    def create(self, **wish: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
        """Open a session somewhere."""
        made: dict[str, Any] = httpx.post(f"{self.url}/sessions", json=wish).json()
        return made

    def create_on_both(self) -> list[str]:
        """Open sessions until two workers have one each; returns one of each."""

        def one_each() -> list[str]:
            self.create()
            by_worker = {worker: name for name, worker in self.sessions().items()}
            return list(by_worker.values()) if len(by_worker) == 2 else []

        found: list[str] = wait_until(one_each)
        return found


@contextlib.contextmanager
def cluster(folder: Path, *options: str) -> Iterator[Cluster]:
    """Run ``antiphase serve --workers 2``."""
    # Three in a row: the shared one and one for each worker.
    port = wait_until(_three_ports)
    command = [*ANTIPHASE, "serve", "--port", str(port), "--workers", "2", "--data", str(folder)]
    with subprocess.Popen(
        [*command, *options], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        url = f"http://127.0.0.1:{port}"
        try:
            for k in range(3):
                wait_for_server(f"http://127.0.0.1:{port + k}", 60.0, lambda: _lives(process))
            yield Cluster(url, process)
        finally:
            process.terminate()
            try:
                process.wait(20)
            finally:
                process.kill()


def _lives(process: subprocess.Popen[str]) -> bool:
    return process.poll() is None


def _three_ports() -> int:
    port = free_port()
    try:
        for k in (1, 2):
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", port + k))
    except OSError:
        return 0
    return port
