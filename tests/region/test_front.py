"""The stand-in for the CDN: the platform's rules, and no fail-over of its own."""

from __future__ import annotations

import http.client
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest

from antiphase.errors import ProtocolError
from antiphase.region.client import EdgeClient
from antiphase.region.contract import Request
from antiphase.region.contract_binary import encode_request
from antiphase.region.emulator import EmulatorError
from antiphase.region.front import (
    FAULTS,
    Fault,
    check_answer,
    check_request,
    make_event,
    make_front,
)
from antiphase.region.handler import Region
from antiphase.region.server import make_server, serving
from antiphase.region.state_token import Keys
from edge import config
from edge.handler import lambda_handler
from tests.edge.events import Context, block

KEYS = Keys(dict(config.KEYS.secrets), config.KEYS.current)
GOOD: dict[str, Any] = {
    "status": "200",
    "headers": {"content-type": [{"key": "Content-Type", "value": "text/plain"}]},
    "body": "AAAA",
}
HEADER = [{"key": "Via", "value": "x"}]


@pytest.mark.parametrize(
    "change",
    [
        {"status": 200},
        {"status": "OK"},
        {"headers": {"Content-Type": HEADER}},
        {"headers": {"via": HEADER}},
        {"headers": {"x-amz-cf-id": HEADER}},
        {"headers": {"content-type": HEADER}},
        {"headers": {"content-type": "text/plain"}},
        {"bodyEncoding": "base64", "body": "AAA"},
        {"bodyEncoding": "gzip"},
        {"body": "A" * 1_000_001},
    ],
    ids=str,
)
def test_answer_against_the_rules_is_refused(change: dict[str, Any]) -> None:
    """What the platform turns into a 502 is refused with the reason."""
    check_answer(GOOD)
    with pytest.raises(ProtocolError):
        check_answer({**GOOD, **change})


@pytest.mark.parametrize(
    "change", [{"uri": "a"}, {"uri": None}, {"method": "PUT"}, {"clientIp": ""}]
)
def test_request_that_goes_on_keeps_what_is_read_only(change: dict[str, Any]) -> None:
    """A returned request needs a path, and keeps method and address."""
    event = make_event("POST", "/anc-process", {}, b"")
    request = event["Records"][0]["cf"]["request"]
    check_request(request, event)
    with pytest.raises(ProtocolError):
        check_request({**request, **change}, event)


def test_long_body_is_cut_as_the_platform_does() -> None:
    """The event shows 1 MB and says that it is not all."""
    body = make_event("POST", "/a?b=c", {}, bytes(1_000_001))["Records"][0]["cf"]["request"]
    assert body["body"]["inputTruncated"]
    assert (body["uri"], body["querystring"]) == ("/a", "b=c")


def ask(front_invoke: Callable[[Any], Any], request: Request) -> int:
    with ExitStack() as stack:
        region = stack.enter_context(serving(make_server(Region(KEYS))))
        front = stack.enter_context(serving(make_front(front_invoke, region)))
        connection = http.client.HTTPConnection(urlsplit(front).netloc, timeout=10)
        kind = {"Content-Type": "application/octet-stream"}
        connection.request("POST", "/anc-process", encode_request(request), kind)
        response = connection.getresponse()
        response.read()
        connection.close()
        return response.status


def test_handed_over_work_is_done_by_the_region() -> None:
    """RLS goes through the function to the origin behind it."""
    asked = Request(audio=block(400)[0], references=1, algorithm="rls", taps=16)
    assert ask(lambda event: lambda_handler(event, Context()), asked) == 200


def test_broken_or_busy_function_is_the_clients_affair() -> None:
    """A crash or an answer against the rules is a 502, the cap a 503; nobody else is asked."""

    def crash(_: object) -> None:
        raise EmulatorError("died")

    asked = Request(audio=block(400)[0], references=1)
    assert ask(crash, asked) == 502
    assert ask(lambda _: {**GOOD, "status": 200}, asked) == 502
    assert ask(lambda _: {"method": "PUT", "uri": "/anc-process"}, asked) == 502
    assert ask(lambda _: None, asked) == 503


def test_every_injected_fault_is_covered_by_the_client() -> None:
    """Killed, throttled, slow, failing or cut: each block is answered, the sound has no seam."""
    plan = [Fault(kind) for kind in FAULTS]
    due = iter([Fault(), *plan, *[Fault()] * 40])
    pcm, _, _ = block(2400)
    settings = Request(audio=pcm, references=1, encoding="float32", taps=32)
    with ExitStack() as stack:
        region = stack.enter_context(serving(make_server(Region(KEYS))))
        invoke = lambda event: lambda_handler(event, Context())  # noqa: E731 - a seam
        front = make_front(invoke, region, faults=lambda: next(due))
        url = stack.enter_context(serving(front))
        client = EdgeClient(url, region, settings, edge_timeout_s=0.4)
        parts = [client.process(pcm[4 * k : 4 * (k + 200)]) for k in range(0, 2400, 200)]
        client.close()
        whole = EdgeClient(region, region, settings)
        once = np.frombuffer(whole.process(pcm).audio, "<f4")
        whole.close()
    assert len(client.failures) == len(plan)
    assert client.answered == {"edge": 7, "region": 5}
    heard = np.concatenate([np.frombuffer(part.audio, "<f4") for part in parts])
    np.testing.assert_allclose(heard, once, rtol=0, atol=1e-5)
