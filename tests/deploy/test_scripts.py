"""The two small programs in the image."""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from deploy.docker.node_address import external_address
from tests.certificates import loopback_certificate

DOCKER = Path(__file__).resolve().parents[2] / "deploy" / "docker"


@contextmanager
def answering(
    code: int, body: dict[str, Any], certificate: tuple[Path, Path] | None = None
) -> Iterator[tuple[int, list[tuple[str, str]]]]:
    """Serve one answer on loopback; yield the port and what was asked for."""
    asked: list[tuple[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append((self.path, self.headers.get("Authorization", "")))
            data = json.dumps(body).encode()
            self.send_response(code)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_address[1], asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def run(script: str, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run a script as the container would."""
    return subprocess.run(
        [sys.executable, str(DOCKER / script), *arguments],
        env=os.environ | env,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(("code", "ends"), [(200, 0), (500, 1)])
@pytest.mark.parametrize("tls", [False, True])
def test_health_is_what_the_service_says(code: int, ends: int, tls: bool, tmp_path: Path) -> None:
    """The check ends with 0 for 200 and with 1 for a fault, over HTTP and over TLS."""
    certificate = loopback_certificate(tmp_path) if tls else None
    env = {"ANTIPHASE_CERTIFICATE": str(tmp_path / "c.pem") if tls else ""}
    with answering(code, {}, certificate) as (port, asked):
        done = run("healthcheck.py", ANTIPHASE_PORT=str(port), **env)
    assert done.returncode == ends
    assert [path for path, _ in asked] == ["/healthz"]
    assert run("healthcheck.py", ANTIPHASE_PORT=str(port), **env).returncode == 1


NODE = {
    "status": {
        "addresses": [
            {"type": "InternalIP", "address": "10.0.0.7"},
            {"type": "ExternalIP", "address": "203.0.113.7"},
        ]
    }
}


def test_the_external_address_is_found() -> None:
    """Of all addresses the external one is told; a node without one gives none."""
    assert external_address(NODE) == "203.0.113.7"
    assert external_address({"status": {"addresses": NODE["status"]["addresses"][:1]}}) is None
    assert external_address({"status": {}}) is None


def test_it_asks_the_kubernetes_api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The node is read with the account's token over checked TLS, and written to the file."""
    certificate = loopback_certificate(tmp_path)
    (tmp_path / "ca.crt").write_bytes(certificate[0].read_bytes())
    (tmp_path / "token").write_text("of-the-account", encoding="ascii")
    out = tmp_path / "address"

    def ask(body: dict[str, Any]) -> tuple[subprocess.CompletedProcess[str], Any]:
        with answering(200, body, certificate) as (port, asked):
            done = run(
                "node_address.py",
                str(out),
                KUBERNETES_SERVICE_HOST="127.0.0.1",
                KUBERNETES_SERVICE_PORT=str(port),
                NODE_NAME="n1",
                SERVICE_ACCOUNT=str(tmp_path),
            )
        return done, asked

    done, asked = ask(NODE)
    assert done.returncode == 0, done.stderr
    assert asked == [("/api/v1/nodes/n1", "Bearer of-the-account")]
    assert out.read_text(encoding="ascii") == "203.0.113.7"
    done, _ = ask({"status": {}})
    assert done.returncode == 1
    assert done.stderr.strip().endswith("set media.advertise to hostIP or podIP")
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_silent_api_is_one_line(tmp_path: Path) -> None:
    """Without an API the pod says so in one line and ends with 1, to be started again."""
    done = run(
        "node_address.py",
        str(tmp_path / "address"),
        KUBERNETES_SERVICE_HOST="127.0.0.1",
        KUBERNETES_SERVICE_PORT="1",
        NODE_NAME="n1",
    )
    assert done.returncode == 1
    assert "can't be read" in done.stderr
    assert "Traceback" not in done.stderr
