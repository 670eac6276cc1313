"""The binary form."""

from __future__ import annotations

import pytest

from antiphase.region.contract import Answer, ContractError, Request
from antiphase.region.contract_binary import (
    answer_to_bytes,
    encode_request,
    parse_binary_answer,
    parse_bytes,
)

REQUEST = Request(
    audio=bytes(range(8)),
    sample_rate=8000,
    algorithm="fxnlms",
    references=1,
    taps=64,
    mu=0.25,
    delay=800,
    secondary_path=(0.5, -0.25),
    state=b"token",
    sequence=9,
    binary=True,
)


def test_request_comes_back_as_it_was() -> None:
    """Writing and reading a request is the identity."""
    assert parse_bytes(encode_request(REQUEST)) == REQUEST


@pytest.mark.parametrize("size", [0, 10, 50, 60])
def test_cut_request_is_refused(size: int) -> None:
    """A request that ends early is a 400."""
    with pytest.raises(ContractError):
        parse_bytes(encode_request(REQUEST)[:size])


@pytest.mark.parametrize("details", [None, {"choice": "engine"}])
def test_answer_comes_back_as_it_was(details: dict[str, str] | None) -> None:
    """Writing and reading an answer is the identity."""
    answer = Answer(b"\1\2", b"\3", 4, 8000, 12.5, 1.5, "edge", "python", details=details)
    assert parse_binary_answer(answer_to_bytes(answer)) == answer
    with pytest.raises(ValueError, match="shorter"):
        parse_binary_answer(b"ANC1")
