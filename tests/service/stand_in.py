"""A small stand-in for the service: static files, REST, signalling, recorded figures."""

from __future__ import annotations

import asyncio
import json
import math
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import plotly
from playwright.async_api import Page, WebSocketRoute

from antiphase.media.answer import AnswerPolicy
from antiphase.media.endpoint import Endpoint, EndpointSettings
from antiphase.media.events import Event
from antiphase.media.loop import AsyncioDriver
from tests.service.node import STATIC

__all__ = ["StandIn", "figures", "serving"]

PLOTLY = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"
SCENE = {
    "source": [0, 0, 0.5],
    "reference": [0.5, 0, 0.5],
    "error": [20, 0, 1.2],
    "loudspeaker": [19.2, 0, 1.2],
    "noise": "traffic",
    "about": "a road barrier",
    "lead_m": 19.5,
}


def figures(at_s: float, *, control: bool = True) -> dict[str, Any]:
    """Return figures as the service sends them, `at_s` into a run."""
    reached = 21.5 * (1 - math.exp(-at_s / 2)) if control else 0.0
    hz = [31.5 * 2 ** (k / 6) for k in range(42)]
    off = [58 - 12 * abs(math.log10(f / 250)) ** 1.5 + math.sin(k) for k, f in enumerate(hz)]
    gain = [reached * math.exp(-(math.log10(f / 300) ** 2) * 1.6) for f in hz]
    octaves = [
        {"hz": f, "db": round(reached * w, 1), "bound_db": round(23.5 * w + 1, 1)}
        for f, w in ((63, 0.5), (125, 0.85), (250, 1.0), (500, 0.95), (1000, 0.7), (2000, 0.3))
    ]
    return {
        "type": "figures",
        "time_s": at_s,
        "mode": "split",
        "reason": "the device has 5.1 ms of margin, so it runs the filter that the service solves",
        "control": control,
        "attenuation_db": {
            "estimated": round(reached, 2),
            "true": round(reached + 0.4, 2),
            "a_weighted": round(0.8 * reached, 2),
            "bound": 23.9,
            "by_octave": octaves,
        },
        "margin_ms": 5.1,
        "latency_ms": {
            "capture": 5.0,
            "network_up": 20.2,
            "server": 0.6,
            "network_down": 20.2,
            "buffer": 3.1,
            "converters": 0.5,
            "acoustic_lead": 54.7,
        },
        "devices": [
            {"device_id": "a", "name": "street", "roles": ["reference"], "drift_ppm": -10.1,
             "loss": 0.011, "jitter_ms": 2.4},
            {"device_id": "b", "name": "barrier", "roles": ["loudspeaker", "error"],
             "drift_ppm": 9.9, "loss": 0.0, "jitter_ms": 1.1},
            {"device_id": "c", "name": "page", "roles": ["listener"], "drift_ppm": None,
             "loss": None, "jitter_ms": None},
        ],
        "deadline_misses": 2,
        "output": {"rms": 0.03, "peak": 0.2, "limit": 1.0, "thd_percent": 0.4, "snr_db": 41.0},
        "spectrum": {
            "hz": hz,
            "off_db": off,
            "on_db": [o - g for o, g in zip(off, gain, strict=True)],
            "bound_db": [o - 1.12 * g - 0.5 for o, g in zip(off, gain, strict=True)],
        },
        "split": {"version": 12, "in_force": 12, "changes": 0},
        "scene": SCENE,
    }  # fmt: skip


class _Handler(SimpleHTTPRequestHandler):
    """Files at / and /static, sessions as JSON."""

    sessions: list[dict[str, Any]]

    def __init__(self, *args: Any, sessions: list[dict[str, Any]], **kwargs: Any) -> None:  # noqa: ANN401
        self.sessions = sessions
        super().__init__(*args, **kwargs)

    def do_GET(self) -> None:
        if self.path == "/recordings":
            body, kind = b"[]", "application/json"
        elif self.path == "/sessions":
            body, kind = json.dumps(self.sessions).encode(), "application/json"
        else:
            name = "index.html" if self.path == "/" else self.path.removeprefix("/static/")
            path = PLOTLY if name == PLOTLY.name else STATIC / name
            if not path.is_file():
                self.send_error(404)
                return
            body, kind = path.read_bytes(), self.guess_type(path)
        self.send_response(200)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.sessions.append({"session_id": "own", "name": "own"})
        body = json.dumps({"session_id": "own", "owner_token": ""}).encode()
        self.send_response(201)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@contextmanager
def _http(sessions: list[dict[str, Any]]) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, sessions=sessions))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://localhost:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class StandIn:
    """One session; keeps what clients send, answers as the contract says."""

    def __init__(self, url: str, start: float = 8.0) -> None:
        self.url = url
        self.start = start
        self.heard: list[dict[str, Any]] = []
        self.events: list[Event] = []
        self.control = True
        self.sockets: list[WebSocketRoute] = []
        self.driver: AsyncioDriver
        self.tasks: set[asyncio.Task[None]] = set()

    def handle(self, _: Endpoint, event: Event) -> None:
        self.events.append(event)

    def accept(self, socket: WebSocketRoute) -> None:
        self.sockets.append(socket)
        socket.on_message(lambda text: self.take(socket, text))

    def take(self, socket: WebSocketRoute, text: str | bytes) -> None:
        message = json.loads(text)
        self.heard.append(message)
        match message["type"]:
            case "join" if socket.url.endswith("/elsewhere"):
                self.say(socket, type="moved", websocket="/there")
            case "join":
                self.say(socket, type="joined", device_id=f"d{len(self.sockets)}", ice_servers=[])
                task = asyncio.create_task(self.report(socket))
                self.tasks.add(task)
                task.add_done_callback(self.tasks.discard)
            case "offer":
                name = f"p{len(self.sockets)}"
                now = time.monotonic()
                answer = self.driver.endpoint.open(name, message["sdp"], now)
                self.driver.flush()
                self.say(socket, type="answer", sdp=answer)
            case "control":
                self.control = message["on"]

    def say(self, socket: WebSocketRoute, **message: object) -> None:
        socket.send(json.dumps(message))

    async def report(self, socket: WebSocketRoute) -> None:
        """Send figures twice a second; the first ones tell of the time before."""
        for k in range(1000):
            at = self.start + k / 2
            self.say(socket, **figures(at, control=self.control))
            await asyncio.sleep(0.5)


@asynccontextmanager
async def serving(page: Page, start: float = 8.0) -> AsyncIterator[StandIn]:
    """Serve a page that is not opened yet; one session "road" is there."""
    with _http([{"session_id": "road", "name": "road"}]) as url:
        service = StandIn(url, start)
        service.driver = await AsyncioDriver.start(
            "127.0.0.1",
            0,
            lambda address: EndpointSettings((address,), policy=AnswerPolicy()),
            service.handle,
        )
        await page.route_web_socket(lambda _: True, service.accept)
        try:
            yield service
        finally:
            for task in service.tasks:
                task.cancel()
            await page.close()
            await service.driver.stop()
