"""The built package under the platform's own runtime emulator."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from antiphase.errors import MissingDependencyError
from antiphase.region.emulator import Emulator, find_emulator
from edge.build import build
from tests.edge.events import load_event


def binary() -> Path:
    try:
        return find_emulator()
    except MissingDependencyError as missing:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(missing))


def test_package_runs_on_the_real_runtime(tmp_path: Path) -> None:
    """The emulator answers a recorded event, hands over another, and the pool has a cap."""
    emulator = binary()
    build({"keys": {"1": "00" * 16}}, tmp_path / "edge.zip")
    with Emulator(tmp_path / "edge.zip", tmp_path / "task", emulator) as pool:
        answer = pool.invoke(load_event("post_json_block"))
        assert answer is not None
        assert answer["status"] == "200"
        handed = pool.invoke(load_event("post_json_rls"))
        assert handed is not None
        assert handed["method"] == "POST"
        instance = pool._idle.get()
        assert pool.invoke(load_event("post_json_block")) is None
        pool._idle.put(instance)


def test_missing_emulator_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the binary the fault names the command that gets it."""
    monkeypatch.setenv("ANTIPHASE_EMULATOR", "/nowhere")
    with pytest.raises(MissingDependencyError, match=r"get_emulator\.py"):
        find_emulator()
