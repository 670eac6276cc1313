"""The shell around PortAudio, on a JACK server that has no sound card but a room."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import re
import signal
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from antiphase.devices.soundcard import portaudio
from antiphase.errors import ParameterError
from tests.devices.rig.live import ANTIPHASE
from tests.devices.soundcard.jack_room import jack_room, jack_server, needs_jack

DEVICE = [*ANTIPHASE, "device"]
ROOM = ["--input", "room", "--output", "room"]


class Running:
    """`antiphase device run` as a process whose lines are read."""

    def __init__(self, environment: dict[str, str], *options: str) -> None:
        self.process = subprocess.Popen(
            [*DEVICE, "run", *ROOM, *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**environment, "COLUMNS": "400"},
        )
        self.lines: list[str] = []
        self._queue: queue.Queue[str] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Running:  # noqa: PYI034 - no subclasses
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._reader.join(5)
        if self.process.stdout is not None:
            self.process.stdout.close()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._queue.put(line)

    def until(self, pattern: str, most_s: float) -> str:
        """Wait for a line that matches."""
        end = time.monotonic() + most_s
        while time.monotonic() < end and (self._reader.is_alive() or not self._queue.empty()):
            try:
                line = self._queue.get(timeout=0.5)
            except queue.Empty:
                continue
            self.lines.append(line)
            if re.search(pattern, line):
                return line
        code = self.process.poll()
        pytest.fail(f"no {pattern!r}, exit code {code}: {''.join(self.lines)}")

    def end(self) -> int:
        """Press Ctrl-C; the exit code."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(20)


QUIETER = r"control: (1[0-9]|[2-9][0-9])\.\d dB quieter"


def run_json(environment: dict[str, str], *arguments: str) -> Any:  # noqa: ANN401 - JSON
    done = subprocess.run(
        [*DEVICE, *arguments, "--json"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return json.loads(done.stdout)


@pytest.mark.slow  # in real time, which a busy machine does not keep
def test_hum_falls_on_a_real_sound_server(tmp_path: Path) -> None:
    """Listed, calibrated, run: hum in the room falls by 10 dB or more; Ctrl-C ends with code 0."""
    needs_jack()
    place = tmp_path / "device.npz"
    with jack_server("antiphase", 48000) as environment, jack_room(environment):
        listed = run_json(environment, "list")
        (room,) = [d for d in listed if d["name"] == "room"]
        assert (room["inputs"], room["outputs"], room["default_rate"]) == (1, 1, 48000.0)
        assert 48000 in room["rates"]
        assert "JACK" in room["host_api"]
        found = run_json(environment, "calibrate", *ROOM, "--out", str(place))
        # Two periods of the server, one block for the work, 12 ms of air.
        assert found["latency_ms"] == pytest.approx(3 * 1024 / 48 + 12 + 1.4, abs=1.0)
        assert found["format"] == {"rate": 48000, "inputs": 1, "outputs": 1, "block": 1024}
        assert found["tones_db"] > 15
        with Running(environment, "--calibration", str(place)) as running:
            running.until(QUIETER, 60.0)
            assert running.end() == 0
    assert not any("Traceback" in line for line in running.lines)


@pytest.mark.slow
def test_case_23_a_room_comes_back_with_another_rate_and_two_microphones() -> None:
    """Gone in mid-run, back at 32 kHz as stereo: silent, opened, identified, quieter, logged."""
    needs_jack()
    name = "antiphase-b"
    with contextlib.ExitStack() as stack:
        with jack_server(name, 48000) as environment:
            with jack_room(environment):
                running = stack.enter_context(Running(environment))
                running.until(QUIETER, 90.0)
            running.until("muted: nothing but zeros.*opening the card anew", 20.0)
            running.until("no input device room.*trying again", 20.0)
        with jack_server(name, 32000) as environment, jack_room(environment, 2):
            running.until(r"opened room: 32 kHz, 2 input channels", 40.0)
            running.until("identified: ", 60.0)
            running.until(QUIETER, 60.0)
            assert running.end() == 0


@pytest.mark.slow
def test_a_server_that_dies_is_told_in_one_line() -> None:
    """The process does not crash with it: exit code 2 and what to do."""
    needs_jack()
    with contextlib.ExitStack() as stack:
        environment = stack.enter_context(jack_server("antiphase-c", 48000))
        stack.enter_context(jack_room(environment))
        running = stack.enter_context(Running(environment))
        running.until("opened room", 30.0)
        running.until("measuring", 10.0)
        os.kill(int(environment["JACK_PID"]), signal.SIGTERM)
        running.until("the JACK server has gone: start it", 20.0)
        assert running.process.wait(20) == 2


def test_buffers_are_a_word_or_milliseconds() -> None:
    """`low` and `high` pass, numbers are ms, the rest is refused."""
    assert portaudio.CardWish(latency="high").latency_s == "high"
    assert portaudio.CardWish(latency="12.5").latency_s == pytest.approx(0.0125)
    with pytest.raises(ParameterError, match="latency"):
        _ = portaudio.CardWish(latency="soon").latency_s
