"""Opens the store of hot states that several processes share, by its address."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

from antiphase.errors import require
from antiphase.storage.state import StateStore

__all__ = ["FORM", "SCHEMES", "open_redis", "without_password"]

SCHEMES = ("redis", "rediss", "elasticache")
FORM = (
    "empty, redis://HOST:PORT/0, rediss://HOST:PORT/0 or"
    " elasticache://USER@HOST:PORT/GROUP?region=REGION"
)


def open_redis(name: str, url: str) -> StateStore:
    """Open a store.

    Parameters
    ----------
    name : str
        Of the setting, for the fault.
    url : str
        ``redis://HOST:PORT/0``, with TLS ``rediss://``; or ElastiCache with TLS and tokens of IAM
        in place of a password, ``elasticache://USER@HOST:PORT/GROUP?region=REGION``.

    Raises
    ------
    ParameterError
        If the address is not of one of these forms.
    """
    parts = urlsplit(url)
    query, group = dict(parse_qsl(parts.query)), parts.path.strip("/")
    user, host = parts.username, parts.hostname
    whole = bool(user and host and parts.port and group) and set(query) == {"region"}
    fits = whole if parts.scheme == "elasticache" else parts.scheme in SCHEMES
    require(fits, name, without_password(url), FORM)
    # Redis's library takes long to load, and embedded stores need none of it.
    from antiphase.storage.redis_states import RedisStates  # noqa: PLC0415

    if parts.scheme != "elasticache":
        return RedisStates(url)
    from antiphase.storage.redis_iam import IamCredentials  # noqa: PLC0415

    credentials = IamCredentials(str(user), group, query["region"])
    return RedisStates(f"rediss://{host}:{parts.port}/0", credentials=credentials)


def without_password(url: str) -> str:
    """Return an address as it may be shown."""
    parts = urlsplit(url)
    if parts.password is None:
        return url
    return parts._replace(netloc=f"{parts.username}:…@{parts.netloc.rpartition('@')[2]}").geturl()
