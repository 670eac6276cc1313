"""A room as a client of a JACK server: what is played into it comes out of its microphones.

Run as a program: ``python -m tests.devices.soundcard.jack_room SERVER MICROPHONES``.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from tests.devices.soundcard.virtual import hum, room_path
from tests.needs import missing, package, program

__all__ = ["jack_room", "jack_server", "needs_jack"]

ROOT = Path(__file__).resolve().parents[3]
START_S = 30.0


def needs_jack() -> None:
    """End the test where there is no JACK server, no client library or no PortAudio."""
    program("jackd")
    package("jack")
    package("sounddevice")
    code = "import sounddevice, jack"
    if subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode:
        missing("libportaudio2 or libjack is not installed")


def server(name: str, rate: int) -> subprocess.Popen[bytes]:
    """Start a JACK server without a sound card; its cycle waits for all clients."""
    period = 1024 if rate > 40000 else 512
    driver = ["-S", "-t", "5000", "-d", "dummy", "-r", str(rate), "-p", str(period)]
    for priority in (["-R", "-P", "10"], ["-r"]):
        process = subprocess.Popen(
            [program("jackd"), "-n", name, *priority, *driver],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        time.sleep(2.0)
        if process.poll() is None:
            return process
    return missing("jackd does not start here")


def end(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGINT)
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextmanager
def jack_server(name: str, rate: int) -> Iterator[dict[str, str]]:
    """Run a JACK server; the environment in which PortAudio finds it."""
    jack = server(name, rate)
    try:
        yield {
            **os.environ,
            "JACK_DEFAULT_SERVER": name,
            "JACK_NO_AUDIO_RESERVATION": "1",
            "JACK_NO_START_SERVER": "1",
            "JACK_PID": str(jack.pid),
        }
    finally:
        end(jack)
        for left in Path("/dev/shm").glob(f"jack*{name}*"):  # noqa: S108 - where JACK keeps it
            left.unlink(missing_ok=True)


@contextmanager
def jack_room(environment: dict[str, str], microphones: int = 1) -> Iterator[None]:
    """Run a room in a JACK server."""
    name = environment["JACK_DEFAULT_SERVER"]
    command = [sys.executable, "-m", "tests.devices.soundcard.jack_room", name, str(microphones)]
    room = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT, env=environment)
    try:
        assert room.stdout is not None
        assert room.stdout.readline().strip() == b"ready"
        yield
    finally:
        end(room)
        if room.stdout is not None:
            room.stdout.close()


def main(name: str, microphones: int) -> None:
    """Be the room until ended."""
    import jack  # noqa: PLC0415 - only the room's own process needs it

    begin = time.monotonic()
    while True:
        try:
            client = jack.Client("room", no_start_server=True, servername=name)
            break
        except jack.JackOpenError:
            if time.monotonic() - begin > START_S:
                raise
            time.sleep(0.2)
    rate = int(client.samplerate)
    path, noise = room_path(rate).astype(np.float32), hum(rate).astype(np.float32)
    speaker = client.inports.register("speaker")
    ears = [client.outports.register(f"microphone_{k}") for k in range(microphones)]
    tail = np.zeros(len(path) - 1, np.float32)
    at = 0

    def process(frames: int) -> None:
        nonlocal tail, at
        heard = np.convolve(speaker.get_array(), path)
        heard[: len(tail)] += tail
        tail = heard[frames:].copy()
        sound = heard[:frames] + noise[np.arange(at, at + frames) % rate]
        at += frames
        for ear in ears:
            ear.get_array()[:] = sound

    client.set_process_callback(process)
    # A client that does not say goodbye holds the server up until it is missed.
    with client, contextlib.suppress(KeyboardInterrupt):
        print("ready", flush=True)  # noqa: T201 - the sign that tests wait for
        while True:
            time.sleep(60)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
