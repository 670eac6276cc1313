"""Both functions on the platform's own runtime: the edge behind the front, the region behind it."""

from __future__ import annotations

import base64
import http.client
import json
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from antiphase.region.emulator import EDGE, REGION, Emulator
from antiphase.region.front import make_front
from antiphase.region.server import serving
from antiphase.region.settings import CONFIG, STATES
from benchmarks.interpreters import runtime_python
from edge.build import build
from tests.region.test_emulator import binary

__all__ = ["BINARY", "JSON", "Places", "Said", "load_event", "post", "real_places"]

JSON, BINARY = "application/json", "application/octet-stream"
SETTINGS = {"keys": {"1": "00" * 16}}
Event = dict[str, Any]


class Places(NamedTuple):
    """URLs of the two functions."""

    edge: str
    region: str


class Said(NamedTuple):
    """An answer over HTTP, its header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


def load_event(name: str) -> Event:
    """Return a recorded event of the region."""
    event: Event = json.loads((Path(__file__).parent / "events" / f"{name}.json").read_text())
    return event


def post(url: str, body: bytes, kind: str = JSON, method: str = "POST") -> Said:
    """Send a body to ``/anc-process``."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
    try:
        connection.request(method, "/anc-process", body, {"Content-Type": kind})
        response = connection.getresponse()
        headers = {name.lower(): value for name, value in response.getheaders()}
        return Said(response.status, headers, response.read())
    finally:
        connection.close()


class _FunctionUrl(BaseHTTPRequestHandler):
    """HTTP to the event of a function URL, and its answer back."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    invoke: Callable[[Event], Event | None]

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", "0")))
        event = load_event("function_url_binary_block")
        event["rawPath"], _, event["rawQueryString"] = self.path.partition("?")
        event["headers"] = {name.lower(): value for name, value in self.headers.items()}
        event["requestContext"]["http"].update(method=self.command, path=event["rawPath"])
        event["body"] = base64.b64encode(body).decode()
        answer = type(self).invoke(event) or {"statusCode": 429, "headers": {}, "body": ""}
        text = answer["body"]
        content = base64.b64decode(text) if answer.get("isBase64Encoded") else text.encode()
        self.send_response(answer["statusCode"])
        for name, value in answer["headers"].items():
            self.send_header(name, value)
        if answer["statusCode"] != 204:
            self.send_header("content-length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def __getattr__(self, name: str) -> Callable[[], None]:
        """Pass any method on; the base looks up `do_` and the method's name."""
        if name.startswith("do_"):
            return self._serve
        raise AttributeError(name)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Say nothing."""


@contextmanager
def real_places(folder: Path) -> Iterator[Places]:
    """Run both functions; the region is the edge's origin."""
    emulator = binary()
    config, code = folder / "edge.json", folder / "task"
    config.write_text(json.dumps(SETTINGS))
    build(SETTINGS, folder / "edge.zip")
    zipfile.ZipFile(folder / "edge.zip").extractall(code)
    variables = {CONFIG: str(config), STATES: str(folder / "states.db")}
    with (
        Emulator(EDGE, code, emulator, python=runtime_python()) as near,
        Emulator(REGION, folder, emulator, environment=variables) as far,
    ):
        kind = type("FunctionUrl", (_FunctionUrl,), {"invoke": staticmethod(far.invoke)})
        with (
            serving(ThreadingHTTPServer(("127.0.0.1", 0), kind)) as region,
            serving(make_front(near.invoke, region)) as edge,
        ):
            yield Places(edge, region)
