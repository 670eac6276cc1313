"""The whole edge on one machine, and the line of the documentation that asks it."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from antiphase.errors import ParameterError
from antiphase.region.contract import Request
from antiphase.region.contract_binary import encode_request
from antiphase.region.front import SLOW_S
from antiphase.region.stack import edge_stack
from edge.build import build
from tests import needs
from tests.region.places import BINARY, post
from tests.region.test_emulator import binary

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent


@pytest.fixture
def parts(tmp_path: Path) -> tuple[Path, Path, Path]:
    """Return the package, the file it was built from and a folder, or skip without the emulator."""
    binary()
    settings = {"keys": {"1": "00" * 16}}
    config = tmp_path / "edge.json"
    config.write_text(json.dumps(settings))
    build(settings, tmp_path / "edge.zip")
    return tmp_path / "edge.zip", config, tmp_path / "task"


def shell(line: str, folder: Path) -> str:
    """Run a line of the documentation."""
    environment = {**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        ["/bin/sh", "-c", line],
        cwd=folder,
        env=environment,
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.stdout


def test_commands_of_the_docs_work(tmp_path: Path) -> None:
    """Build, front and curl as docs/edge.md has them: the edge answers by the document."""
    needs.program("curl")
    emulator = binary()
    text = (ROOT / "docs" / "edge.md").read_text()
    blocks = re.findall(r"^```shell\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    keys, build_line, install, front = blocks[0].splitlines()
    assert "requirements/edge.txt" in install
    shell(keys, tmp_path)
    assert "bytes" in shell(build_line, tmp_path)
    command = [BIN / "antiphase", *front.split()[1:], "--port", "0", "--region-port", "0"]
    environment = {**os.environ, "ANTIPHASE_EMULATOR": str(emulator)}
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            url = re.search(r"http://[0-9.:]+", process.stdout.readline())
            assert url is not None
            curl = blocks[1].strip()
            answer = json.loads(shell(curl.replace("http://127.0.0.1:8000", url[0]), tmp_path))
            process.send_signal(signal.SIGINT)
            assert process.wait(20) == 0
        finally:
            process.kill()
    assert answer["where"] == "edge"
    document = json.loads((ROOT / "docs" / "openapi.json").read_text())
    schema = document["components"]["schemas"]["Answer"]
    assert set(schema["required"]) <= set(answer) <= set(schema["properties"])


def ask(url: str) -> int:
    """Return the status of a block, 0 if the connection broke or the body was cut."""
    body = encode_request(Request(audio=bytes(400), references=1, taps=4))
    try:
        return post(url, body, BINARY).status
    except (OSError, http.client.HTTPException):
        return 0


def test_injected_latency_and_failures(parts: tuple[Path, Path, Path]) -> None:
    """Latency is added to every request, and a share of 1 leaves no request in good time."""
    with edge_stack(*parts, port=0, region_port=0, latency_ms=200.0) as (url, _):
        begin = time.perf_counter()
        assert ask(url) == 200
        assert time.perf_counter() - begin >= 0.2
    kinds = set()
    with edge_stack(*parts, port=0, region_port=0, failures=1.0, seed=2) as (url, _):
        for _ in range(12):
            begin = time.perf_counter()
            status = ask(url)
            late = time.perf_counter() - begin >= SLOW_S
            assert status != 200 or late
            kinds.add(status)
    assert kinds == {0, 200, 502, 503}


def test_numbers_outside_their_range_are_refused(tmp_path: Path) -> None:
    """A share of failures above 1 is no share."""
    with (
        pytest.raises(ParameterError, match="failures=2"),
        edge_stack(tmp_path, tmp_path, tmp_path, failures=2.0),
    ):
        pass
