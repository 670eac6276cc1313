"""The road scene in real time: service and rig in processes of their own, as a user runs them."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
from typing import Any

from antiphase.devices.rig import (
    LevelRecord,
    RigReport,
    make_scene,
    run_scene,
    wait_for_server,
)

__all__ = ["realtime"]

_SECONDS = 21.0
_WINDOW_S = (10.0, 20.0)


def realtime() -> dict[str, Any]:
    """Return the true attenuation of seconds 10–20, with what came too late; not gated."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    run = "from antiphase.cli import main; main()"
    words = [sys.executable, "-c", run, "serve", "--port", str(port)]
    service = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    server = f"http://127.0.0.1:{port}"
    reports: list[RigReport] = []
    record = LevelRecord(8000, keep=True)
    try:
        wait_for_server(server, 60.0, lambda: service.poll() is None)
        scene = make_scene("road")
        asyncio.run(run_scene(server, scene, reports.append, seconds=_SECONDS, record=record))
    finally:
        service.terminate()
        service.wait(30)
    last = reports[-1]
    return {
        "road_realtime_nr_db": record.window_nr_db(*_WINDOW_S),
        "road_realtime_deadline_misses": last.figures.get("deadline_misses"),
        "road_realtime_missing_samples": last.missing,
        "road_realtime_rig_overruns": last.overruns,
    }
