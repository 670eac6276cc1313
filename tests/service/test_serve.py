"""The service as a process: how it starts, TLS 1.3, and how it goes."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from antiphase.cli import main
from tests.certificates import loopback_certificate
from tests.service.running import live

PROGRAM = str(Path(sys.executable).parent / "antiphase")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def process() -> Iterator[tuple[str, subprocess.Popen[str]]]:
    port = free_port()
    command = [PROGRAM, "serve", "--port", str(port)]
    url = f"http://127.0.0.1:{port}"
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as running:
        try:
            for _ in range(600):
                with contextlib.suppress(httpx.TransportError):
                    httpx.get(f"{url}/healthz")
                    break
                assert running.poll() is None, running.stdout.read() if running.stdout else ""
                time.sleep(0.05)
            yield url, running
        finally:
            running.kill()


def test_with_a_certificate_it_speaks_tls_1_3_only(tmp_path: Path) -> None:
    """A client that can do no more than 1.2 is refused."""
    chain, key = loopback_certificate(tmp_path)
    modern = ssl.create_default_context()
    modern.check_hostname = False
    modern.verify_mode = ssl.CERT_NONE
    old = ssl.create_default_context()
    old.check_hostname = False
    old.verify_mode = ssl.CERT_NONE
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    with live(certificate=chain, certificate_key=key) as server:
        port = urlsplit(server.url).port
        with socket.create_connection(("127.0.0.1", port)) as raw, modern.wrap_socket(raw) as safe:
            assert safe.version() == "TLSv1.3"
        url = f"https://127.0.0.1:{port}/healthz"
        assert httpx.get(url, verify=modern).json()["status"] == "ok"
        with (
            socket.create_connection(("127.0.0.1", port)) as raw,
            pytest.raises(ssl.SSLError),
        ):
            old.wrap_socket(raw)


def created(url: str) -> str:
    session_id: str = httpx.post(f"{url}/sessions", json={}).json()["session_id"]
    return session_id


def test_sigterm_drains() -> None:
    """Not ready, goodbye to those who are in, exit with 0 once they are gone."""

    async def stay(url: str, running: subprocess.Popen[str]) -> None:
        address = f"{url.replace('http', 'ws', 1)}/{created(url)}"
        async with connect(address, subprotocols=[Subprotocol("antiphase.v1")]) as socket_:
            await socket_.send('{"type": "join"}')
            await socket_.recv()
            running.send_signal(signal.SIGTERM)
            async with asyncio.timeout(10):
                while json.loads(await socket_.recv())["type"] != "bye":
                    pass

    with process() as (url, running):
        asyncio.run(stay(url, running))
        assert running.wait(15) == 0


def test_ctrl_c_ends_at_once() -> None:
    """An open session does not hold it up."""
    with process() as (url, running):
        created(url)
        running.send_signal(signal.SIGINT)
        assert running.wait(15) == 0


def test_a_taken_port_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line says which and what to do."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        monkeypatch.setattr(sys, "argv", ["antiphase", "serve", "--port", str(port)])
        with pytest.raises(SystemExit) as end:
            main()
    assert end.value.code == 2
    told = capsys.readouterr().err
    assert f"port={port}" in told
    assert "Traceback" not in told
