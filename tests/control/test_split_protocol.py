"""Bytes and JSON of split control: there and back, and nothing hostile gets through."""

from __future__ import annotations

import dataclasses
import json
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antiphase.control.split_messages import Ack, Block, Message, Nack, Probe, Push, Rollback
from antiphase.control.split_protocol import MOST_BYTES, decode, decode_json, encode, encode_json
from antiphase.errors import ProtocolError

RNG = np.random.default_rng(5)


def _block(level: float = 1.0) -> Block:
    x, y, e = (level * RNG.standard_normal((80, n)).astype(np.float32) for n in (1, 2, 3))
    return Block(
        7, 5600, 8000, x, y, e, 3, 1, muted=True, clipped=(True, False, True), gaps=((0, 4), (9, 1))
    )


TAPS = RNG.standard_normal((2, 1, 16)).astype(np.float32)
PATH = RNG.standard_normal((3, 2, 4)).astype(np.float32)
MESSAGES: list[Message] = [
    _block(),
    Push(4, TAPS, 6400, 80, 2, PATH),
    Push(5, TAPS, 2**40, 0),
    Ack(4, 6411),
    Nack(5, "rolled_back"),
    Rollback(0),
    Probe("gaussian", 9, -37.5),
    Probe(level_db=-np.inf),
]


def _same(a: Message, b: Message, tolerance: float) -> None:
    assert type(a) is type(b)
    for field in dataclasses.fields(a):
        one, two = getattr(a, field.name), getattr(b, field.name)
        if isinstance(one, np.ndarray):
            assert one.shape == two.shape
            np.testing.assert_allclose(one, two, atol=tolerance * np.abs(one).max(initial=0.0))
        else:
            assert one == two, field.name


@pytest.mark.parametrize("message", MESSAGES, ids=lambda m: type(m).__name__)
def test_bytes_there_and_back(message: Message) -> None:
    """All fields survive; samples to half a step of 16 bits of their own peak."""
    _same(message, decode(encode(message)), 0.51 / 32767)


@pytest.mark.parametrize("message", MESSAGES, ids=lambda m: type(m).__name__)
def test_json_there_and_back(message: Message) -> None:
    """The JSON mirror holds the same values."""
    _same(message, decode_json(encode_json(message)), 1e-6)


@pytest.mark.parametrize("level", [1e-6, 1.0, 1e4])
def test_quiet_signals_keep_their_resolution(level: float) -> None:
    """The rounding error lies 90 dB below the signal, however quiet the microphone."""
    block = _block(level)
    back = decode(encode(block))
    assert isinstance(back, Block)
    error = np.sum((back.error - block.error) ** 2) / np.sum(block.error**2)
    assert 10 * np.log10(error) < -85


def test_a_100_ms_block_at_8_khz_is_affordable() -> None:
    """4.8 kB of samples and less than 64 bytes around them."""
    x = RNG.standard_normal((800, 1)).astype(np.float32)
    assert 4800 <= len(encode(Block(0, 0, 8000, x, x, x))) < 4864


def test_silence_needs_no_scale() -> None:
    """A block of zeros decodes to zeros."""
    x = np.zeros((8, 1), np.float32)
    back = decode(encode(Block(0, 0, 8000, x, x, x)))
    assert isinstance(back, Block)
    assert not back.drive.any()


@pytest.mark.parametrize("message", MESSAGES, ids=lambda m: type(m).__name__)
def test_each_cut_and_each_extension_is_refused(message: Message) -> None:
    """A message that is a byte short or long at any place is no message."""
    data = encode(message)
    for end in {*range(min(len(data), 80)), len(data) - 1}:
        with pytest.raises(ProtocolError):
            decode(data[:end])
    with pytest.raises(ProtocolError):
        decode(data + b"\0")


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200))
def test_junk_is_refused_or_is_a_message(junk: bytes) -> None:
    """Whatever comes, it is a message or a ProtocolError, with our header before it or not."""
    for data in (junk, b"AP\x01" + junk):
        try:
            decode(data)
        except ProtocolError:
            continue


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_flipped_bytes_never_escape(data: st.DataObject) -> None:
    """A message with bytes overwritten decodes or is refused, and its floats stay finite."""
    message = data.draw(st.sampled_from(MESSAGES))
    raw = bytearray(encode(message))
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    try:
        back = decode(bytes(raw))
    except ProtocolError:
        return
    if isinstance(back, Push):
        assert np.isfinite(back.taps).all()


def test_a_huge_promise_allocates_nothing() -> None:
    """A push that claims 2³² taps in twenty bytes is refused before any array is made."""
    head = struct.pack("<2sBB", b"AP", 1, 2)
    body = struct.pack("<IIqI6I", 1, 0, 0, 0, 2**32 - 1, 2**32 - 1, 2**32 - 1, 0, 0, 0)
    with pytest.raises(ProtocolError, match="bytes after its header"):
        decode(head + body)
    with pytest.raises(ProtocolError, match="at most"):
        decode(bytes(MOST_BYTES + 1))


def test_what_would_be_too_long_is_not_sent() -> None:
    """A block beyond the limit is the sender's error, said before it is sent."""
    x = np.zeros((MOST_BYTES // 4, 1), np.float32)
    with pytest.raises(ProtocolError, match="at most"):
        encode(Block(0, 0, 8000, x, x, x))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"type": "push"}',
        '{"type": "ack", "version": 1, "applied_at": "now"}',
        '{"type": "probe", "level_db": 5}',
        json.dumps({"type": "push", "version": 1, "taps": [[["a"]]]}),
        "[" * 5000,
    ],
)
def test_json_that_is_no_message_is_refused(text: str) -> None:
    """Text that is not what `encode_json` writes gives a ProtocolError."""
    with pytest.raises(ProtocolError):
        decode_json(text)
