"""The rig as a command, in processes of its own as a user starts them."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import time

import pytest

from tests.devices.rig.live import ANTIPHASE, free_port

RIG = [*ANTIPHASE, "rig"]


def running() -> dict[int, tuple[int, int]]:
    """Return parent and group of each process that has not ended."""
    listed = subprocess.run(
        [shutil.which("ps") or "ps", "-e", "-o", "pid=,ppid=,pgid=,stat="],
        capture_output=True,
        text=True,
        check=True,
    )
    rows = (row.split() for row in listed.stdout.splitlines())
    return {int(row[0]): (int(row[1]), int(row[2])) for row in rows if row[3][0] != "Z"}


def living(group: int) -> list[int]:
    """Return the processes of a group that have not ended."""
    return [pid for pid, (_, of) in running().items() if of == group]


def test_one_command_starts_all_and_ctrl_c_ends_all() -> None:
    """Page and decibels are printed; Ctrl-C on the terminal ends service and rig with code 0."""
    port = free_port()
    process = subprocess.Popen(
        [*RIG, "--serve", "--port", str(port), "--scene", "drill"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    lines, end = [], time.monotonic() + 60
    assert process.stdout is not None
    for line in process.stdout:
        lines.append(line)
        if "first" in line or time.monotonic() > end:
            break
    os.killpg(process.pid, signal.SIGINT)
    rest, _ = process.communicate(timeout=20)
    assert process.returncode == 0, rest
    assert f"page: http://127.0.0.1:{port}/" in "".join(lines)
    assert "dB after" in lines[-1]
    assert "Traceback" not in rest
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", port))
    end = time.monotonic() + 5
    while living(process.pid) and time.monotonic() < end:
        time.sleep(0.1)
    assert not living(process.pid)


@pytest.mark.parametrize(("kind", "code"), [(signal.SIGTERM, 0), (signal.SIGKILL, -9)])
def test_service_and_rig_end_with_their_command(kind: signal.Signals, code: int) -> None:
    """A service manager's SIGTERM ends all cleanly; one killed by force leaves nothing behind."""
    process = subprocess.Popen(
        [*RIG, "--serve", "--port", str(free_port()), "--scene", "drill"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    for line in process.stdout:
        if "true" in line:  # the first line of live figures: all is up
            break
    started = {pid for pid, (parent, _) in running().items() if parent == process.pid}
    assert len(started) >= 2
    process.send_signal(kind)
    rest, _ = process.communicate(timeout=40)  # its children hold the other end of its output
    assert process.returncode == code, rest
    assert "Traceback" not in rest
    end = time.monotonic() + 20
    while started & running().keys() and time.monotonic() < end:
        time.sleep(0.1)
    assert not started & running().keys()


def test_the_last_report_is_one_json_object() -> None:
    """With --json only the object is printed; its figures are the server's."""
    command = [*RIG, "--serve", "--port", str(free_port()), "--scene", "office"]
    done = subprocess.run(
        [*command, "--seconds", "6", "--json"], capture_output=True, text=True, check=True
    )
    found = json.loads(done.stdout)
    assert found["scene"] == "office"
    assert found["figures"]["mode"] == "clean"


def test_mistakes_are_one_line() -> None:
    """An unknown scene, a server that is not there and a port in use say what to change."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        used = str(taken.getsockname()[1])
        for options, words in (
            (["--scene", "moon"], "scene='moon' must be one of road"),
            (["--server", f"http://127.0.0.1:{free_port()}"], "no answer"),
            (["--serve", "--port", used], "must be free"),
        ):
            done = subprocess.run([*RIG, *options], capture_output=True, text=True, check=False)
            assert done.returncode == 2
            assert words in done.stderr.replace("\n", " ")
            assert "Traceback" not in done.stderr
