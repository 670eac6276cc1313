"""The command line."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from antiphase import __version__
from antiphase.cli import main
from antiphase.files import read_audio, read_path, write_audio
from antiphase.simulation.scan import run_case

SCENARIO = """
title = "small [duct]"
fs = 4000
seconds = 2
[noise]
kind = "white"
[paths]
kind = "duct"
n_taps = 128
[identification]
seconds = 1.0
[controller]
kind = "ModifiedFxNLMS"
n_taps = 64
mu = 0.1
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "small.toml").write_text(SCENARIO)
    return tmp_path


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    stdout: str
    stderr: str


class Runner:
    """Runs commands in this process, in one folder."""

    def __init__(self, capsys: pytest.CaptureFixture[str], patch: pytest.MonkeyPatch) -> None:
        self._capsys, self._patch = capsys, patch

    def __call__(self, *arguments: str) -> Done:
        """Run ``antiphase`` with arguments."""
        self._patch.setattr(sys, "argv", ["antiphase", *arguments])
        self._capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        captured = self._capsys.readouterr()
        code = ended.value.code
        return Done(code if isinstance(code, int) else 0, captured.out, captured.err)


@pytest.fixture
def antiphase(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Runner:
    monkeypatch.chdir(folder)
    return Runner(capsys, monkeypatch)


def test_a_simulation_says_how_good_how_close_and_why(antiphase: Runner, folder: Path) -> None:
    """The screen has the result, the bound, the verdict and where the report is."""
    done = antiphase("simulate", "small.toml")
    assert done.code == 0, done.stderr
    for words in ("small [duct]", "noise reduction", "best fixed filter", "quieter", "report.html"):
        assert words in done.stdout
    assert (folder / "reports" / "small" / "report.html").is_file()


def test_json_is_one_object_and_nothing_else(antiphase: Runner, folder: Path) -> None:
    """With --json the output is one JSON object; progress goes elsewhere."""
    done = antiphase("simulate", "small.toml", "--json", "--out", "here", "--seconds", "1.5")
    found = json.loads(done.stdout)
    assert found["seconds"] == pytest.approx(1.5)
    assert found["report"] == str(Path("here") / "report.html")
    assert (folder / "here" / "off.wav").is_file()


def test_open_does_not_fail_without_a_screen(
    antiphase: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a machine without a display --open says where the report is."""
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    done = antiphase("simulate", "small.toml", "--open")
    assert done.code == 0, done.stderr
    assert "by hand" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["simulate", "dcut"], "did you mean 'duct'"),
        (["simulate", "none.toml"], "none.toml"),
        (["simulate", "small.toml", "--set", "seconds=-1"], "seconds=-1"),
        (["simulate", "small.toml", "--set", "controller.mo=1"], "did you mean 'mu'"),
        (["simulate", "small.toml", "--set", "mu"], "KEY=VALUE"),
        (["simulate", "small.toml", "--set", "noise.kind=wite"], "did you mean 'white'"),
        (["scan", "small.toml", "--seeds", "0"], "seeds=0"),
        (["bench", "nothing"], "no benchmark"),
        (["identify"], "--write-sweep"),
        (["identify", "gone.wav"], "gone.wav"),
    ],
)
def test_a_fault_is_one_line(antiphase: Runner, arguments: list[str], words: str) -> None:
    """A fault is one line on stderr that says what to change, code 2 and no traceback."""
    done = antiphase(*arguments)
    assert done.code == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_strict_refuses_what_the_check_warns_of(antiphase: Runner, folder: Path) -> None:
    """A poor model is a note by default and a refusal with --strict."""
    noise = ["--set", "identification.snr_db=-20", "--set", "identification.seconds=0.2"]
    poor = ["simulate", "small.toml", *noise]
    assert "unstable" in antiphase(*poor).stdout
    done = antiphase(*poor, "--strict")
    assert done.code == 2
    assert "phase error" in done.stderr


def test_a_scan_writes_one_file_and_goes_on(
    antiphase: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second run of the same scan finds everything done."""
    monkeypatch.setattr(
        "antiphase.simulation.scan._on_processes", lambda cases, _: map(run_case, cases)
    )
    scan = ["scan", "small.toml", "--set", "controller.mu=0.05,0.1", "--json"]
    first = json.loads(antiphase(*scan).stdout)
    assert first == {"total": 2, "ran": 2, "kept": 0, "failed": 0, "out": "scan.parquet"}
    again = json.loads(antiphase(*scan).stdout)
    assert (again["ran"], again["kept"]) == (0, 2)


def test_a_sweep_goes_out_and_a_path_comes_back(antiphase: Runner, folder: Path) -> None:
    """The written sweep, played into a delay of 7 samples at half gain, gives that path."""
    options = ["--seconds", "1", "--low", "50", "--high", "7600"]
    sweep = ["identify", "--write-sweep", "deep/sweep.wav", "--fs", "16000"]
    assert antiphase(*sweep, *options).code == 0
    played, fs = read_audio(folder / "deep" / "sweep.wav")
    write_audio(folder / "recorded.wav", np.concatenate([np.zeros(7), 0.5 * played]), fs)
    done = antiphase("identify", "recorded.wav", *options, "--taps", "64", "--json")
    found = json.loads(done.stdout)
    assert found["arrival_ms"][0][0] == pytest.approx(7 / 16, abs=0.07)
    taps = np.ravel(read_path(folder / "paths.npz").taps)
    assert np.argmax(np.abs(taps)) == 7
    assert np.sum(taps) == pytest.approx(0.5, abs=0.1)
    assert (folder / "paths.html").is_file()


def test_a_plan_has_words_and_numbers(antiphase: Runner) -> None:
    """A plan names both modes, the cliff and what limits it; positions are checked."""
    options = ["--taps", "64", "--seconds", "3", "--network", "1"]
    done = antiphase("plan", "band", *options, "--cliff")
    assert done.code == 0, done.stderr
    assert "split" in done.stdout
    found = json.loads(antiphase("plan", "band", *options, "--json").stdout)
    assert {mode["mode"] for mode in found["plan"]["modes"]} == {"split", "lookahead"}
    assert antiphase("plan", "band", "--listener", "1,2").code == 2


def test_version_and_help(antiphase: Runner) -> None:
    """The version is the package's; the help names every command."""
    assert antiphase("--version").stdout.strip() == f"antiphase {__version__}"
    text = antiphase("--help").stdout
    for command in ("simulate", "plan", "identify", "scan", "bench"):
        assert command in text


def test_the_program_is_installed() -> None:
    """The entry point of the installed package ends a fault with code 2 and no traceback."""
    program = Path(sys.executable).with_name("antiphase")
    done = subprocess.run(
        [program, "simulate", "none"], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 2
    assert done.stderr.startswith("error: no scenario is called 'none'")
