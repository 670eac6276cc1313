"""The function behind the CDN: an origin-request event in, an answer or the request out.

Returning the request means "go on to the origin", which is the regional function: that is how work
is handed over that is too big for here, that the time left does not allow, or that failed here.
"""

from __future__ import annotations

import binascii
import json
import time
from typing import Any

from . import config, native
from .contract import JSON_TYPE, Answer, ContractError, Request
from .contract import encode_audio as encode_samples
from .contract_json import decode_audio, encode_base64
from .filter import Rule, nlms
from .process import history_samples, process_block
from .state_token import TAPS, State, open_state, seal_state
from .wire import encode_answer, parse_request

__all__ = ["EdgeNLMSFilter", "decode_audio", "encode_audio", "lambda_handler"]

Event = dict[str, Any]
LARGEST_ANSWER = 1_000_000
REASONS = {
    "200": "OK",
    "204": "No Content",
    "400": "Bad Request",
    "403": "Forbidden",
    "409": "Conflict",
    "413": "Payload Too Large",
    "415": "Unsupported Media Type",
}


class HandOverError(Exception):
    """Work for the region; the message says why."""


class EdgeNLMSFilter:
    """NLMS over PCM blocks, for those who want the filter without the HTTP.

    Parameters
    ----------
    n_taps : int
        Length of the filter.
    mu : float
        Step in (0, 2).
    """

    def __init__(self, n_taps: int = 128, mu: float = 0.5) -> None:
        self._weights = [0.0] * n_taps
        self._history = [0.0] * (n_taps - 1)
        self._rule = Rule(mu, 1.0, 1e-6)
        self._peak = 0.0

    def process(self, reference: list[float], primary: list[float]) -> list[float]:
        """Return the anti-noise −(w∗reference) of a block with full scale 1.0."""
        signal = self._history + reference
        step = nlms(signal, primary, self._weights, self._rule, self._peak)
        self._weights, self._peak = step.weights, step.peak
        self._history = signal[len(reference) :]
        return [e - d for e, d in zip(step.output, primary, strict=True)]


def encode_audio(samples: list[float]) -> str:
    """Return samples with full scale 1.0 as base64 PCM16."""
    return encode_base64(encode_samples(samples))


def lambda_handler(event: Event, context: Any) -> Event:  # noqa: ANN401 - the runtime's object
    """Answer an origin-request event, or return its request to hand it over."""
    begin = time.perf_counter()
    request: Event = event["Records"][0]["cf"]["request"]
    status, note = "origin", ""
    result = request
    try:
        answer = _serve(request, context, begin)
        if answer is not None:
            result = answer
            status = answer["status"]
    except ContractError as fault:
        note = fault.reason
        status = str(fault.status)
        body = json.dumps({"error": fault.reason, "where": "edge"})
        result = _response(status, body, JSON_TYPE)
    except HandOverError as reason:
        note = str(reason)
    except Exception as fault:  # noqa: BLE001 - whatever goes wrong here, the region can still do
        note = f"{type(fault).__name__}: {fault}"
    _log(request, status, note, begin)
    return result


def _serve(request: Event, context: Any, begin: float) -> Event | None:  # noqa: ANN401
    if request["uri"] != config.PATH or request["method"] not in ("POST", "OPTIONS"):
        return None
    if request["method"] == "OPTIONS":
        return _response("204", "", "text/plain")
    asked = parse_request(_body(request), _header(request, "content-type"))
    state = open_state(asked.state, config.KEYS) if asked.state else None
    _check_work(asked, state, context)
    done = process_block(asked, state)
    answer = Answer(
        audio=encode_samples(done.samples, asked.encoding),
        state=seal_state(done.state, config.KEYS),
        sequence=done.state.sequence if asked.sequence is None else asked.sequence,
        sample_rate=asked.sample_rate,
        attenuation_db=done.attenuation_db,
        compute_ms=1e3 * (time.perf_counter() - begin),
        where="edge",
        engine=done.engine,
        encoding=asked.encoding,
    )
    body, content_type = encode_answer(answer, binary=asked.binary)
    text = encode_base64(body) if asked.binary else body.decode()
    if len(text) > LARGEST_ANSWER:
        raise HandOverError(f"an answer of {len(text)} bytes")
    return _response("200", text, content_type, binary=asked.binary)


def _body(request: Event) -> bytes:
    body = request.get("body") or {}
    if body.get("inputTruncated"):
        raise ContractError(413, "the body is larger than the edge is shown (1 MB); send less")
    data = body.get("data") or ""
    if body.get("encoding", "base64") != "base64":
        return str(data).encode()
    try:
        return binascii.a2b_base64(data, strict_mode=True)
    except ValueError:
        raise ContractError(400, "the event's body is not base64") from None


def _check_work(asked: Request, state: State | None, context: Any) -> None:  # noqa: ANN401
    """Raise `HandOverError` for what the region should do."""
    if asked.algorithm not in ("nlms", "fxnlms"):
        raise HandOverError(asked.algorithm)
    if asked.references > 1 or asked.errors > 1 or asked.loudspeakers > 1:
        raise HandOverError("several channels")
    if state is not None and state.kind != TAPS:
        raise HandOverError("a state of the region")
    if asked.taps > config.MAX_TAPS:
        raise HandOverError(f"{asked.taps} taps")
    if 4 * asked.taps + 2 * history_samples(asked) + 44 > config.LONGEST_STATE:
        raise HandOverError("a longer state")
    work = asked.frames * (asked.taps + len(asked.secondary_path))
    if work > config.MAX_WORK:
        raise HandOverError(f"work {work}")
    need_ms = config.RESERVE_MS
    if native.ENGINE == "python":
        need_ms += work * config.NS_PER_WORK // 1_000_000
    left = context.get_remaining_time_in_millis()
    if left < need_ms:
        raise HandOverError(f"{left} ms left of {need_ms} needed")


def _header(request: Event, name: str) -> str:
    values = request["headers"].get(name) or [{"value": ""}]
    return str(values[0]["value"])


def _response(status: str, body: str, content_type: str, *, binary: bool = False) -> Event:
    headers = {
        "Content-Type": content_type,
        "Cache-Control": "no-store",
        "Access-Control-Allow-Origin": config.ALLOW_ORIGIN,
    }
    if status == "204":
        headers["Access-Control-Allow-Headers"] = "content-type, traceparent"
        headers["Access-Control-Allow-Methods"] = "POST, OPTIONS"
        headers["Access-Control-Max-Age"] = "86400"
    return {
        "status": status,
        "statusDescription": REASONS[status],
        "headers": {name.lower(): [{"key": name, "value": v}] for name, v in headers.items()},
        "body": body,
        "bodyEncoding": "base64" if binary else "text",
    }


def _log(request: Event, status: str, note: str, begin: float) -> None:
    """Write one structured line; never a body."""
    line = {
        "where": "edge",
        "status": status,
        "note": note,
        "ms": round(1e3 * (time.perf_counter() - begin), 3),
        "trace": _header(request, "x-amzn-trace-id") or _header(request, "traceparent"),
    }
    print(json.dumps(line), flush=True)  # noqa: T201 - the platform's log is standard output
