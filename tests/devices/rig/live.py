"""The real service in a process of its own, for tests on real wires."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from antiphase.devices.rig.shell import wait_for_server

ANTIPHASE = [sys.executable, "-c", "from antiphase.cli import main; main()"]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def service() -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Run ``antiphase serve`` on a free port."""
    port = free_port()
    command = [*ANTIPHASE, "serve", "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        address = f"http://127.0.0.1:{port}"
        wait_for_server(address, 60.0, lambda: process.poll() is None)
        yield address, process
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
