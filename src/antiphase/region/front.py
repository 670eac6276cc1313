"""A local stand-in for the CDN: HTTP → origin-request event → function → the platform's checks.

It never fails over for the client: what the platform answers with an error, so does this.
"""

from __future__ import annotations

import base64
import binascii
import http.client
import json
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from antiphase.errors import ProtocolError
from antiphase.region.emulator import EmulatorError

__all__ = [
    "FAULTS",
    "Answered",
    "Fault",
    "check_answer",
    "check_request",
    "make_event",
    "make_front",
]

Json = dict[str, Any]
# An event to what the function returns; None: throttled.
Invoke = Callable[[Json], Json | None]
SHOWN_BODY = 1_000_000
LARGEST_ANSWER = 1_000_000
LARGEST_REQUEST = 20_000_000
DISALLOWED = frozenset(
    (
        "connection",
        "expect",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "trailer",
        "upgrade",
        "x-accel-buffering",
        "x-accel-charset",
        "x-accel-limit-rate",
        "x-accel-redirect",
        "x-cache",
        "x-forwarded-proto",
        "x-real-ip",
        # Read-only in an origin-request answer.
        "transfer-encoding",
        "via",
        "content-length",
    )
)
PREFIXES = ("x-amz-cf-", "x-amzn-", "x-edge-")


class Answered(NamedTuple):
    """What goes back to the viewer."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


FAULTS = ("killed", "throttled", "slow", "error", "truncated")
# Longer than a client of blocks waits.
SLOW_S = 1.0


class Fault(NamedTuple):
    """What is injected into one request.

    Parameters
    ----------
    kind : str
        "" or one of `FAULTS`: connection closed without an answer; 503; an answer that comes
        `SLOW_S` late; 502; body cut short.
    latency_s : float
        Added before the function runs.
    """

    kind: str = ""
    latency_s: float = 0.0


def make_event(method: str, target: str, headers: dict[str, str], body: bytes) -> Json:
    """Return the origin-request event of a request, its body cut at 1 MB as the platform does."""
    uri, _, query = target.partition("?")
    request: Json = {
        "clientIp": "127.0.0.1",
        "method": method,
        "uri": uri,
        "querystring": query,
        "headers": {k.lower(): [{"key": k, "value": v}] for k, v in headers.items()},
        "origin": {"custom": {"domainName": "region", "path": "", "customHeaders": {}}},
    }
    if body:
        request["body"] = {
            "action": "read-only",
            "encoding": "base64",
            "inputTruncated": len(body) > SHOWN_BODY,
            "data": base64.b64encode(body[:SHOWN_BODY]).decode(),
        }
    config = {"eventType": "origin-request", "distributionId": "LOCAL", "requestId": "local"}
    return {"Records": [{"cf": {"config": config, "request": request}}]}


def check_answer(answer: Json) -> Answered:
    """Return a generated response as the viewer gets it.

    Raises
    ------
    ProtocolError
        Where the platform would answer 502, with the reason.
    """
    status = answer.get("status")
    if not isinstance(status, str) or not (status.isdigit() and 200 <= int(status) <= 599):
        raise ProtocolError(f"status={status!r} must be a string of digits")
    headers = [("X-Cache", "LambdaGeneratedResponse from antiphase")]
    headers += _check_headers(answer.get("headers") or {})
    return Answered(int(status), headers, _check_body(answer))


def check_request(request: Json, event: Json) -> None:
    """Check a request that the function returns, to go on to the origin.

    Raises
    ------
    ProtocolError
        Where the platform would answer 502: no path, another method, or other read-only fields.
    """
    sent = event["Records"][0]["cf"]["request"]
    if not str(request.get("uri", "")).startswith("/"):
        raise ProtocolError(f"uri={request.get('uri')!r} must begin with /")
    for name in ("method", "clientIp"):
        if request.get(name) != sent[name]:
            raise ProtocolError(f"{name}={request.get(name)!r} must stay {sent[name]!r}")


def _check_headers(given: Json) -> list[tuple[str, str]]:
    headers = []
    for name, values in given.items():
        if name != name.lower():
            raise ProtocolError(f"header {name!r} must be in lower case")
        if name in DISALLOWED or name.startswith(PREFIXES):
            raise ProtocolError(f"header {name!r} is not allowed in an answer")
        for value in values if isinstance(values, list) else [None]:
            if not isinstance(value, dict) or not isinstance(value.get("value"), str):
                raise ProtocolError(f"header {name!r} must be a list of key and value")
            if str(value.get("key", name)).lower() != name:
                raise ProtocolError(f"header {name!r} has another name as its key")
            headers.append((str(value.get("key", name)), value["value"]))
    return headers


def _check_body(answer: Json) -> bytes:
    text = answer.get("body") or ""
    if not isinstance(text, str) or len(text.encode()) > LARGEST_ANSWER:
        raise ProtocolError(f"body must be text of at most {LARGEST_ANSWER} bytes")
    encoding = answer.get("bodyEncoding", "text")
    if encoding not in ("text", "base64"):
        raise ProtocolError(f"bodyEncoding={encoding!r} must be text or base64")
    try:
        return base64.b64decode(text, validate=True) if encoding == "base64" else text.encode()
    except (binascii.Error, ValueError):
        raise ProtocolError("body is not valid base64") from None


class _Front(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 60
    invoke: Invoke
    origin: str
    faults: Callable[[], Fault]

    def _serve(self) -> None:
        length = self.headers.get("content-length", "0")
        if not length.isdigit() or int(length) > LARGEST_REQUEST:
            self.close_connection = True
            self._send(_plain(413, "the body is too large"))
            return
        body = self.rfile.read(int(length))
        fault = type(self).faults()
        time.sleep(fault.latency_s + (SLOW_S if fault.kind == "slow" else 0.0))
        if fault.kind == "killed":
            self.close_connection = True
            return
        if fault.kind == "throttled":
            self._send(_plain(503, "throttled"))
        elif fault.kind == "error":
            self._send(_plain(502, "the function failed"))
        else:
            answered = self._answer(body)
            self._send(answered, cut=fault.kind == "truncated")

    def __getattr__(self, name: str) -> Callable[[], None]:
        """Serve any method alike; the base looks up `do_` and the method's name."""
        if name.startswith("do_"):
            return self._serve
        raise AttributeError(name)

    def _answer(self, body: bytes) -> Answered:
        headers = dict(self.headers.items())
        event = make_event(self.command, self.path, headers, body)
        try:
            result = type(self).invoke(event)
            if result is None:
                return _plain(503, "the concurrency cap is reached")
            if "status" in result:
                return check_answer(result)
            check_request(result, event)
            return self._ask_origin(body)
        except (EmulatorError, ProtocolError) as fault:
            return _plain(502, str(fault))

    def _ask_origin(self, body: bytes) -> Answered:
        parts = urlsplit(self.origin)
        connection = http.client.HTTPConnection(parts.netloc, timeout=30)
        kept = {
            k: v for k, v in self.headers.items() if k.lower() in ("content-type", "traceparent")
        }
        try:
            connection.request(self.command, self.path, body, kept)
            response = connection.getresponse()
            dropped = ("content-length", "connection", "transfer-encoding", "date", "server")
            passed = [(k, v) for k, v in response.getheaders() if k.lower() not in dropped]
            return Answered(response.status, passed, response.read())
        except (OSError, http.client.HTTPException) as fault:
            return _plain(502, f"the origin does not answer: {fault}")
        finally:
            connection.close()

    def _send(self, answered: Answered, *, cut: bool = False) -> None:
        try:
            self._write(answered, cut)
        except (BrokenPipeError, ConnectionResetError):
            # The viewer left before its answer.
            self.close_connection = True

    def _write(self, answered: Answered, cut: bool) -> None:
        self.send_response(answered.status)
        for name, value in answered.headers:
            self.send_header(name, value)
        if answered.status != 204:
            self.send_header("Content-Length", str(len(answered.body)))
        self.end_headers()
        if cut:
            self.close_connection = True
        if self.command != "HEAD":
            self.wfile.write(answered.body[: len(answered.body) // 2] if cut else answered.body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Write nothing."""


def _plain(status: int, reason: str) -> Answered:
    text = json.dumps({"error": reason, "where": "front"})
    return Answered(status, [("Content-Type", "application/json")], text.encode())


def make_front(
    invoke: Invoke,
    origin: str,
    *,
    faults: Callable[[], Fault] = Fault,
    host: str = "127.0.0.1",
    port: int = 0,
) -> ThreadingHTTPServer:
    """Return a server that is bound but not yet serving.

    Parameters
    ----------
    invoke : callable
        Event to result, None when throttled: `Emulator.invoke`.
    origin : str
        URL of the region, asked when the function returns the request.
    faults : callable
        Gives the fault of each request.
    host, port
        Where to listen; port 0 takes a free one.
    """
    values = {"invoke": staticmethod(invoke), "origin": origin, "faults": staticmethod(faults)}
    server = ThreadingHTTPServer((host, port), type("Front", (_Front,), values))
    server.daemon_threads = True
    return server
