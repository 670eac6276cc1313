"""Hot states in Redis (ElastiCache): shared by all workers of a region."""

from __future__ import annotations

from typing import cast

import redis

__all__ = ["RedisStates"]

_BATCH = 500


class RedisStates:
    """States in a Redis server; the server forgets them by its own clock.

    Parameters
    ----------
    url : str
        ``redis://host:port/0``, ``rediss://…`` with TLS.
    prefix : str
        Put before each key, so that several services share a server.
    credentials : redis.CredentialProvider, optional
        Who connects, where the URL does not say it (`antiphase.storage.redis_iam`).
    """

    def __init__(
        self,
        url: str,
        prefix: str = "antiphase:",
        credentials: redis.CredentialProvider | None = None,
    ) -> None:
        self._redis = redis.Redis.from_url(
            url,
            socket_timeout=5.0,
            socket_connect_timeout=5.0,
            health_check_interval=30,
            credential_provider=credentials,
        )
        self._prefix = prefix

    def get(self, key: str) -> bytes | None:
        """Return the value, None if there is none or its time is over."""
        return cast("bytes | None", self._redis.get(self._prefix + key))

    def put(self, key: str, value: bytes, ttl_s: float) -> None:
        """Keep a value for `ttl_s` seconds."""
        self._redis.set(self._prefix + key, value, px=round(1000 * ttl_s))

    def add(self, key: str, value: bytes, ttl_s: float) -> bool:
        """Keep a value unless the key has one; True where it was kept."""
        kept = self._redis.set(self._prefix + key, value, px=round(1000 * ttl_s), nx=True)
        return bool(kept)

    def items(self, prefix: str) -> dict[str, bytes]:
        """Return what lives under the keys that begin so."""
        start = self._prefix + prefix
        found: dict[str, bytes] = {}
        for key in self._redis.scan_iter(match=_literal(start) + "*", count=_BATCH):
            value = cast("bytes | None", self._redis.get(key))
            if value is not None:
                found[key.decode()[len(self._prefix) :]] = value
        return found

    def delete(self, key: str) -> None:
        """Forget a value; no fault if there is none."""
        self._redis.delete(self._prefix + key)

    def close(self) -> None:
        """Close the connections."""
        self._redis.close()


def _literal(text: str) -> str:
    """Return a pattern of Redis that matches just this text."""
    return "".join(f"\\{c}" if c in "*?[]\\" else c for c in text)
