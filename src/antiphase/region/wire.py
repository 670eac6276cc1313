"""Either form of the contract, chosen by content type."""

from __future__ import annotations

from .contract import JSON_TYPE, OCTET_TYPE, Answer, ContractError, Request
from .contract_binary import answer_to_bytes, parse_binary_answer, parse_bytes
from .contract_json import answer_to_json, parse_json, parse_json_answer

__all__ = ["encode_answer", "parse_answer", "parse_request"]


def parse_request(body: bytes, content_type: str) -> Request:
    """Read a request.

    Raises
    ------
    ContractError
        With status 400, 413 or 415.
    """
    kind = content_type.split(";", maxsplit=1)[0].strip().lower()
    if kind == OCTET_TYPE:
        return parse_bytes(body)
    if kind == JSON_TYPE:
        return parse_json(body)
    raise ContractError(415, f"content-type must be {JSON_TYPE} or {OCTET_TYPE}")


def encode_answer(answer: Answer, *, binary: bool) -> tuple[bytes, str]:
    """Return the body and its content type."""
    if binary:
        return answer_to_bytes(answer), OCTET_TYPE
    return answer_to_json(answer), JSON_TYPE


def parse_answer(body: bytes, content_type: str) -> Answer:
    """Read an answer (for clients); `ValueError` if it is none."""
    if content_type.split(";", maxsplit=1)[0].strip().lower() == OCTET_TYPE:
        return parse_binary_answer(body)
    return parse_json_answer(body)
