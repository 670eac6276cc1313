"""The JSON form."""

from __future__ import annotations

import json

import pytest

from antiphase.region.contract import Answer, ContractError
from antiphase.region.contract_json import answer_to_json, parse_json, parse_json_answer


def test_promised_form_is_a_whole_request() -> None:
    """The audio alone means NLMS, 128 taps, 16 kHz, one channel."""
    request = parse_json(b'{"audio_data": "AAD/fw=="}')
    assert (request.algorithm, request.taps, request.sample_rate) == ("nlms", 128, 16000)


def test_paths_of_many_loudspeakers_keep_their_order() -> None:
    """[error][loudspeaker][tap] is flattened in that order."""
    body = {
        "audio_data": "AAAAAAAA",
        "channels": ["reference", "error", "error"],
        "algorithm": "multichannel",
        "secondary_path": [[[1, 2], [3, 4]], [[5, 6], [7, 8]]],
    }
    request = parse_json(json.dumps(body).encode())
    assert request.secondary_path == tuple(map(float, range(1, 9)))
    assert (request.references, request.errors, request.loudspeakers) == (1, 2, 2)


@pytest.mark.parametrize("text", ['{"mu": Infinity}', '{"audio_data": 1}', "{}", "[1]", "nul"])
def test_other_text_is_refused(text: str) -> None:
    """What is no request is a 400."""
    with pytest.raises(ContractError):
        parse_json(text.encode())


def test_answer_comes_back_as_it_was() -> None:
    """Writing and reading an answer is the identity."""
    answer = Answer(b"\1\2", b"\3", 4, 8000, None, 1.5, "region", "native", details={"a": [1]})
    assert parse_json_answer(answer_to_json(answer)) == answer
