"""The edge function on recorded events."""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge import config, handler
from edge.handler import EdgeNLMSFilter, decode_audio, encode_audio, lambda_handler
from edge.state_token import Keys, open_state, seal_state
from tests.edge.events import Context, block, event, load_event

Json = dict[str, Any]


def ask(body: Json | bytes, left_ms: int = 29_000) -> Json:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer: Json = lambda_handler(event(raw), Context(left_ms))
    return answer


def pair(frames: int = 400, **fields: object) -> Json:
    pcm, _, _ = block(frames)
    audio = base64.b64encode(pcm).decode()
    return {"audio_data": audio, "channels": ["reference", "primary"], **fields}


def body_of(answer: Json) -> Json:
    values: Json = json.loads(answer["body"])
    return values


def test_promised_request_is_answered() -> None:
    """The audio alone is enough: NLMS with 128 taps predicts it and answers its inversion."""
    answer = lambda_handler(load_event("post_json_block"), Context())
    assert answer["status"] == "200"
    assert all(name == name.lower() for name in answer["headers"])
    values = body_of(answer)
    assert values["where"] == "edge"
    assert values["attenuation_db"] > 3.0
    anti = np.frombuffer(base64.b64decode(values["audio_data"]), "<i2")
    sent = json.loads(
        base64.b64decode(
            load_event("post_json_block")["Records"][0]["cf"]["request"]["body"]["data"]
        )
    )
    heard = np.frombuffer(base64.b64decode(sent["audio_data"]), "<i2")
    assert np.corrcoef(anti[200:], heard[200:])[0, 1] < -0.9


def test_binary_block_is_answered_in_bytes() -> None:
    """The binary form comes back as base64 of the binary form."""
    answer = lambda_handler(load_event("post_binary_block"), Context())
    assert answer["status"] == "200"
    assert answer["bodyEncoding"] == "base64"
    assert base64.b64decode(answer["body"])[:4] == b"ANC1"


def test_truncated_body_is_too_large() -> None:
    """A body that the platform cut is refused with 413."""
    answer = lambda_handler(load_event("post_json_truncated_at_1_mb"), Context())
    assert answer["status"] == "413"


@pytest.mark.parametrize("name", ["post_json_rls", "get_of_a_page"])
def test_work_of_the_region_is_handed_over(name: str) -> None:
    """What is not for the edge goes on to the origin unchanged."""
    sent = load_event(name)
    assert lambda_handler(sent, Context()) == load_event(name)["Records"][0]["cf"]["request"]


def test_preflight_is_answered() -> None:
    """A browser's preflight gets its permission at the edge."""
    assert lambda_handler(load_event("options_preflight"), Context())["status"] == "204"


@pytest.mark.parametrize(
    "fields",
    [
        {"taps": 4000},
        {"algorithm": "affine_projection"},
        {"taps": 1000, "audio_data": "AAAA" * 12000},
    ],
    ids=["many taps", "algorithm", "much work"],
)
def test_big_work_is_handed_over(fields: Json) -> None:
    """Too many taps, another algorithm or too much work returns the request."""
    assert "status" not in ask({**pair(), **fields})


def test_short_time_is_handed_over() -> None:
    """With too little time left the request goes on."""
    assert "status" not in ask(pair(), left_ms=20)


def test_own_fault_is_handed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """An exception of the function itself returns the request, not an error."""
    monkeypatch.setattr(handler, "process_block", lambda *_: 1 // 0)
    assert "status" not in ask(pair())


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"audio_data": "§"}, "400"),
        ({"audio_data": "AAA="}, "400"),
        ({"audio_data": ""}, "400"),
        ({"mu": 2.5}, "400"),
        ({"sample_rate": 1}, "400"),
        ({"taps": 0}, "400"),
        ({"algorithm": "magic"}, "400"),
        ({"algorithm": "fxnlms"}, "400"),
        ({"secondary_path": [[1]]}, "400"),
        ({"secondary_path": ["1"]}, "400"),
        ({"state": "AAAA"}, "400"),
        ({"colour": 1}, "400"),
        ({"channels": ["primary", "reference"]}, "400"),
        ({"channels": [{}]}, "400"),
        ({"channels": {"reference": 1}}, "400"),
    ],
)
def test_bad_field_has_one_line(fields: Json, status: str) -> None:
    """A fault of the request is a 4xx with a one-line reason."""
    answer = ask({**pair(), **fields})
    assert answer["status"] == status
    assert "\n" not in body_of(answer)["error"]


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b"\xff", b'{"audio_data": "AAA=", "mu": NaN}', b"[" * 90000]
)
def test_bad_body_is_refused(body: bytes) -> None:
    """A body that is no JSON object is a 400."""
    assert ask(body)["status"] == "400"


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300))
def test_no_body_breaks_the_function(body: bytes) -> None:
    """Whatever the bytes, the answer is a 4xx in either form."""
    for kind in ("application/json", "application/octet-stream"):
        assert lambda_handler(event(body, kind), Context())["status"].startswith("4")
    head = b"ANC1\x01" + body
    answer = lambda_handler(event(head, "application/octet-stream"), Context())
    assert answer.get("status", "origin") in ("origin", "200", "400", "403", "409", "413")


def test_state_carries_over() -> None:
    """Blocks with the token give what one long block gives, to the rounding of float32 taps."""
    pcm, _, _ = block(1600)
    whole = ask(pair(1600, encoding="float32"))
    expected = np.frombuffer(base64.b64decode(body_of(whole)["audio_data"]), "<f4")
    state, parts = "", []
    for k in range(0, 1600, 400):
        audio = base64.b64encode(pcm[4 * k : 4 * (k + 400)]).decode()
        values = body_of(
            ask({**pair(), "audio_data": audio, "state": state, "encoding": "float32"})
        )
        state = values["state"]
        parts.append(np.frombuffer(base64.b64decode(values["audio_data"]), "<f4"))
        assert values["sequence"] == k // 400
        assert len(base64.b64decode(state)) <= 1024
    difference = np.concatenate(parts) - expected
    assert 20 * np.log10(np.std(difference) / np.std(expected)) < -120


def test_forged_state_is_forbidden() -> None:
    """One changed bit of the token is a 403."""
    state = bytearray(base64.b64decode(body_of(ask(pair()))["state"]))
    state[60] ^= 1
    assert ask(pair(state=base64.b64encode(state).decode()))["status"] == "403"


def test_stale_block_is_refused_only_in_strict_order() -> None:
    """An old sequence number is a 409 where order is strict, and served elsewhere."""
    state = body_of(ask(pair(sequence=7)))["state"]
    assert ask(pair(state=state, sequence=7, strict=True))["status"] == "409"
    assert ask(pair(state=state, sequence=7))["status"] == "200"


def test_state_of_another_filter_is_refused() -> None:
    """A token made with other taps says what to change."""
    state = body_of(ask(pair()))["state"]
    answer = ask(pair(state=state, taps=64))
    assert answer["status"] == "400"
    assert "taps=64 must be 128" in body_of(answer)["error"]


def test_keys_rotate() -> None:
    """A token of the old key opens while both are valid, and no longer once it is retired."""
    old, new = bytes(16), bytes(range(16))
    state = open_state(base64.b64decode(body_of(ask(pair()))["state"]), config.KEYS)
    token = seal_state(state, Keys({1: old}, 1))
    assert open_state(token, Keys({1: old, 2: new}, 2)) == state
    with pytest.raises(ValueError, match="retired"):
        open_state(token, Keys({2: new}, 2))


def test_filter_without_http() -> None:
    """The promised class and codecs work on their own."""
    _, x, d = block(800)
    anti = EdgeNLMSFilter().process(x.tolist(), d.tolist())
    residual = d + np.array(anti)
    assert np.std(residual[600:]) < 0.3 * np.std(d[600:])
    assert decode_audio(encode_audio([0.0, 1.0])) == b"\x00\x00\xff\x7f"
