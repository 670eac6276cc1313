"""Several workers as real processes: rooms are found, moved, and survive a killed worker."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from antiphase.devices.rig import RigReport, make_scene, run_scene
from antiphase.errors import ParameterError
from antiphase.service.settings import ServiceSettings
from antiphase.service.supervisor import Supervisor, worker_settings
from tests.service.workers import Cluster, cluster, wait_until


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """One service of two workers for all tests here; at the end SIGTERM ends it with 0."""
    with cluster(tmp_path_factory.mktemp("data")) as running:
        yield running
        pids = workers_of(running)
        running.process.terminate()
        assert running.process.wait(30) == 0
        gone(pids)


def workers_of(running: Cluster) -> list[int]:
    port = int(running.url.rsplit(":", 1)[1])
    return [running.pid(f"http://127.0.0.1:{port + k}") for k in (1, 2)]


def gone(pids: list[int]) -> None:
    wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids))


async def said(address: str) -> tuple[ClientConnection, dict[str, Any]]:
    """Join and return the connection and the first message."""
    socket_ = await connect(address, subprotocols=[Subprotocol("antiphase.v1")], compression=None)
    await socket_.send('{"type": "join"}')
    async with asyncio.timeout(10):
        first: dict[str, Any] = json.loads(await socket_.recv())
    return socket_, first


def test_each_worker_has_ports_of_its_own() -> None:
    """They are counted from the shared ones; free ones stay free ones."""
    second = worker_settings(ServiceSettings(port=8443, workers=3), 2)
    assert (second.worker_port, second.media_port) == (8445, 8445)
    assert worker_settings(ServiceSettings(media_port=9000, workers=3), 1).media_port == 9001
    free = worker_settings(ServiceSettings(port=0, workers=2), 1)
    assert (free.worker_port, free.media_port, free.media_tcp_port) == (0, 0, None)
    tcp = worker_settings(ServiceSettings(media_tcp_port=9100, workers=3), 2)
    assert tcp.media_tcp_port == 9102


def test_a_session_is_found_from_every_worker(two: Cluster) -> None:
    """The worker that has it takes the client in; the other names it, by `moved` and by 307."""

    async def run(session_id: str, has: str, other: str) -> None:
        there, first = await said(f"{other.replace('http', 'ws', 1)}/{session_id}")
        assert first["type"] == "moved"
        assert first["websocket"] == f"{has.replace('http', 'ws', 1)}/{session_id}"
        assert first["media"].rpartition(":")[0] == "127.0.0.1"
        await there.wait_closed()
        here, first = await said(first["websocket"])
        assert first["type"] == "joined"
        await here.close()

    two.create_on_both()
    where = two.sessions()
    workers = sorted(set(where.values()))
    for session_id, has in where.items():
        other = next(worker for worker in workers if worker != has)
        asyncio.run(run(session_id, has, other))
        path = f"/sessions/{session_id}"
        answer = httpx.get(f"{other}{path}")
        assert answer.status_code == 307
        assert answer.headers["location"] == f"{has}{path}"
        assert httpx.get(f"{two.url}{path}", follow_redirects=True).status_code == 200
        kind = {"Content-Type": "application/sdp"}
        offered = httpx.post(f"{other}/whip/{session_id}", content="v=0", headers=kind)
        assert offered.status_code == 307
    assert httpx.get(f"{two.url}/sessions/nobody").status_code == 404


def test_a_worker_that_drains_sends_its_clients_to_another(two: Cluster) -> None:
    """After SIGTERM a client is told where its session goes on, with its switch as it was."""

    async def run(session_id: str, worker: str) -> dict[str, Any]:
        socket_, first = await said(f"{worker.replace('http', 'ws', 1)}/{session_id}")
        assert first["type"] == "joined"
        await socket_.send('{"type": "control", "on": false}')
        async with asyncio.timeout(20):
            while json.loads(await socket_.recv())["type"] != "control":
                pass
            os.kill(two.pid(worker), signal.SIGTERM)
            while (message := json.loads(await socket_.recv()))["type"] != "moved":
                assert message["type"] != "bye"
            await socket_.wait_closed()
            other, first = await said(message["websocket"])
            assert first["type"] == "joined"
            while (message := json.loads(await other.recv()))["type"] != "control":
                pass
            await other.close()
            return dict(message)

    mine, other = two.create_on_both()
    where = two.sessions()
    assert asyncio.run(run(mine, where[mine]))["on"] is False
    after = two.sessions()
    assert set(after) == set(where)
    assert set(after.values()) == {where[other]}
    wait_until(lambda: httpx_ok(f"{where[mine]}/readyz"), 30)


def httpx_ok(url: str) -> bool:
    try:
        return httpx.get(url).status_code == 200
    except httpx.TransportError:
        return False


def play(two: Cluster, reports: list[tuple[float, RigReport]], seconds: float) -> threading.Thread:
    scene = make_scene("drill", seconds=10, kind="band", margin_ms=5.0)

    def take(report: RigReport) -> None:
        reports.append((time.monotonic(), report))

    thread = threading.Thread(
        target=lambda: asyncio.run(run_scene(two.url, scene, take, seconds=seconds))
    )
    thread.start()
    return thread


def test_a_killed_worker_costs_no_session_and_no_finished_record(two: Cluster) -> None:
    """After kill −9 devices come back, attenuation within 5 s; what was recorded is still there."""
    reports: list[tuple[float, RigReport]] = []
    thread = play(two, reports, 30.0)
    try:
        wait_until(lambda: reports and (reports[-1][1].true_db or 0.0) > 10, 30)
        session_id = reports[-1][1].session_id
        history = f"{two.url}/sessions/{session_id}/history"
        wait_until(lambda: "measured" in [r["kind"] for r in httpx.get(history).json()], 15)
        before = httpx.get(history).json()
        reached, joins = reports[-1][1].true_db or 0.0, reports[-1][1].joins
        worker = two.sessions()[session_id]
        killed = two.pid(worker)
        os.kill(killed, signal.SIGKILL)
        at = time.monotonic()
        back = wait_until(lambda: returned(reports, at, joins, reached - 3.0), 15)
        assert back - at <= 5.0
        assert httpx.get(history).json()[: len(before)] == before
        assert wait_until(lambda: httpx_ok(f"{worker}/readyz"), 30)
        assert two.pid(worker) != killed
    finally:
        thread.join(60)


def returned(
    reports: list[tuple[float, RigReport]], at: float, joins: int, level: float
) -> float | None:
    """Return when all devices had joined again and the true attenuation was back."""
    for moment, report in list(reports):
        again = report.joins >= 2 * joins
        if moment > at and again and (report.true_db or 0.0) >= level:
            return moment
    return None


@pytest.mark.parametrize(
    "sign", [signal.SIGKILL, pytest.param(signal.SIGINT, marks=pytest.mark.slow)]
)
def test_no_worker_outlives_its_supervisor(tmp_path: Path, sign: signal.Signals) -> None:
    """Ctrl-C ends all with 0; even kill −9 of the supervisor leaves no process behind."""
    with cluster(tmp_path) as running:
        pids = workers_of(running)
        running.create()
        running.process.send_signal(sign)
        assert running.process.wait(30) == (0 if sign == signal.SIGINT else -sign)
        gone(pids)


def test_a_taken_port_of_a_worker_is_named(tmp_path: Path) -> None:
    """The error says which, before any process is started."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        settings = ServiceSettings(port=port - 1, workers=2, data=tmp_path)
        with pytest.raises(ParameterError, match=f"port={port} must be free"):
            Supervisor(settings).run()
    assert multiprocessing.active_children() == []
