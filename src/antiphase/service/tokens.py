"""Who may do what in a session: signed tokens, each join token good for one join."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal, get_args

import jwt

from antiphase.errors import ProtocolError, require
from antiphase.realtime import Role
from antiphase.storage.state import StateStore

__all__ = ["LONGEST_JOIN_S", "SHORTEST_JOIN_S", "Grant", "Tokens", "same_key"]

SHORTEST_JOIN_S, LONGEST_JOIN_S = 60.0, 300.0
_ALGORITHM = "HS256"
_ISSUER = _AUDIENCE = "antiphase"
_ROLES: tuple[str, ...] = get_args(Role)


@dataclass(frozen=True)
class Grant:
    """What a token allows.

    Attributes
    ----------
    session_id : str
    kind : str
        ``join``: to join once; ``resume``: to come back after a lost connection, as often as need
        be; ``owner``: to steer, invite and end the session.
    roles : tuple of str
        That a joining device may take.
    expires_at : float
        Seconds since 1970.
    device_id : str or None
        Who it was, of a token to come back with.
    """

    session_id: str
    kind: Literal["join", "resume", "owner"]
    roles: tuple[str, ...]
    expires_at: float
    device_id: str | None = None


class Tokens:
    """Issues and checks tokens.

    Parameters
    ----------
    secret : str
        At least 32 characters.
    clock : callable
        Returns seconds since 1970.
    states : StateStore
        Remembers join tokens that have been used, for all workers that share it.
    """

    def __init__(self, secret: str, clock: Callable[[], float], states: StateStore) -> None:
        require(len(secret) >= 32, "token_secret", f"{len(secret)} characters", "32 or more")
        self._secret = secret
        self._clock = clock
        self._states = states

    def owner(self, session_id: str, seconds: float) -> str:
        """Return the token of a session's creator, good for its whole life."""
        return self._sign(session_id, "owner", _ROLES, seconds)

    def join(self, session_id: str, roles: Iterable[str], seconds: float) -> tuple[str, float]:
        """Return a token for one join and when it ends.

        Raises
        ------
        ParameterError
            If a role is unknown or the time is not in 60 … 300 s.
        """
        wanted = tuple(roles)
        for role in wanted:
            require(role in _ROLES, "role", role, "one of " + ", ".join(_ROLES))
        good = SHORTEST_JOIN_S <= seconds <= LONGEST_JOIN_S
        require(good, "ttl_s", seconds, f"in {SHORTEST_JOIN_S:g} … {LONGEST_JOIN_S:g} s")
        return self._sign(session_id, "join", wanted, seconds), self._clock() + seconds

    def resume(
        self, session_id: str, device_id: str, roles: Iterable[str], expires_at: float
    ) -> str:
        """Return a token with which a device comes back after a lost connection."""
        seconds = expires_at - self._clock()
        return self._sign(session_id, "resume", tuple(roles), seconds, device_id)

    def _sign(
        self,
        session_id: str,
        kind: str,
        roles: tuple[str, ...],
        seconds: float,
        device_id: str | None = None,
    ) -> str:
        now = self._clock()
        claims: dict[str, object] = {
            "iss": _ISSUER,
            "aud": _AUDIENCE,
            "iat": int(now),
            "exp": int(now + seconds),
            "jti": secrets.token_urlsafe(12),
            "sid": session_id,
            "knd": kind,
            "rol": list(roles),
        }
        if device_id is not None:
            claims["dev"] = device_id
        return jwt.encode(claims, self._secret, algorithm=_ALGORITHM)

    def check(self, token: str, *, use: bool = False) -> Grant:
        """Return what a token allows.

        Parameters
        ----------
        token : str
        use : bool
            Take a join token's one use.

        Raises
        ------
        ProtocolError
            If it is forged, expired, of another service or used already.
        """
        try:
            claims = jwt.decode(
                token,
                self._secret,
                algorithms=[_ALGORITHM],
                audience=_AUDIENCE,
                issuer=_ISSUER,
                # Expiry is checked below, by the clock that was given.
                options={
                    "require": ["exp", "iat", "jti", "sid", "knd", "rol", "aud", "iss"],
                    "verify_exp": False,
                    "verify_iat": False,
                },
            )
        except jwt.PyJWTError as error:
            raise ProtocolError(f"the token is not valid: {error}") from None
        if claims["exp"] <= self._clock():
            raise ProtocolError("the token has expired; ask for a new one")
        if claims["knd"] == "join" and use:
            self._spend(str(claims["jti"]), float(claims["exp"]))
        return Grant(
            str(claims["sid"]),
            claims["knd"],
            tuple(claims["rol"]),
            float(claims["exp"]),
            claims.get("dev"),
        )

    def _spend(self, identity: str, expires_at: float) -> None:
        # One second more: no store's clock may forget it while it is still good.
        left = expires_at - self._clock() + 1.0
        if not self._states.add(f"token/{identity}", b"", left):
            raise ProtocolError("the token has been used; ask for a new one")


def same_key(key: str, keys: Iterable[str]) -> bool:
    """Compare a key with those allowed, in a time that does not tell how much was right."""
    same = [hmac.compare_digest(key.encode(), known.encode()) for known in keys]
    return any(same)
