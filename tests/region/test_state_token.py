"""The signed state."""

from __future__ import annotations

import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphase.region.contract import ContractError
from antiphase.region.state_token import STORED, Keys, State, open_state, seal_state

KEYS = Keys({1: bytes(16), 2: bytes(range(16))}, 2)


@pytest.mark.parametrize(
    "state",
    [
        State("nlms", 2, 7, 8000, taps=(0.5, -0.25), history=b"\1\0", peak=3.5),
        State("rls", 128, 2**32 - 1, 48000, kind=STORED, blob=b"key"),
    ],
)
def test_state_comes_back_as_it_was(state: State) -> None:
    """Sealing and opening is the identity."""
    assert open_state(seal_state(state, KEYS), KEYS) == state


def test_token_of_128_taps_is_small() -> None:
    """Taps, history, header and signature take 810 bytes, of 1024 allowed."""
    state = State("nlms", 128, 0, 16000, taps=(0.0,) * 128, history=bytes(254))
    assert len(seal_state(state, KEYS)) == 810


@given(st.integers(0, 809), st.integers(1, 255))
def test_any_changed_byte_is_refused(place: int, flip: int) -> None:
    """No byte of a token can be changed."""
    state = State("nlms", 128, 0, 16000, taps=(0.0,) * 128, history=bytes(254))
    token = bytearray(seal_state(state, KEYS))
    token[place] ^= flip
    with pytest.raises(ContractError):
        open_state(bytes(token), KEYS)


@given(st.binary(min_size=16, max_size=150), st.binary(max_size=300))
def test_signature_is_hmac(secret: bytes, message: bytes) -> None:
    """Short and long keys sign as the standard library's HMAC-SHA256 does."""
    assert Keys({1: secret}, 1).sign(1, message) == hmac.digest(secret, message, "sha256")[:16]


@given(st.binary(max_size=200))
def test_foreign_bytes_are_refused(token: bytes) -> None:
    """Bytes that were never signed are refused."""
    with pytest.raises(ContractError):
        open_state(token, KEYS)


@pytest.mark.parametrize(("secrets", "current"), [({}, 1), ({1: b"short"}, 1), ({0: bytes(16)}, 0)])
def test_weak_keys_are_refused(secrets: dict[int, bytes], current: int) -> None:
    """Keys that sign nothing or can be guessed are refused."""
    with pytest.raises(ValueError, match="key"):
        Keys(secrets, current)
