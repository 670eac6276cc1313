"""The binary form of the contract: a fixed header, then path, state and PCM."""

from __future__ import annotations

import json
import math
import struct

from .contract import (
    ALGORITHMS,
    ENCODINGS,
    ENGINES,
    OUTPUTS,
    PLACES,
    Answer,
    ContractError,
    Request,
)

__all__ = ["answer_to_bytes", "encode_request", "parse_binary_answer", "parse_bytes"]

# magic, version, algorithm, references, primaries or errors, loudspeakers, output, encoding,
# strict, sample rate, taps, delay, order, sequence (-1: none), mu (NaN: default), leakage, path
# taps in all, state bytes. Then path float32, state, PCM16.
REQUEST_HEAD = struct.Struct("<4sBBBBBBBBIHHHqddHH")
# magic, version, where, engine, encoding, sequence, sample rate, attenuation dB (NaN: unknown),
# compute ms, state bytes, length of the details (JSON). Then state, details, audio.
ANSWER_HEAD = struct.Struct("<4sBBBBqIffHI")
MAGIC = b"ANC1"


def parse_bytes(body: bytes) -> Request:
    """Read a request; `ContractError` with status 400 or 413 if it is none."""
    if len(body) < REQUEST_HEAD.size:
        raise ContractError(400, f"the body is shorter than its {REQUEST_HEAD.size}-byte header")
    head = REQUEST_HEAD.unpack_from(body)
    magic, version, algorithm, references, errors, speakers, output, encoding, strict = head[:9]
    rate, taps, delay, order, sequence, mu, leakage, n_path, n_state = head[9:]
    if magic != MAGIC or version != 1:
        raise ContractError(400, "the body does not start with ANC1 and version 1")
    numbers = ((algorithm, ALGORITHMS), (output, OUTPUTS), (encoding, ENCODINGS))
    if any(number >= len(names) for number, names in numbers):
        raise ContractError(400, "algorithm, output or encoding has an unknown number")
    start = REQUEST_HEAD.size + 4 * n_path
    if len(body) < start + n_state:
        raise ContractError(400, "the body is cut short")
    return Request(
        audio=body[start + n_state :],
        sample_rate=rate,
        algorithm=ALGORITHMS[algorithm],
        references=references,
        errors=errors,
        loudspeakers=speakers,
        taps=taps,
        mu=None if math.isnan(mu) else mu,
        leakage=leakage,
        delay=delay,
        order=order,
        secondary_path=struct.unpack_from(f"<{n_path}f", body, REQUEST_HEAD.size),
        state=body[start : start + n_state],
        sequence=None if sequence == -1 else sequence,
        strict=bool(strict),
        output=OUTPUTS[output],
        encoding=ENCODINGS[encoding],
        binary=True,
    )


def encode_request(request: Request) -> bytes:
    """Return a request in its binary form (for clients)."""
    path = request.secondary_path
    head = REQUEST_HEAD.pack(
        MAGIC,
        1,
        ALGORITHMS.index(request.algorithm),
        request.references,
        request.errors,
        request.loudspeakers,
        OUTPUTS.index(request.output),
        ENCODINGS.index(request.encoding),
        request.strict,
        request.sample_rate,
        request.taps,
        request.delay,
        request.order,
        -1 if request.sequence is None else request.sequence,
        math.nan if request.mu is None else request.mu,
        request.leakage,
        len(path),
        len(request.state),
    )
    return head + struct.pack(f"<{len(path)}f", *path) + request.state + request.audio


def answer_to_bytes(answer: Answer) -> bytes:
    """Return the binary form of an answer."""
    details = b"" if answer.details is None else json.dumps(answer.details).encode()
    unknown = answer.attenuation_db is None
    head = ANSWER_HEAD.pack(
        MAGIC,
        1,
        PLACES.index(answer.where),
        ENGINES.index(answer.engine),
        ENCODINGS.index(answer.encoding),
        answer.sequence,
        answer.sample_rate,
        math.nan if unknown else float(answer.attenuation_db or 0.0),
        answer.compute_ms,
        len(answer.state),
        len(details),
    )
    return head + answer.state + details + answer.audio


def parse_binary_answer(body: bytes) -> Answer:
    """Read an answer (for clients); `ValueError` if it is none."""
    if len(body) < ANSWER_HEAD.size:
        raise ValueError("the answer is shorter than its header")
    magic, version, where, engine, encoding, sequence, rate, gain, ms, n_state, n_details = (
        ANSWER_HEAD.unpack_from(body)
    )
    start = ANSWER_HEAD.size + n_state
    if magic != MAGIC or version != 1 or len(body) < start + n_details:
        raise ValueError("the answer is cut short or of another version")
    details = body[start : start + n_details]
    return Answer(
        audio=body[start + n_details :],
        state=body[ANSWER_HEAD.size : start],
        sequence=sequence,
        sample_rate=rate,
        attenuation_db=None if math.isnan(gain) else gain,
        compute_ms=ms,
        where=PLACES[where],
        engine=ENGINES[engine],
        encoding=ENCODINGS[encoding],
        details=json.loads(details) if details else None,
    )
