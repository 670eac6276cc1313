"""The client: every block answered, none lost or doubled."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from antiphase.errors import ProtocolError
from antiphase.region.client import EdgeClient, NoAnswerError
from antiphase.region.contract import Request
from antiphase.region.handler import Region, Reply
from antiphase.region.server import make_server, serving
from antiphase.region.state_token import Keys
from tests.edge.events import block

KEYS = Keys({1: bytes(16)}, 1)
SETTINGS = Request(audio=bytes(4), references=1, encoding="float32", taps=32)


class Faulty(BaseHTTPRequestHandler):
    """An edge that works, and breaks at the blocks it is told to."""

    region: ClassVar[Region]
    faults: ClassVar[dict[int, str]]
    count = 0
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Answer, or fail in the way that is due."""
        kind = type(self)
        fault = kind.faults.get(kind.count, "")
        kind.count += 1
        body = self.rfile.read(int(self.headers["content-length"]))
        reply = kind.region.serve(body, self.headers["content-type"])
        if fault == "killed":
            self.close_connection = True
            return
        if fault == "firewall":
            reply = Reply(403, "text/html", b"<h1>Request blocked</h1>")
        if fault == "too large":
            reply = Reply(413, "application/json", b'{"error": "cut", "where": "edge"}')
        status = int(fault) if fault.isdigit() else reply.status
        self.send_response(status)
        self.send_header("Content-Type", reply.content_type)
        self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        cut = fault == "truncated"
        self.wfile.write(reply.body[:50] if cut else reply.body)
        self.close_connection = cut

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Say nothing."""


@pytest.fixture
def places() -> Iterator[tuple[str, str, type[Faulty]]]:
    region = Region(KEYS)
    faulty = type("F", (Faulty,), {"region": region, "faults": {}})
    edge = ThreadingHTTPServer(("127.0.0.1", 0), faulty)
    with ExitStack() as stack:
        urls = [stack.enter_context(serving(s)) for s in (edge, make_server(region))]
        yield urls[0], urls[1], faulty


def test_every_fault_of_the_edge_is_covered(places: tuple[str, str, type[Faulty]]) -> None:
    """Killed, throttled, failing and cut answers go to the region; the sound has no seam."""
    edge, region, faulty = places
    faulty.faults = {1: "killed", 3: "429", 4: "502", 6: "truncated", 7: "killed", 8: "503"}
    client = EdgeClient(edge, region, SETTINGS)
    pcm, _, _ = block(2000)
    parts = [client.process(pcm[4 * k : 4 * (k + 200)]) for k in range(0, 2000, 200)]
    client.close()
    assert [part.sequence for part in parts] == list(range(10))
    assert len(client.failures) == 6
    heard = np.concatenate([np.frombuffer(part.audio, "<f4") for part in parts])
    whole = EdgeClient(region, region, SETTINGS)
    once = np.frombuffer(whole.process(pcm).audio, "<f4")
    whole.close()
    np.testing.assert_allclose(heard, once, rtol=0, atol=1e-5)


def test_refused_block_can_be_corrected(places: tuple[str, str, type[Faulty]]) -> None:
    """A 4xx is told at once and moves nothing on."""
    edge, region, _ = places
    client = EdgeClient(edge, region, SETTINGS)
    with pytest.raises(ProtocolError, match="refused"):
        client.process(block(200)[0], {"state": b"forged" * 20})
    assert client.sequence == 0
    assert client.process(block(200)[0]).sequence == 0
    client.close()


def test_firewall_is_not_the_function(places: tuple[str, str, type[Faulty]]) -> None:
    """A 403 of what stands before the edge is no refusal of the block: the region is asked."""
    edge, region, faulty = places
    faulty.faults = {0: "firewall"}
    client = EdgeClient(edge, region, SETTINGS)
    assert client.process(block(200)[0]).sequence == 0
    assert client.failures == ["status 403"]
    client.close()


def test_block_too_large_for_the_edge_is_done_by_the_region(
    places: tuple[str, str, type[Faulty]],
) -> None:
    """A 413 of the edge, which is not shown more than 1 MB, is none of the region."""
    edge, region, faulty = places
    faulty.faults = {0: "too large"}
    client = EdgeClient(edge, region, SETTINGS)
    assert client.process(block(200)[0]).sequence == 0
    assert client.failures == ["status 413"]
    client.close()


def test_nobody_there_is_said() -> None:
    """With both places gone the fault names what each said."""
    client = EdgeClient("http://127.0.0.1:9", "http://127.0.0.1:9", SETTINGS)
    with pytest.raises(NoAnswerError, match="block 0"):
        client.process(block(200)[0])


def test_example_runs() -> None:
    """The example in Python prints an attenuation that a listener would notice."""
    example = Path(__file__).resolve().parents[2] / "examples" / "edge_client.py"
    done = subprocess.run(
        [sys.executable, str(example)], check=True, capture_output=True, text=True, timeout=60
    )
    assert float(done.stdout.split()[2]) > 20.0
