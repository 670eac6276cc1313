"""Either form, by content type."""

from __future__ import annotations

import pytest

from antiphase.region.contract import Answer, ContractError, Request
from antiphase.region.contract_binary import encode_request
from antiphase.region.wire import encode_answer, parse_answer, parse_request


@pytest.mark.parametrize("binary", [False, True])
def test_answer_names_its_form(binary: bool) -> None:
    """An answer is read back by the content type it was given."""
    answer = Answer(b"\1\2", b"", 0, 8000, 3.0, 0.5, "edge", "python")
    assert parse_answer(*encode_answer(answer, binary=binary)) == answer


def test_form_is_chosen_by_content_type() -> None:
    """Parameters and case of the content type do not matter; another type is a 415."""
    body = encode_request(Request(audio=bytes(4)))
    assert parse_request(body, "Application/Octet-Stream; x=1").binary
    with pytest.raises(ContractError) as fault:
        parse_request(body, "text/plain")
    assert fault.value.status == 415
