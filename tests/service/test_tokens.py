"""Tokens: forged, foreign, expired and used ones are refused."""

from __future__ import annotations

import jwt
import pytest

from antiphase.errors import ParameterError, ProtocolError
from antiphase.service.tokens import Tokens, same_key
from antiphase.storage.state import MemoryStates

SECRET = "s" * 48


class Clock:
    """A clock that is set."""

    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def make() -> tuple[Tokens, Clock]:
    clock = Clock()
    return Tokens(SECRET, clock, MemoryStates(clock)), clock


def test_a_join_token_is_good_for_one_join() -> None:
    """It can be looked at often and used once."""
    tokens, _ = make()
    token, expires_at = tokens.join("room", ["error"], 60)
    assert tokens.check(token).roles == ("error",)
    assert tokens.check(token, use=True).expires_at == expires_at
    with pytest.raises(ProtocolError, match="has been used"):
        tokens.check(token, use=True)


def test_an_owner_token_lasts() -> None:
    """It is used again and again until it expires."""
    tokens, clock = make()
    token = tokens.owner("room", 3600)
    for _ in range(3):
        assert tokens.check(token, use=True).kind == "owner"
    clock.now += 3600
    with pytest.raises(ProtocolError, match="expired"):
        tokens.check(token)


def test_an_expired_token_says_so() -> None:
    """After its time it is nothing."""
    tokens, clock = make()
    token, _ = tokens.join("room", [], 60)
    clock.now += 61
    with pytest.raises(ProtocolError, match="expired"):
        tokens.check(token)


@pytest.mark.parametrize(
    "forge",
    [
        {"algorithm": "none", "key": ""},
        {"algorithm": "HS384", "key": SECRET},
        {"algorithm": "HS256", "key": "x" * 32},
    ],
)
def test_the_algorithm_and_the_key_are_pinned(forge: dict[str, str]) -> None:
    """A token signed otherwise is refused, whatever its header says."""
    tokens, clock = make()
    good = jwt.decode(tokens.owner("room", 60), options={"verify_signature": False})
    forged = jwt.encode(good, forge["key"], algorithm=forge["algorithm"])
    with pytest.raises(ProtocolError, match="not valid"):
        tokens.check(forged)
    assert clock.now < good["exp"]


@pytest.mark.parametrize("missing", ["exp", "iat", "jti", "sid", "knd", "rol", "aud", "iss"])
def test_all_claims_are_needed(missing: str) -> None:
    """A token of ours without one of its claims is refused."""
    tokens, _ = make()
    claims = jwt.decode(tokens.owner("room", 60), options={"verify_signature": False})
    del claims[missing]
    with pytest.raises(ProtocolError, match="not valid"):
        tokens.check(jwt.encode(claims, SECRET, algorithm="HS256"))


@pytest.mark.parametrize("seconds", [0, 59.9, 300.1, float("nan")])
def test_join_tokens_live_for_minutes(seconds: float) -> None:
    """Other life times are refused."""
    with pytest.raises(ParameterError, match="ttl_s"):
        make()[0].join("room", [], seconds)


def test_unknown_roles_are_refused() -> None:
    """A token can't grant what does not exist."""
    with pytest.raises(ParameterError, match=r"role='admin'"):
        make()[0].join("room", ["admin"], 60)


def test_keys_compare() -> None:
    """One of several keys is enough, a part of one is not."""
    assert same_key("b", ("a", "b"))
    assert not same_key("", ("a", "b"))
    assert not same_key("ab", ("a", "b"))
