"""The JSON form of the contract."""

from __future__ import annotations

import binascii
import json
import math
from typing import Any

from .contract import Answer, ContractError, Request, need

__all__ = ["answer_to_json", "decode_audio", "encode_base64", "parse_json", "parse_json_answer"]

FIELDS = frozenset(
    (
        "audio_data",
        "sample_rate",
        "channels",
        "algorithm",
        "taps",
        "mu",
        "leakage",
        "delay",
        "order",
        "secondary_path",
        "state",
        "sequence",
        "strict",
        "output",
        "encoding",
    )
)


def decode_audio(audio_data: object, name: str = "audio_data") -> bytes:
    """Return the bytes of a base64 field.

    Raises
    ------
    ContractError
        If it is no base64 text.
    """
    need(isinstance(audio_data, str), name, type(audio_data).__name__, "base64 text")
    try:
        return binascii.a2b_base64(str(audio_data), strict_mode=True)
    except ValueError:
        raise ContractError(400, f"{name} is not valid base64") from None


def encode_base64(data: bytes) -> str:
    """Return bytes as base64 text."""
    return binascii.b2a_base64(data, newline=False).decode()


def _no_constant(text: str) -> float:
    raise ContractError(400, f"{text} is no JSON number")


def _number(values: dict[str, Any], name: str, default: float | None) -> float | None:
    value = values.get(name, default)
    if value is None:
        return None
    ok = isinstance(value, (int, float)) and not isinstance(value, bool)
    need(ok and abs(value) < 1e18 and math.isfinite(value), name, value, "a finite number")
    return float(value)


def _integer(values: dict[str, Any], name: str, default: int | None) -> int | None:
    value = values.get(name, default)
    if value is None and default is None:
        return None
    need(isinstance(value, int) and not isinstance(value, bool), name, value, "a whole number")
    return int(value or 0)


def _text(values: dict[str, Any], name: str, default: str) -> str:
    value = values.get(name, default)
    need(isinstance(value, str), name, value, "text")
    return str(value)


def _path(value: object) -> tuple[tuple[float, ...], int]:
    """Return the taps in one row and the number of loudspeakers."""
    if value is None:
        return (), 1
    rule = "a list of numbers, or [error][loudspeaker][tap]"
    need(isinstance(value, list) and value != [], "secondary_path", value, rule)
    rows: list[Any] = value  # type: ignore[assignment]  # checked above
    speakers = 1
    if isinstance(rows[0], list):
        speakers = len(rows[0])
        even = all(isinstance(row, list) and len(row) == speakers > 0 for row in rows)
        need(even, "secondary_path", "shape", rule)
        rows = [path for row in rows for path in row]
        even = all(isinstance(path, list) and len(path) == len(rows[0]) > 0 for path in rows)
        need(even, "secondary_path", "shape", rule)
        rows = [tap for path in rows for tap in path]
    need(all(type(tap) in (int, float) for tap in rows), "secondary_path", "content", rule)
    need(all(abs(tap) <= 1e6 for tap in rows), "secondary_path", "values", "at most 1e6 in size")
    return tuple(map(float, rows)), speakers


def _roles(value: object) -> tuple[int, int]:
    """Return the number of references and of primaries or errors."""
    listed = isinstance(value, list) and all(isinstance(role, str) for role in value)
    names: list[Any] = value if listed else [None]  # type: ignore[assignment]  # checked
    references = names.count("reference")
    rest = set(names[references:])
    ok = rest <= {"error"} or rest <= {"primary"}
    rule = 'a list such as ["reference", "error"], the references first'
    need(ok and len(names) > 0 and "reference" not in rest, "channels", value, rule)
    need(names[:references] == ["reference"] * references, "channels", value, rule)
    return references, len(names) - references


def parse_json(body: bytes) -> Request:
    """Read a request; `ContractError` with status 400 or 413 if it is none."""
    try:
        values = json.loads(body, parse_constant=_no_constant)
    except ContractError:
        raise
    except (ValueError, RecursionError):
        raise ContractError(400, "the body is no JSON text") from None
    if not isinstance(values, dict):
        raise ContractError(400, "the body must be a JSON object")
    unknown = sorted(set(values) - FIELDS)
    if unknown:
        raise ContractError(400, f"{unknown[0][:40]!a} is no field of the request")
    if "audio_data" not in values:
        raise ContractError(400, "audio_data is missing")
    references, errors = _roles(values.get("channels", ["primary"]))
    path, speakers = _path(values.get("secondary_path"))
    strict = values.get("strict", False)
    need(isinstance(strict, bool), "strict", strict, "true or false")
    return Request(
        audio=decode_audio(values["audio_data"]),
        sample_rate=_integer(values, "sample_rate", 16000) or 0,
        algorithm=_text(values, "algorithm", "nlms"),
        references=references,
        errors=errors,
        loudspeakers=speakers,
        taps=_integer(values, "taps", 128) or 0,
        mu=_number(values, "mu", None),
        leakage=_number(values, "leakage", 1.0) or 0.0,
        delay=_integer(values, "delay", 0) or 0,
        order=_integer(values, "order", 4) or 0,
        secondary_path=path,
        state=decode_audio(values.get("state") or "", "state"),
        sequence=_integer(values, "sequence", None),
        strict=bool(strict),
        output=_text(values, "output", "anti_noise"),
        encoding=_text(values, "encoding", "pcm16"),
    )


def answer_to_json(answer: Answer) -> bytes:
    """Return the JSON form of an answer."""
    body: dict[str, Any] = {
        "audio_data": encode_base64(answer.audio),
        "state": encode_base64(answer.state),
        "sequence": answer.sequence,
        "sample_rate": answer.sample_rate,
        "attenuation_db": answer.attenuation_db,
        "compute_ms": round(answer.compute_ms, 3),
        "where": answer.where,
        "engine": answer.engine,
        "encoding": answer.encoding,
    }
    if answer.details is not None:
        body["details"] = answer.details
    return json.dumps(body, allow_nan=False).encode()


def parse_json_answer(body: bytes) -> Answer:
    """Read an answer (for clients); `ValueError` if it is none."""
    values = json.loads(body)
    if not isinstance(values, dict) or "audio_data" not in values:
        raise ValueError("the body is no answer of /anc-process")
    return Answer(
        audio=binascii.a2b_base64(values["audio_data"], strict_mode=True),
        state=binascii.a2b_base64(values["state"], strict_mode=True),
        sequence=int(values["sequence"]),
        sample_rate=int(values["sample_rate"]),
        attenuation_db=values["attenuation_db"],
        compute_ms=float(values["compute_ms"]),
        where=str(values["where"]),
        engine=str(values["engine"]),
        encoding=str(values["encoding"]),
        details=values.get("details"),
    )
