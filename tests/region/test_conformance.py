"""One suite for both functions, each on the platform's runtime, in both forms of the contract."""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antiphase.region.client import EdgeClient
from antiphase.region.contract import Answer, Request
from antiphase.region.contract_binary import encode_request
from antiphase.region.wire import parse_answer
from tests.edge.events import block
from tests.region.places import BINARY, Places, post

Json = dict[str, Any]
Floats = npt.NDArray[np.float64]
PATH = (0.0, 0.8, 0.3, -0.1)
BOTH = pytest.mark.parametrize("place", ["edge", "region"])
PAIR = ["reference", "primary"]


def send(url: str, request: Request) -> Answer:
    said = post(url, encode_request(request), BINARY)
    assert said.status == 200, said.body
    return parse_answer(said.body, said.headers["content-type"])


def send_json(url: str, fields: Json) -> Json:
    said = post(url, json.dumps(fields).encode())
    assert said.status == 200, said.body
    values: Json = json.loads(said.body)
    return values


def fields(frames: int = 400, **more: object) -> Json:
    audio = base64.b64encode(block(frames)[0]).decode()
    return {"audio_data": audio, "channels": PAIR, "taps": 32, **more}


def samples(answer: Answer) -> Floats:
    return np.frombuffer(answer.audio, "<f4").astype(float)


@BOTH
def test_promised_form(places: Places, place: str) -> None:
    """The audio alone is enough, and the answer says where it ran."""
    audio = base64.b64encode(block(800)[0]).decode()
    values = send_json(getattr(places, place), {"audio_data": audio})
    assert values["where"] == place
    assert len(base64.b64decode(values["audio_data"])) == len(base64.b64decode(audio))
    assert len(base64.b64decode(values["state"])) <= 1024
    assert values["compute_ms"] > 0.0


@BOTH
def test_both_forms_are_one(places: Places, place: str) -> None:
    """JSON and bytes give the same samples and the same token."""
    url = getattr(places, place)
    text = send_json(url, fields())
    raw = send(url, Request(audio=block(400)[0], references=1, taps=32))
    assert base64.b64decode(text["audio_data"]) == raw.audio
    assert base64.b64decode(text["state"]) == raw.state
    assert text["attenuation_db"] == pytest.approx(raw.attenuation_db, abs=1e-3)
    assert (text["sequence"], text["where"]) == (raw.sequence, place)


@BOTH
@pytest.mark.parametrize("milliseconds", [50, 100, 200])
@pytest.mark.parametrize("fs", [8000, 16000])
def test_blocks_of_every_length(places: Places, place: str, fs: int, milliseconds: int) -> None:
    """Blocks of 50 to 200 ms at both rates are attenuated where they are sent."""
    frames = fs * milliseconds // 1000
    asked = Request(audio=block(frames)[0], sample_rate=fs, references=1)
    answer = send(getattr(places, place), asked)
    assert (answer.where, len(answer.audio)) == (place, 2 * frames)
    assert (answer.attenuation_db or 0.0) > 3.0


@pytest.mark.parametrize(
    "more",
    [{}, {"algorithm": "fxnlms", "secondary_path": PATH, "delay": 3}, {"references": 0}],
    ids=["nlms", "fxnlms", "prediction"],
)
def test_blocks_may_change_places(places: Places, more: Json) -> None:
    """Blocks that alternate between edge and region give what one long block gives."""
    pcm = block(2000)[0]
    base = Request(**{"audio": pcm, "references": 1, "taps": 32, "encoding": "float32", **more})
    width = 2 * (base.references + 1)
    once = samples(send(places.region, base))
    state, parts = b"", []
    for k in range(len(once) // 400):
        url, where = (places.edge, "edge") if k % 2 else (places.region, "region")
        audio = pcm[width * 400 * k : width * 400 * (k + 1)]
        answer = send(url, base.changed(audio=audio, state=state))
        assert (answer.where, answer.sequence) == (where, k)
        state = answer.state
        parts.append(samples(answer))
    error = np.concatenate(parts) - once
    assert 10 * np.log10(np.sum(error**2) / np.sum(once**2)) < -100


@BOTH
@pytest.mark.parametrize(
    "more",
    [
        {"algorithm": "rls"},
        {"algorithm": "fxrls", "secondary_path": PATH},
        {"algorithm": "affine_projection"},
        {"algorithm": "multichannel", "references": 2, "secondary_path": PATH},
        {"algorithm": "wiener", "secondary_path": PATH},
        {"algorithm": "infer", "errors": 0},
        {"taps": 2000},
    ],
    ids=lambda more: str(more.get("algorithm", "many taps")),
)
def test_work_of_the_region(places: Places, place: str, more: Json) -> None:
    """What the edge hands over comes back from the region, and its state goes on."""
    base = Request(**{"audio": block(1200)[0], "references": 1, "taps": 32, **more})
    url = getattr(places, place)
    first = send(url, base)
    second = send(url, base.changed(state=first.state, sequence=1))
    assert (first.where, second.where, second.sequence) == ("region", "region", 1)
    assert len(first.state) <= 4096


@BOTH
def test_repeated_block_has_the_same_answer(places: Places, place: str) -> None:
    """The same block under the same number twice: the same samples and state, also where stored."""
    url = getattr(places, place)
    for algorithm in ("nlms", "rls"):
        base = Request(audio=block(400)[0], references=1, taps=64, algorithm=algorithm)
        first = send(url, base.changed(sequence=0))
        asked = base.changed(sequence=1, state=first.state)
        one, two = send(url, asked), send(url, asked)
        assert (one.audio, one.state) == (two.audio, two.state)


@BOTH
def test_forged_and_stale_states(places: Places, place: str) -> None:
    """A changed bit is a 403, another version a 400, an old number in strict order a 409."""
    url = getattr(places, place)
    asked = Request(audio=block(400)[0], references=1, taps=32, sequence=5, strict=True)
    state = send(url, asked).state
    forged = bytes([*state[:60], state[60] ^ 1, *state[61:]])
    future = bytes([*state[:2], 9, *state[3:]])
    for token, status in ((forged, 403), (future, 400), (state, 409)):
        said = post(url, encode_request(asked.changed(state=token)), BINARY)
        assert said.status == status
        assert_one_line(said.body)
    assert send(url, asked.changed(state=state, strict=False)).sequence == 5


def assert_one_line(body: bytes) -> None:
    reason = json.loads(body)["error"]
    assert 0 < len(reason) < 300
    assert "\n" not in reason


@BOTH
def test_preflight(places: Places, place: str) -> None:
    """A page of any origin may send a block."""
    said = post(getattr(places, place), b"", method="OPTIONS")
    assert said.status == 204
    assert said.headers["access-control-allow-origin"] == "*"
    assert "content-type" in said.headers["access-control-allow-headers"]


@BOTH
def test_bodies_around_one_megabyte(places: Places, place: str) -> None:
    """Just under 1 MB is processed; what the edge is not shown whole is a 413."""
    url = getattr(places, place)
    pcm = np.tile(np.frombuffer(block(4000)[0], np.uint8), 63)[: 999_900 // 4 * 4].tobytes()
    small = Request(audio=pcm, references=1, taps=8)
    assert send(url, small).where == place
    # More work than the edge takes, and an answer longer than it may give.
    for big in (small.changed(taps=128), small.changed(encoding="float32")):
        answer = send(url, big)
        assert answer.where == "region"
        assert len(answer.audio) == (len(pcm) if big.encoding == "float32" else len(pcm) // 2)
    text = {"audio_data": base64.b64encode(pcm[:720_000]).decode(), "channels": PAIR, "taps": 8}
    assert len(json.dumps(text)) > 960_000
    assert len(base64.b64decode(send_json(url, text)["audio_data"])) == 360_000
    said = post(url, encode_request(Request(audio=pcm + pcm[:400], references=1)), BINARY)
    assert said.status == (413 if place == "edge" else 200)


def test_client_takes_a_cut_block_to_the_region(places: Places) -> None:
    """A block that the edge is not shown whole is answered by the region, without a seam."""
    pcm = np.tile(np.frombuffer(block(4000)[0], np.uint8), 64).tobytes()
    client = EdgeClient(
        places.edge, places.region, Request(audio=pcm, references=1, taps=16), edge_timeout_s=5.0
    )
    first, cut, last = (client.process(part) for part in (pcm[:1600], pcm, pcm[:1600]))
    client.close()
    assert [answer.where for answer in (first, cut, last)] == ["edge", "region", "edge"]
    assert [answer.sequence for answer in (first, cut, last)] == [0, 1, 2]
    assert client.failures == ["status 413"]


JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=20),
    st.lists(st.one_of(st.integers(), st.text(max_size=3), st.lists(st.integers()))),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
)
NAMES = [
    *("audio_data", "sample_rate", "channels", "algorithm", "taps", "mu", "leakage", "delay"),
    *("order", "secondary_path", "state", "sequence", "strict", "output", "encoding", "colour"),
]


@settings(max_examples=60, deadline=None)
@given(name=st.sampled_from(NAMES), value=JUNK)
def test_any_field_of_any_kind(places: Places, name: str, value: object) -> None:
    """Whatever a field holds, both functions answer alike: 200, or 4xx with one line."""
    body = json.dumps({**fields(40), name: value}).encode()
    near, far = post(places.edge, body), post(places.region, body)
    assert near.status == far.status
    assert near.status == 200 or 400 <= near.status < 500
    if near.status != 200:
        assert_one_line(near.body)
        assert json.loads(near.body)["error"] == json.loads(far.body)["error"]


@settings(max_examples=60, deadline=None)
@given(
    changes=st.dictionaries(st.integers(0, 70), st.integers(0, 255), max_size=4),
    cut=st.one_of(st.just(400), st.integers(0, 250)),
)
def test_any_bytes(places: Places, changes: dict[int, int], cut: int) -> None:
    """Whatever the bytes of the binary form, both functions answer alike: 200, or 4xx in a line."""
    body = bytearray(encode_request(Request(audio=block(40)[0], references=1, taps=8)))
    for place, byte in changes.items():
        body[place] = byte
    near, far = (post(url, bytes(body[:cut]), BINARY) for url in places)
    assert near.status == far.status
    assert near.status == 200 or 400 <= near.status < 500
    if near.status != 200:
        assert_one_line(near.body)
        assert json.loads(near.body)["error"] == json.loads(far.body)["error"]


@BOTH
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b'{"audio_data": "A"}',
        b'{"audio_data": "AAAA"}',
        b'{"audio_data": ""}',
        b'{"audio_data": "AAA=", "mu": NaN}',
        b'{"audio_data": "AAA=", "mu": 1e400}',
        b'{"audio_data": "AAA=", "sample_rate": 44.1}',
    ],
    ids=["empty", "null", "base64", "odd", "no audio", "NaN", "infinity", "rate"],
)
def test_bad_bodies(places: Places, place: str, body: bytes) -> None:
    """Bad base64, odd byte counts, NaN, a wrong rate and empty bodies are a 400 in one line."""
    said = post(getattr(places, place), body)
    assert said.status == 400
    assert_one_line(said.body)
