"""`antiphase latency` as it is typed."""

from __future__ import annotations

import json
import subprocess

from tests.devices.rig.live import ANTIPHASE, free_port, service


def test_figures_come_as_a_table_or_as_json() -> None:
    """Both name the packets that came through; every component is there."""
    run = [*ANTIPHASE, "latency"]
    with service() as (server, _):
        options = [server, "--attempts", "1", "--seconds", "0.2"]
        as_json, table = (
            subprocess.run(
                [*run, *options, *more], check=False, capture_output=True, text=True, timeout=120
            )
            for more in (["--json"], [])
        )
    assert json.loads(as_json.stdout)["packets_heard"] > 0
    assert "mouth to ear" in table.stdout
    assert "of 40 packets came through" in table.stdout


def test_a_server_that_is_not_there_is_one_line() -> None:
    """No traceback."""
    run = [*ANTIPHASE, "latency", f"http://127.0.0.1:{free_port()}"]
    done = subprocess.run(run, check=False, capture_output=True, text=True, timeout=120)
    assert done.returncode != 0
    assert "no answer" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
