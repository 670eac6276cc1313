"""The region over plain HTTP, and as a model container (`/ping`, `/invocations`, `serve`)."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from antiphase.errors import AntiphaseError
from antiphase.region.contract import JSON_TYPE
from antiphase.region.handler import HEADERS, LARGEST_BODY, PATH, Region, Reply
from antiphase.region.settings import region_from

__all__ = ["main", "make_server", "serving"]

PORT = 8080


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # A reply is two writes; without this the second waits for an acknowledgement.
    disable_nagle_algorithm = True
    timeout = 60
    region: Region

    def do_GET(self) -> None:
        """Answer a health check."""
        found = self.path == "/ping"
        self._send(Reply(200 if found else 404, JSON_TYPE, b"{}"))

    def do_OPTIONS(self) -> None:
        """Answer a browser's preflight."""
        self._send(Reply(204, JSON_TYPE, b""))

    def do_POST(self) -> None:
        """Process a block."""
        length = self.headers.get("content-length", "")
        if not length.isdigit():
            self.close_connection = True
            self._refuse(411, "content-length is missing")
        elif int(length) > LARGEST_BODY:
            self.close_connection = True
            self._refuse(413, f"the body has {length} bytes, at most {LARGEST_BODY}")
        else:
            body = self.rfile.read(int(length))
            if self.path in (PATH, "/invocations"):
                self._send(self.region.serve(body, self.headers.get("content-type", "")))
            else:
                self._refuse(404, f"there is only {PATH} here")

    def __getattr__(self, name: str) -> Callable[[], None]:
        """Refuse any other method; the base looks up `do_` and the method's name."""
        if name.startswith("do_"):
            return self._other
        raise AttributeError(name)

    def _other(self) -> None:
        self.close_connection = True
        self._refuse(405, f"use POST {PATH}")

    def _refuse(self, status: int, reason: str) -> None:
        text = json.dumps({"error": reason, "where": "region"})
        self._send(Reply(status, JSON_TYPE, text.encode()))

    def _send(self, reply: Reply) -> None:
        self.send_response(reply.status)
        headers = {"content-type": reply.content_type, **HEADERS}
        if reply.status != 204:
            headers["Content-Length"] = str(len(reply.body))
        if reply.status == 405:
            headers["Allow"] = "POST, OPTIONS"
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(reply.body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Write nothing: requests are counted by what stands in front."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256


def make_server(region: Region, host: str = "127.0.0.1", port: int = 0) -> ThreadingHTTPServer:
    """Return a server that is bound but not yet serving; port 0 takes a free one."""
    handler = type("Handler", (_Handler,), {"region": region})
    return _Server((host, port), handler)


@contextlib.contextmanager
def serving(server: ThreadingHTTPServer) -> Iterator[str]:
    """Serve in a thread for the length of the context; gives the base URL."""
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://{server.server_address[0]!s}:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def main(arguments: list[str]) -> int:
    """Run ``serve``: the entry point of the container. SIGTERM ends it after open requests.

    `region_from` says what it reads from the environment.
    """
    if arguments != ["serve"]:
        sys.stderr.write("usage: python -m antiphase.region.server serve\n")
        return 2
    try:
        region = region_from()
    except AntiphaseError as fault:
        sys.stderr.write(f"{fault}\n")
        return 2
    port = int(os.environ.get("ANTIPHASE_PORT", str(PORT)))
    server = make_server(region, "0.0.0.0", port)  # noqa: S104 - a container

    def stop(*_: object) -> None:
        # `shutdown` waits for the loop that this very handler interrupts.
        threading.Thread(target=server.shutdown).start()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    server.serve_forever(0.1)
    server.daemon_threads = False
    server.server_close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
