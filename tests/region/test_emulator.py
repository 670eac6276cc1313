"""The built package under the platform's own runtime emulator."""

from __future__ import annotations

import zipfile
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest

from antiphase.errors import MissingDependencyError
from antiphase.region.client import EdgeClient
from antiphase.region.contract import Request
from antiphase.region.contract_binary import encode_request
from antiphase.region.emulator import EDGE, Emulator, find_emulator
from antiphase.region.front import make_front
from antiphase.region.handler import Region
from antiphase.region.server import make_server, serving
from antiphase.region.state_token import Keys
from antiphase.region.wire import parse_answer
from edge.build import build
from tests.edge.events import block, load_event
from tests.needs import missing


def binary() -> Path:
    try:
        return find_emulator()
    except MissingDependencyError as absent:
        missing(str(absent))


def test_package_runs_on_the_real_runtime(tmp_path: Path) -> None:
    """The emulator answers a recorded event, hands over another, and the pool has a cap."""
    emulator = binary()
    build({"keys": {"1": "00" * 16}}, tmp_path / "edge.zip")
    zipfile.ZipFile(tmp_path / "edge.zip").extractall(tmp_path)
    with Emulator(EDGE, tmp_path, emulator) as pool:
        answer = pool.invoke(load_event("post_json_block"))
        assert answer is not None
        assert answer["status"] == "200"
        handed = pool.invoke(load_event("post_json_rls"))
        assert handed is not None
        assert handed["method"] == "POST"
        instance = pool._idle.get()
        assert pool.invoke(load_event("post_json_block")) is None
        pool._idle.put(instance)


def test_killed_edge_loses_no_block(tmp_path: Path) -> None:
    """The edge's process is killed between two blocks: the region goes on with its state."""
    emulator = binary()
    keys = {"keys": {"1": "00" * 16}}
    build(keys, tmp_path / "edge.zip")
    zipfile.ZipFile(tmp_path / "edge.zip").extractall(tmp_path)
    region = Region(Keys({1: bytes(16)}, 1))
    pcm = block(1600)[0]
    settings = Request(audio=pcm, references=1, taps=32, encoding="float32")
    with ExitStack() as stack:
        pool = stack.enter_context(Emulator(EDGE, tmp_path, emulator))
        far = stack.enter_context(serving(make_server(region)))
        near = stack.enter_context(serving(make_front(pool.invoke, far)))
        client = EdgeClient(near, far, settings, edge_timeout_s=10.0)
        parts = []
        for k in range(4):
            if k == 2:
                pool._all[0].process.kill()
            parts.append(client.process(pcm[1600 * k : 1600 * (k + 1)]))
        client.close()
    assert [part.where for part in parts] == ["edge", "edge", "region", "region"]
    assert [part.sequence for part in parts] == [0, 1, 2, 3]
    heard = np.concatenate([np.frombuffer(part.audio, "<f4") for part in parts])
    reply = region.serve(encode_request(settings), "application/octet-stream")
    once = np.frombuffer(parse_answer(reply.body, reply.content_type).audio, "<f4")
    np.testing.assert_allclose(heard, once, rtol=0, atol=1e-5)


def test_missing_emulator_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the binary the fault names the command that gets it."""
    monkeypatch.setenv("ANTIPHASE_EMULATOR", "/nowhere")
    with pytest.raises(MissingDependencyError, match=r"get_emulator\.py"):
        find_emulator()
