"""Who may do what, from the headers of a request."""

from __future__ import annotations

import hashlib
from urllib.parse import urlsplit

from fastapi import HTTPException
from starlette.requests import HTTPConnection

from antiphase.errors import ProtocolError
from antiphase.service.host import RoomHost
from antiphase.service.tokens import Grant, same_key

__all__ = ["bearer", "check_creator", "check_origin", "check_owner", "join_grant", "user_of"]


def bearer(connection: HTTPConnection) -> str | None:
    """Return the bearer token of a request, None where there is none."""
    kind, _, token = connection.headers.get("authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" and token.strip() else None


def _refuse(status: int, words: str) -> HTTPException:
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else None
    return HTTPException(status, words, headers)


def check_creator(host: RoomHost, connection: HTTPConnection) -> None:
    """Let only holders of an API key through, where keys are set.

    Raises
    ------
    HTTPException
        401 without a valid key.
    """
    if host.settings.is_open:
        return
    key = bearer(connection)
    if key is None or not same_key(key, host.settings.api_keys):
        raise _refuse(401, "an API key is needed: Authorization: Bearer <key>")


def user_of(connection: HTTPConnection) -> str:
    """Return what caps are counted by: the key, or the address where there is none."""
    key = bearer(connection)
    if key is not None:
        return f"key {hashlib.sha256(key.encode()).hexdigest()[:16]}"
    return f"address {connection.client.host if connection.client else ''}"


def check_owner(host: RoomHost, connection: HTTPConnection, session_id: str) -> None:
    """Let only the session's owner or holders of an API key through, where keys are set.

    Raises
    ------
    HTTPException
        401 without a valid token, 403 with one of another session.
    """
    if host.settings.is_open:
        return
    token = bearer(connection)
    if token is not None and same_key(token, host.settings.api_keys):
        return
    grant = _grant(host, token, use=False)
    if grant.session_id != session_id or grant.kind != "owner":
        raise _refuse(403, "this token does not own the session")


async def join_grant(
    host: RoomHost, token: str | None, session_id: str, roles: list[str]
) -> str | None:
    """Let a device join with roles that its token grants, where keys are set.

    Returns
    -------
    str or None
        The device that it was before, when it comes back with a resume token.

    Raises
    ------
    HTTPException
        401 without a valid token, 403 where it grants less.
    StoreError
        If used tokens can't be looked up.
    """
    if host.settings.is_open and token is None:
        return None
    try:
        grant = await host.registry.ask(lambda: _grant(host, token, use=True))
    except HTTPException:
        if host.settings.is_open:  # no token is needed, so a bad one does no harm
            return None
        raise
    if grant.session_id != session_id:
        raise _refuse(403, "this token is for another session")
    missing = [role for role in roles if role not in grant.roles]
    if missing:
        raise _refuse(403, f"this token does not grant the role {missing[0]}")
    return grant.device_id


def _grant(host: RoomHost, token: str | None, *, use: bool) -> Grant:
    if token is None:
        raise _refuse(401, "a token is needed: ask the session's owner for one")
    try:
        return host.tokens.check(token, use=use)
    except ProtocolError as error:
        raise _refuse(401, str(error)) from None


def check_origin(host: RoomHost, connection: HTTPConnection) -> None:
    """Refuse pages of foreign origins; programs send no origin and pass.

    Raises
    ------
    HTTPException
        403.
    """
    origin = connection.headers.get("origin")
    known = (*host.settings.origins, *host.settings.own_origins)
    if origin is None or origin in known:
        return
    if urlsplit(origin).netloc != connection.headers.get("host", ""):
        raise _refuse(403, f"origin {origin[:100]} is not allowed; set origins")
