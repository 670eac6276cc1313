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

from antiphase.errors import FileFormatError
from antiphase.region.contract import Request
from antiphase.region.contract_binary import encode_request
from antiphase.region.server import main, read_keys
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


def test_keys_are_those_of_the_build(tmp_path: Path) -> None:
    """The file that the edge is built from gives the region its keys."""
    path = tmp_path / "edge.json"
    path.write_text(json.dumps({"keys": {"1": "00" * 16, "2": "01" * 16}, "current_key": 1}))
    assert read_keys(path).current == 1


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"keys": {"1": "00"}}', '{"keys": {"1": "zz"}}'])
def test_file_without_keys_is_one_line(tmp_path: Path, text: str) -> None:
    """A file that holds no fit keys is named in one line."""
    path = tmp_path / "edge.json"
    path.write_text(text)
    with pytest.raises(FileFormatError, match=r"edge\.json"):
        read_keys(path)
