"""The processing of a recording in a process of its own."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from antiphase.files.audio_out import write_audio
from antiphase.service.cleaning import CleaningProcess
from tests.service.recording import FS, talk_and_noise


def put(folder: Path, seconds: float) -> None:
    """Write a recording under the names of an upload."""
    _, primary, reference = talk_and_noise(seconds, 5.0)
    for name, samples in (("primary", primary), ("reference", reference)):
        write_audio(folder / "x.wav", samples, FS)
        (folder / "x.wav").rename(folder / name)


class Done:
    """A recording that was processed: where, what was told meanwhile, what came of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.shares: list[float] = []
        self.process = CleaningProcess(folder)
        self.summary: dict[str, Any] = {}

    def wait(self) -> None:
        self.summary = self.process.run(self.shares.append)


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[Done, Done]:
    """Process a good recording and one with a silent reference at once: a start takes long."""
    good, silent = (tmp_path_factory.mktemp(name) for name in ("good", "silent"))
    put(good, 3.0)
    put(silent, 2.0)
    write_audio(silent / "x.wav", np.zeros(2 * FS), FS)
    (silent / "x.wav").rename(silent / "reference")
    done = Done(good), Done(silent)
    for each in done:
        each.wait()
    return done


def test_it_tells_how_far_it_is_and_what_came_of_it(both: tuple[Done, Done]) -> None:
    """Progress rises to 1; the report says the same as the summary."""
    good = both[0]
    assert good.summary["state"] == "done"
    assert good.shares == sorted(good.shares)
    assert good.shares[-1] == 1.0
    report = json.loads((good.folder / "report.json").read_text())
    assert report["pause_reduction_db"] == good.summary["pause_reduction_db"] > 10
    assert (good.folder / "clean.wav").stat().st_size > 3 * 3 * FS


def test_a_fault_is_one_line_without_our_folders(both: tuple[Done, Done]) -> None:
    """The summary and the report carry it."""
    silent = both[1]
    assert silent.summary["state"] == "failed"
    assert "silent" in silent.summary["error"]
    assert str(silent.folder) not in silent.summary["error"]
    assert json.loads((silent.folder / "report.json").read_text()) == silent.summary


def test_a_killed_one_has_failed(tmp_path: Path) -> None:
    """Who waits for it is told at once."""
    put(tmp_path, 20.0)
    process = CleaningProcess(tmp_path)
    threading.Timer(0.2, process.kill).start()
    start = time.monotonic()
    assert process.run(lambda _: None)["state"] == "failed"
    assert time.monotonic() - start < 5
