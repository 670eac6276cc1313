"""The regional function: bytes in, status and bytes out, behind three kinds of event."""

from __future__ import annotations

import base64
import json
import logging
import os
import time
from dataclasses import dataclass
from typing import Any

from antiphase.errors import AntiphaseError
from antiphase.region.contract import JSON_TYPE, Answer, ContractError, Request
from antiphase.region.inference import SELECTORS
from antiphase.region.solver import Result, block_signals, design, run_kernel, run_small
from antiphase.region.state_token import (
    INLINE,
    STORED,
    TAPS,
    Keys,
    State,
    next_sequence,
    open_state,
    seal_state,
)
from antiphase.region.wire import encode_answer, parse_request
from antiphase.storage.state import MemoryStates, StateStore

__all__ = ["PATH", "Region", "Reply"]

PATH = "/anc-process"
LARGEST_TOKEN = 4096
LARGEST_BODY = 6_000_000
STATE_TTL_S = 600.0
SMALL = ("nlms", "fxnlms")
# A page of any origin may ask: the answer holds nothing but what was sent.
HEADERS = {
    "cache-control": "no-store",
    "access-control-allow-origin": "*",
    "access-control-allow-headers": "content-type, traceparent",
    "access-control-allow-methods": "POST, OPTIONS",
}
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Reply:
    """Status, content type and body."""

    status: int
    content_type: str
    body: bytes


class Region:
    """Serves `POST /anc-process`.

    A state that fits is in the client's token; a larger one is stored under (session, sequence), so
    that a repeated block reads the state it read before and writes what it wrote before: repeating
    a block is safe.

    Parameters
    ----------
    keys : Keys
        The same as the edge's.
    store : StateStore, optional
        In memory when None.
    """

    def __init__(self, keys: Keys, store: StateStore | None = None) -> None:
        self._keys = keys
        self._store: StateStore = MemoryStates() if store is None else store

    def serve(self, body: bytes, content_type: str) -> Reply:
        """Answer one request; faults of the client are 4xx with one line."""
        begin = time.perf_counter()
        try:
            request = _parse(body, content_type)
            answer = self._answer(request, begin)
        except ContractError as fault:
            return _fault(fault.status, fault.reason)
        except AntiphaseError as fault:
            return _fault(400, str(fault))
        except Exception:
            logger.exception("a block failed")
            return _fault(500, "the region failed on this block; see its log")
        payload, kind = encode_answer(answer, binary=request.binary)
        return Reply(200, kind, payload)

    def _answer(self, request: Request, begin: float) -> Answer:
        state = open_state(request.state, self._keys) if request.state else None
        sequence = next_sequence(request, state)
        result = self._run(request, state, sequence)
        samples = result.samples
        encoded = _encode(samples, request.encoding)
        return Answer(
            audio=encoded,
            state=self._keep(request, result, state, sequence),
            sequence=sequence,
            sample_rate=request.sample_rate,
            attenuation_db=result.attenuation_db,
            compute_ms=1e3 * (time.perf_counter() - begin),
            where="region",
            engine="native",
            encoding=request.encoding,
            details=result.details,
        )

    def _run(self, request: Request, state: State | None, sequence: int) -> Result:
        if request.algorithm in SMALL:
            if state is not None and state.kind not in (TAPS, STORED):
                raise ContractError(400, "state is of another kind than this algorithm's")
            small = state
            if state is not None and state.kind == STORED:
                small = open_state(self._load(state), self._keys)
            return run_small(request, small, sequence)
        if request.algorithm == "wiener":
            return design(request)
        if request.algorithm == "infer":
            return _infer(request)
        blob: bytes | None = None
        if state is not None:
            blob = state.blob if state.kind == INLINE else self._load(state)
        return run_kernel(request, blob)

    def _load(self, state: State) -> bytes:
        value = self._store.get(_key(state.blob, state.sequence))
        if value is None:
            raise ContractError(409, "state has expired in the region; start anew without state")
        return value

    def _keep(self, request: Request, result: Result, state: State | None, sequence: int) -> bytes:
        """Return the token of the next state, storing what is too large for it."""
        if result.state is None and result.blob is None:
            return b""
        if result.state is not None:
            following = result.state
            value = seal_state(following, self._keys)
        else:
            newest = sequence if state is None else max(sequence, state.sequence)
            value = result.blob or b""
            following = State(
                request.algorithm, request.taps, newest, request.sample_rate, INLINE, blob=value
            )
        token = seal_state(following, self._keys)
        if len(token) <= LARGEST_TOKEN:
            return token
        session = state.blob if state is not None and state.kind == STORED else os.urandom(16)
        self._store.put(_key(session, following.sequence), value, STATE_TTL_S)
        if following.sequence >= 2:
            self._store.delete(_key(session, following.sequence - 2))
        stored = following._replace(kind=STORED, taps=(), history=b"", blob=session)
        return seal_state(stored, self._keys)

    def lambda_handler(self, event: dict[str, Any], context: object) -> dict[str, Any]:
        """Answer the event of a function URL, of API Gateway (1.0 or 2.0) or of a load balancer."""
        del context
        http = event.get("requestContext", {}).get("http")
        method = http["method"] if http else event.get("httpMethod", "POST")
        path = event.get("rawPath") or event.get("path") or PATH
        headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
        raw = event.get("body") or ""
        reply = _fault(405, "use POST /anc-process")
        if path != PATH:
            reply = _fault(404, "there is only /anc-process here")
        elif method == "OPTIONS":
            reply = Reply(204, JSON_TYPE, b"")
        elif method == "POST":
            try:
                coded = event.get("isBase64Encoded")
                body = base64.b64decode(raw, validate=True) if coded else raw.encode()
                reply = self.serve(body, headers.get("content-type", ""))
            except ValueError:
                reply = _fault(400, "the event's body is not base64")
        binary = not reply.content_type.startswith(JSON_TYPE)
        text = base64.b64encode(reply.body).decode() if binary else reply.body.decode()
        return {
            "statusCode": reply.status,
            "headers": {"content-type": reply.content_type, **HEADERS},
            "body": text,
            "isBase64Encoded": binary,
        }


def _parse(body: bytes, content_type: str) -> Request:
    if len(body) > LARGEST_BODY:
        raise ContractError(413, f"the body has {len(body)} bytes, at most {LARGEST_BODY}")
    return parse_request(body, content_type)


def _key(session: bytes, sequence: int) -> str:
    return f"{session.hex()}/{sequence}"


def _fault(status: int, reason: str) -> Reply:
    text = json.dumps({"error": reason, "where": "region"})
    return Reply(status, JSON_TYPE, text.encode())


def _infer(request: Request) -> Result:
    reference, _ = block_signals(request)
    name = "band-energy"
    scores = SELECTORS[name](reference[:, 0], request.sample_rate)
    details = {"model": name, "choice": next(iter(scores)), "scores": scores}
    return Result(reference[:0], None, details=details)


def _encode(samples: Any, encoding: str) -> bytes:  # noqa: ANN401 - an array
    if encoding == "float32":
        return bytes(samples.astype("<f4").tobytes())
    return bytes((samples.clip(-1.0, 1.0) * 32767.0).round().astype("<i2").tobytes())
