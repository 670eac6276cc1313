"""The regional function through events, and against the edge."""

from __future__ import annotations

import base64

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antiphase.region.contract import Answer, Request
from antiphase.region.contract_binary import encode_request
from antiphase.region.handler import Region
from antiphase.region.state_token import Keys
from antiphase.region.wire import parse_answer
from edge import config
from edge.handler import lambda_handler
from tests.edge.events import Context, block, event

KEYS = Keys(dict(config.KEYS.secrets), config.KEYS.current)
PATH = (0.0, 0.8, 0.3, -0.1)
BASE = Request(audio=block(400)[0], references=1, encoding="float32", binary=True, taps=64)


def at_region(request: Request, region: Region) -> Answer:
    reply = region.serve(encode_request(request), "application/octet-stream")
    assert reply.status == 200, reply.body
    return parse_answer(reply.body, reply.content_type)


def at_edge(request: Request) -> Answer:
    kind = "application/octet-stream"
    answer = lambda_handler(event(encode_request(request), kind), Context())
    return parse_answer(base64.b64decode(answer["body"]), kind)


def samples(answer: Answer) -> npt.NDArray[np.float64]:
    return np.frombuffer(answer.audio, "<f4").astype(float)


@pytest.mark.parametrize(
    "request_",
    [
        BASE,
        BASE.changed(output="residual", leakage=0.9999),
        BASE.changed(references=0, delay=5),
        BASE.changed(algorithm="fxnlms", secondary_path=PATH, mu=0.05),
        BASE.changed(algorithm="fxnlms", secondary_path=PATH, delay=30, taps=20),
    ],
    ids=["nlms", "leaky", "prediction", "fxnlms", "late error"],
)
def test_edge_and_region_are_one_filter(request_: Request) -> None:
    """Blocks may change places: samples, tokens and attenuation agree whoever answered before."""
    region = Region(KEYS)
    here = there = b""
    for k in range(4):
        pcm, _, _ = block(400, seed=k, level=0.2 if k < 2 else 0.02)
        asked = request_.changed(audio=pcm, sequence=k)
        a = at_edge(asked.changed(state=here))
        b = at_region(asked.changed(state=there), region)
        np.testing.assert_allclose(samples(a), samples(b), rtol=0, atol=3e-6)
        assert a.attenuation_db == pytest.approx(b.attenuation_db, abs=0.02)
        assert (a.where, b.where, a.sequence, b.sequence) == ("edge", "region", k, k)
        here, there = b.state, a.state


@pytest.mark.parametrize(
    "request_",
    [
        BASE.changed(algorithm="rls"),
        BASE.changed(algorithm="fxrls", secondary_path=PATH, delay=3),
        BASE.changed(algorithm="affine_projection"),
        BASE.changed(algorithm="multichannel", secondary_path=PATH, mu=0.1),
        BASE.changed(taps=2000),
    ],
    ids=["rls", "fxrls", "affine projection", "multichannel", "stored nlms"],
)
def test_repeated_block_gives_the_same_answer(request_: Request) -> None:
    """A block sent twice changes nothing: same samples, same state, also with stored states."""
    region = Region(KEYS)
    state, whole = b"", []
    for k in range(3):
        pcm = block(1200)[0][4 * 400 * k : 4 * 400 * (k + 1)]
        asked = request_.changed(audio=pcm, state=state, sequence=k)
        answer = at_region(asked, region)
        if k:
            again = at_region(asked, region)
            assert (again.audio, again.state) == (answer.audio, answer.state)
        assert len(answer.state) <= 4096
        state = answer.state
        whole.append(samples(answer))
    once = at_region(request_.changed(audio=block(1200)[0]), Region(KEYS))
    np.testing.assert_allclose(np.concatenate(whole), samples(once), rtol=0, atol=2e-5)


def test_rls_cancels() -> None:
    """RLS takes out what the reference explains, down to the noise of the primary."""
    region = Region(KEYS)
    first = at_region(BASE.changed(algorithm="rls"), region)
    second = BASE.changed(algorithm="rls", audio=block(400, 1)[0], state=first.state)
    assert (at_region(second, region).attenuation_db or 0.0) > 15.0


def test_design_reaches_its_bound() -> None:
    """The designed filter's drive through the path leaves what the answer says."""
    pcm, _, d = block(4000)
    asked = BASE.changed(algorithm="wiener", audio=pcm, secondary_path=(0.0, 1.0))
    answer = at_region(asked, Region(KEYS))
    assert answer.details is not None
    error = d + np.convolve(samples(answer), [0.0, 1.0])[: len(d)]
    gain = 10 * np.log10(np.sum(d**2) / np.sum(error**2))
    assert gain == pytest.approx(answer.details["nr_db"], abs=0.05)
    assert gain > 20


def test_expired_state_is_a_conflict() -> None:
    """A stored state that is gone is a 409 that says to start anew."""
    asked = BASE.changed(algorithm="rls")
    state = at_region(asked, Region(KEYS)).state
    body = encode_request(asked.changed(state=state))
    assert Region(KEYS).serve(body, "application/octet-stream").status == 409


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300))
def test_no_body_breaks_the_function(body: bytes) -> None:
    """Whatever the bytes, the answer is not a 5xx."""
    region = Region(KEYS)
    for raw in (body, b"ANC1\x01" + body):
        for kind in ("application/json", "application/octet-stream"):
            assert region.serve(raw, kind).status < 500
