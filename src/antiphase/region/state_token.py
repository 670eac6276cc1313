"""The signed state that a client carries from one block to the next.

Header (28 bytes), body, truncated HMAC-SHA256 (16 bytes). A body is taps float32 and the last
reference samples PCM16 (all that the small filters need: 810 bytes at 128 taps), a kernel's own
state, or the key of a state that the region keeps.
"""

from __future__ import annotations

import struct
from _operator import _compare_digest
from collections.abc import Mapping
from typing import NamedTuple

from .contract import ALGORITHMS, ContractError, Request

try:
    # `hashlib` and `hmac` load OpenSSL, a third of the edge function's start.
    from _sha2 import sha256  # type: ignore[import-not-found]  # 3.12; typeshed leaves it out
except ImportError:
    from hashlib import sha256

__all__ = ["INLINE", "STORED", "TAPS", "Keys", "State", "next_sequence", "open_state", "seal_state"]

# magic, version, key, algorithm, kind, taps, sequence, sample rate, history samples, spare, peak
HEADER = struct.Struct("<2sBBBBHIIHHd")
MAGIC = b"AP"
VERSION = 1
MAC_BYTES = 16
HASH_BLOCK = 64
INNER = bytes(byte ^ 0x36 for byte in range(256))
OUTER = bytes(byte ^ 0x5C for byte in range(256))
TAPS, INLINE, STORED = 0, 1, 2


class Keys:
    """Signing keys: one signs, all open.

    Parameters
    ----------
    secrets : mapping of int to bytes
        Key number (1 ... 255) to secret of at least 16 bytes. Two during a rotation.
    current : int
        The key that signs.

    Raises
    ------
    ValueError
        If they could sign nothing or could be guessed.
    """

    def __init__(self, secrets: Mapping[int, bytes], current: int) -> None:
        if current not in secrets:
            raise ValueError(f"current={current} must be one of the keys")
        for number, secret in secrets.items():
            if not 1 <= number <= 255 or len(secret) < 16:
                raise ValueError(f"key {number} must be in 1 ... 255 and have at least 16 bytes")
        self.secrets = secrets
        self.current = current

    def sign(self, number: int, message: bytes) -> bytes:
        """Return the truncated HMAC-SHA256 (RFC 2104) of a message under one of the keys."""
        secret = self.secrets[number]
        key = sha256(secret).digest() if len(secret) > HASH_BLOCK else secret
        key = key.ljust(HASH_BLOCK, b"\0")
        inner = sha256(key.translate(INNER) + message).digest()
        mac: bytes = sha256(key.translate(OUTER) + inner).digest()
        return mac[:MAC_BYTES]


class State(NamedTuple):
    """What one block leaves for the next.

    Parameters
    ----------
    algorithm : str
    n_taps : int
    sequence : int
        Of the newest block that this state has seen.
    sample_rate : int
        Hz.
    kind : int
        `TAPS`, `INLINE` (a kernel's state) or `STORED` (a key).
    taps : tuple of float
        Impulse response of the control filter; with `TAPS`.
    history : bytes
        The reference's newest samples PCM16, oldest first; with `TAPS`.
    peak : float
        Running peak of the regressor's energy (full scale 1.0).
    blob : bytes
        With `INLINE` and `STORED`.
    """

    algorithm: str
    n_taps: int
    sequence: int
    sample_rate: int
    kind: int = TAPS
    taps: tuple[float, ...] = ()
    history: bytes = b""
    peak: float = 0.0
    blob: bytes = b""


def seal_state(state: State, keys: Keys) -> bytes:
    """Return the token of a state."""
    samples = len(state.history) // 2
    head = HEADER.pack(
        MAGIC,
        VERSION,
        keys.current,
        ALGORITHMS.index(state.algorithm),
        state.kind,
        state.n_taps,
        state.sequence,
        state.sample_rate,
        samples,
        0,
        state.peak,
    )
    if state.kind == TAPS:
        body = struct.pack(f"<{state.n_taps}f", *state.taps) + state.history
    else:
        body = state.blob
    signed = head + body
    return signed + keys.sign(keys.current, signed)


def open_state(token: bytes, keys: Keys) -> State:
    """Return the state of a token.

    Raises
    ------
    ContractError
        400 if it is no token of this version, 403 if its signature is wrong or its key retired.
    """
    if len(token) < HEADER.size + MAC_BYTES or token[:2] != MAGIC:
        raise ContractError(400, "state is no state token; send the one of the previous answer")
    signed, mac = token[:-MAC_BYTES], token[-MAC_BYTES:]
    _, version, key, algorithm, kind, n_taps, sequence, rate, samples, _, peak = HEADER.unpack_from(
        signed
    )
    if version != VERSION:
        raise ContractError(400, f"state has version {version}, expected {VERSION}; start anew")
    if key not in keys.secrets:
        raise ContractError(403, "state is signed with a retired key; start anew without state")
    if not _compare_digest(keys.sign(key, signed), mac):
        raise ContractError(
            403, "state has a wrong signature; send the previous answer's unchanged"
        )
    body = signed[HEADER.size :]
    taps: tuple[float, ...] = ()
    if kind == TAPS:
        taps = struct.unpack_from(f"<{n_taps}f", body)
    return State(
        algorithm=ALGORITHMS[algorithm],
        n_taps=n_taps,
        sequence=sequence,
        sample_rate=rate,
        kind=kind,
        taps=taps,
        history=body[4 * n_taps : 4 * n_taps + 2 * samples] if kind == TAPS else b"",
        peak=peak,
        blob=b"" if kind == TAPS else body,
    )


def next_sequence(request: Request, state: State | None) -> int:
    """Return the number of a block that comes with a state; it wraps at 2³².

    Raises
    ------
    ContractError
        400 if the state is of another filter, 409 if the block is stale and order is strict.
    """
    if state is None:
        return request.sequence or 0
    pairs = (
        ("algorithm", request.algorithm, state.algorithm),
        ("taps", request.taps, state.n_taps),
        ("sample_rate", request.sample_rate, state.sample_rate),
    )
    for name, asked, have in pairs:
        if asked != have:
            raise ContractError(400, f"{name}={asked!r} must be {have!r} as in the state")
    sequence = state.sequence + 1 if request.sequence is None else request.sequence
    if request.strict and sequence <= state.sequence:
        raise ContractError(
            409, f"sequence={sequence} must be above {state.sequence}, the newest of this state"
        )
    return sequence % 2**32
