"""The region over HTTP and as a model container."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from antiphase.region.contract import Request
from antiphase.region.contract_binary import encode_request
from antiphase.region.server import main
from tests.edge.events import block

BODY = encode_request(Request(audio=block(400)[0], references=1))
HEADERS = {"Content-Type": "application/octet-stream"}


def ask(port: int, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request(method, path, body, HEADERS)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def test_container_serves_and_stops(tmp_path: Path) -> None:
    """`serve` answers /ping, /invocations and /anc-process, and ends with 0 on SIGTERM."""
    config = tmp_path / "edge.json"
    config.write_text(json.dumps({"keys": {"1": "00" * 16}}))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "antiphase.region.server", "serve"]
    extra = {
        "ANTIPHASE_EDGE_CONFIG": str(config),
        "ANTIPHASE_PORT": str(port),
        "ANTIPHASE_STATES": str(tmp_path / "states.db"),
    }
    process = subprocess.Popen(command, env={**os.environ, **extra})
    try:
        for _ in range(300):
            try:
                assert ask(port, "GET", "/ping")[0] == 200
                break
            except ConnectionRefusedError:
                time.sleep(0.1)
        assert ask(port, "POST", "/invocations", BODY)[0] == 200
        assert ask(port, "POST", "/anc-process", BODY)[0] == 200
        assert ask(port, "POST", "/other", BODY)[0] == 404
        assert ask(port, "OPTIONS", "/anc-process")[0] == 204
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.wait()


def test_other_arguments_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without `serve` or without keys nothing starts."""
    monkeypatch.delenv("ANTIPHASE_EDGE_CONFIG", raising=False)
    assert main(["train"]) == 2
    assert main(["serve"]) == 2
