"""A rolling restart under live sessions: `python -m benchmarks.infra_drain --json`.

Two workers as two pods would be: processes of `antiphase serve` with addresses of their own and one
registry of sessions. 50 sessions are live over real WebRTC: of ten, one is a simulated barrier
whose filter the server adapts (split), two are talkers in noise with a reference (clean), and seven
are forwarded. Then one worker after the other is told to end (SIGTERM), waited for, and started
again; the second only when the first is ready, as Kubernetes does. A session is lost if it is
silent for longer than the deadline at any time, or at the end: its listener gets no frames, or the
barrier's drive is 20 dB below what it was. What is cancelled before and after is printed beside it.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import signal
import socket
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from benchmarks.infra_callers import Session
from benchmarks.infra_filters import CleanSession, SplitSession

__all__ = ["rolling_restart"]

SESSIONS = 50
DEADLINE_S = 10.0
DRAIN_S = 20.0
_START_S = 60.0
_STEADY_S = 3.0
AnySession = Session | SplitSession
KINDS: tuple[type[AnySession], ...] = (SplitSession, CleanSession, CleanSession, *[Session] * 7)


def _free_ports(count: int) -> list[int]:
    """Return ports that are free for TCP and UDP now."""
    found: list[int] = []
    with contextlib.ExitStack() as held:
        while len(found) < count:
            tcp = held.enter_context(socket.socket())
            udp = held.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            tcp.bind(("127.0.0.1", 0))
            with contextlib.suppress(OSError):
                udp.bind(tcp.getsockname())
                found.append(tcp.getsockname()[1])
    return found


@dataclass
class Worker:
    """One process of the service.

    Attributes
    ----------
    port : int
        Of signalling and media.
    data : Path
        Folder of the stores, shared by all.
    ended_s : list of float
        How long it took to end, each time.
    """

    port: int
    data: Path
    ended_s: list[float] = field(default_factory=list)
    process: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Start it and wait until it takes sessions."""
        program = Path(sys.executable).with_name("antiphase")
        env = os.environ | {
            "ANTIPHASE_WORKER_URL": self.url,
            "ANTIPHASE_DRAIN_S": str(DRAIN_S),
            "ANTIPHASE_MOST_CONNECTIONS_PER_ADDRESS": "1000",
        }
        self.process = await asyncio.create_subprocess_exec(
            str(program),
            "serve",
            "--port",
            str(self.port),
            "--data",
            str(self.data),
            env=env,
            stdout=asyncio.subprocess.DEVNULL,
        )
        end = time.monotonic() + _START_S
        async with httpx.AsyncClient() as http:
            while time.monotonic() < end:
                with contextlib.suppress(httpx.HTTPError):
                    if (await http.get(f"{self.url}/readyz")).status_code == httpx.codes.OK:
                        return
                if self.process.returncode is not None:
                    break
                await asyncio.sleep(0.1)
        raise RuntimeError(f"the worker at {self.url} does not get ready")

    def rss_mb(self) -> float:
        """Return the memory that it has in use, MB; 0 where the system does not tell."""
        status = Path(f"/proc/{self.process.pid}/status") if self.process else Path()
        if not status.is_file():
            return 0.0
        lines = dict(line.split(":", 1) for line in status.read_text("ascii").splitlines())
        return int(lines["VmRSS"].split()[0]) / 1024

    async def end(self) -> None:
        """Tell it to drain and wait for its end."""
        if self.process is None or self.process.returncode is not None:
            return
        begin = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(self.process.wait(), DRAIN_S + 10)
        except TimeoutError:
            self.process.kill()
            await self.process.wait()
        self.ended_s.append(time.monotonic() - begin)


async def _open(workers: list[Worker], count: int) -> list[AnySession]:
    fronts = [worker.url.replace("http", "ws") for worker in workers]
    found = []
    async with httpx.AsyncClient() as http:
        for k in range(count):
            kind = KINDS[k % len(KINDS)]
            wish = {"name": f"s{k}", "mode": kind.mode}
            answer = await http.post(f"{workers[k % len(workers)].url}/sessions", json=wish)
            answer.raise_for_status()
            found.append(kind(answer.json()["session_id"], fronts))
    return found


async def _until_heard(sessions: list[AnySession], seconds: float) -> bool:
    """Wait until every session is heard at the same time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        now = time.monotonic()
        if all(session.is_heard(now) for session in sessions):
            return True
        await asyncio.sleep(0.1)
    return False


async def _run(count: int, folder: Path) -> dict[str, Any]:
    workers = [Worker(port, folder) for port in _free_ports(2)]
    tasks: list[asyncio.Task[None]] = []
    try:
        await asyncio.gather(*(worker.start() for worker in workers))
        sessions = await _open(workers, count)
        tasks = [task for session in sessions for task in session.start()]
        if not await _until_heard(sessions, _START_S):
            raise RuntimeError("not all sessions were heard before the restart")
        await asyncio.sleep(_STEADY_S)
        begin = time.monotonic()
        memory = []
        for worker in workers:
            memory.append(max(each.rss_mb() for each in workers))
            await worker.end()
            await worker.start()
            await asyncio.sleep(_STEADY_S)
        await _until_heard(sessions, DEADLINE_S)
        found = _figures(workers, sessions, begin, time.monotonic())
        return found | {"drain_worker_rss_mb_max": max(memory)}
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.gather(*(worker.end() for worker in workers))


def _figures(
    workers: list[Worker], sessions: list[AnySession], begin: float, end: float
) -> dict[str, Any]:
    gaps = [session.longest_gap_s(begin, end) for session in sessions]
    silent = [not session.is_heard(end) for session in sessions]
    lost = sum(gap > DEADLINE_S or last for gap, last in zip(gaps, silent, strict=True))
    return {
        "drain_lost_sessions": lost,
        "drain_sessions": len(sessions),
        "drain_moved_sessions": sum(session.moves > 0 for session in sessions),
        "drain_gap_s_median": statistics.median(gaps),
        "drain_gap_s_max": max(gaps),
        "drain_worker_end_s_max": max(max(worker.ended_s) for worker in workers),
        "drain_refusals": sum(session.refusals for session in sessions),
        "drain_deadline_s": DEADLINE_S,
        **_by_kind(sessions, gaps, begin, end),
    }


def _by_kind(
    sessions: list[AnySession], gaps: list[float], begin: float, end: float
) -> dict[str, Any]:
    """Return silence by kind of session, and what their filters did before and after, dB."""
    found: dict[str, Any] = {}
    for kind, name in ((Session, "forward"), (CleanSession, "clean"), (SplitSession, "split")):
        of_kind = [gap for s, gap in zip(sessions, gaps, strict=True) if type(s) is kind]
        if of_kind:
            found[f"drain_gap_s_median_{name}"] = statistics.median(of_kind)
            found[f"drain_gap_s_max_{name}"] = max(of_kind)
    for filtered, name in ((CleanSession, "clean"), (SplitSession, "split")):
        ones = [session for session in sessions if isinstance(session, filtered)]
        for when, at in (("before", begin), ("after", end)) if ones else ():
            values = [session.reduction_db(at) for session in ones]
            found[f"drain_nr_db_{when}_{name}"] = statistics.median(values)
    return found


def rolling_restart(count: int = SESSIONS) -> dict[str, Any]:
    """Return what a rolling restart of two workers did to so many live sessions.

    Parameters
    ----------
    count : int
        Sessions, ≥ 2.
    """
    with tempfile.TemporaryDirectory(prefix="antiphase-drain-") as folder:
        return asyncio.run(_run(count, Path(folder)))


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object on the last line")
    parser.add_argument("--sessions", type=int, default=SESSIONS)
    arguments = parser.parse_args()
    found = rolling_restart(arguments.sessions)
    if not arguments.json:
        for name, value in found.items():
            print(f"{name:28s} {value}")
    print(json.dumps(found))


if __name__ == "__main__":
    main()
