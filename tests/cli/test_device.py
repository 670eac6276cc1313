"""`antiphase device` as it is typed, without a sound card."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from antiphase.cli import app
from antiphase.devices.soundcard import catalogue
from tests.devices.rig.live import ANTIPHASE


def test_the_verbs_are_there() -> None:
    """List, calibrate and run are told by the help."""
    done = CliRunner().invoke(app, ["device", "--help"])
    assert done.exit_code == 0
    for verb in ("list", "calibrate", "run"):
        assert verb in done.output


def test_what_is_missing_is_one_line_for_each_verb(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2, no traceback, what to install."""

    def fail(name: str) -> Any:  # noqa: ANN401 - raises
        raise ModuleNotFoundError(name)

    from antiphase.cli import main  # noqa: PLC0415 - after the others, so that only this one fails

    for verb in ("list", "calibrate", "run"):
        with monkeypatch.context() as patched:
            patched.setattr(sys, "argv", ["antiphase", "device", verb])
            patched.setattr(importlib, "import_module", fail)
            with pytest.raises(SystemExit) as ended:
                main()
        assert ended.value.code == 2
        said = capsys.readouterr().err.strip().splitlines()
        assert len(said) == 1
        assert "pip install sounddevice" in said[0]


def test_devices_are_listed_as_json_or_as_a_table(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both hold each device; without one the words say so."""
    found = [catalogue.DeviceInfo(0, "card", "ALSA", 1, 2, 48e3, (48000,), 8.7, 8.7, "input")]
    monkeypatch.setattr(catalogue, "list_devices", lambda: found)
    listed = json.loads(CliRunner().invoke(app, ["device", "list", "--json"]).output)
    assert listed[0]["name"] == "card"
    assert "card" in CliRunner().invoke(app, ["device", "list"]).output
    monkeypatch.setattr(catalogue, "list_devices", list)
    assert "no sound devices" in CliRunner().invoke(app, ["device", "list"]).output


def test_a_file_that_is_no_calibration_is_one_line(tmp_path: Path) -> None:
    """Before any card is opened."""
    place = tmp_path / "path.npz"
    np.savez(place, taps=np.ones(8), fs=8000.0)
    run = [*ANTIPHASE, "device", "run", "--calibration", str(place)]
    done = subprocess.run(run, check=False, capture_output=True, text=True, timeout=120)
    assert done.returncode == 2
    assert "antiphase device calibrate" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
