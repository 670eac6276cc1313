"""The processing of a recording in a process of its own."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path

import numpy as np

from antiphase.files.audio_out import write_audio
from antiphase.service.cleaning import CleaningProcess
from tests.service.recording import FS, talk_and_noise


def put(folder: Path, seconds: float) -> None:
    """Write a recording under the names of an upload."""
    _, primary, reference = talk_and_noise(seconds, 5.0)
    for name, samples in (("primary", primary), ("reference", reference)):
        write_audio(folder / "x.wav", samples, FS)
        (folder / "x.wav").rename(folder / name)


def test_it_tells_how_far_it_is_and_what_came_of_it(tmp_path: Path) -> None:
    """Progress rises to 1; the report says the same as the summary."""
    put(tmp_path, 3.0)
    shares: list[float] = []
    summary = CleaningProcess(tmp_path).run(shares.append)
    assert summary["state"] == "done"
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["pause_reduction_db"] == summary["pause_reduction_db"] > 10
    assert (tmp_path / "clean.wav").stat().st_size > 3 * 3 * FS


def test_a_fault_is_one_line_without_our_folders(tmp_path: Path) -> None:
    """The summary and the report carry it."""
    put(tmp_path, 2.0)
    write_audio(tmp_path / "x.wav", np.zeros(2 * FS), FS)
    (tmp_path / "x.wav").rename(tmp_path / "reference")
    summary = CleaningProcess(tmp_path).run(lambda _: None)
    assert summary["state"] == "failed"
    assert "silent" in summary["error"]
    assert str(tmp_path) not in summary["error"]
    assert json.loads((tmp_path / "report.json").read_text()) == summary


def test_a_killed_one_has_failed(tmp_path: Path) -> None:
    """Who waits for it is told at once."""
    put(tmp_path, 20.0)
    process = CleaningProcess(tmp_path)
    threading.Timer(0.2, process.kill).start()
    start = time.monotonic()
    assert process.run(lambda _: None)["state"] == "failed"
    assert time.monotonic() - start < 5
