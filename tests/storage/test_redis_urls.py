"""The shared store of hot states by its address."""

from __future__ import annotations

from typing import Any

import pytest

from antiphase.errors import ParameterError
from antiphase.storage.redis_urls import open_redis, without_password
from tests.storage.servers import redis_server


def test_a_redis_is_opened() -> None:
    """What is written through the address is read again."""
    with redis_server() as url:
        store = open_redis("states_url", url)
        store.put("k", b"v", 60.0)
        assert store.get("k") == b"v"
        store.close()


def test_elasticache_is_reached_with_tls_and_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    """The connection has TLS, the named user, and a token for the group in its region."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    made: dict[str, Any] = {}

    class Store:
        def __init__(self, url: str, *, credentials: Any) -> None:  # noqa: ANN401 - as redis has it
            made.update(url=url, credentials=credentials.get_credentials())

    monkeypatch.setattr("antiphase.storage.redis_states.RedisStates", Store)
    address = "elasticache://service@states.example.org:6380/group?region=eu-west-1"
    open_redis("states_url", address)
    assert made["url"] == "rediss://states.example.org:6380/0"
    user, token = made["credentials"]
    assert user == "service"
    assert token.startswith("group/?Action=connect&User=service&")
    assert "%2Feu-west-1%2Felasticache%2F" in token


@pytest.mark.parametrize(
    "url",
    [
        "http://host:6379/0",
        "elasticache://host:6379/group?region=eu-west-1",
        "elasticache://user@host/group?region=eu-west-1",
        "elasticache://user@host:6379?region=eu-west-1",
        "elasticache://user@host:6379/group",
    ],
)
def test_other_addresses_are_refused(url: str) -> None:
    """The fault names the setting and the forms that it takes."""
    with pytest.raises(ParameterError, match=r"states_url.*USER@HOST:PORT/GROUP\?region=REGION"):
        open_redis("states_url", url)


def test_a_password_is_not_shown() -> None:
    """Host and user stay, the password does not."""
    assert without_password("redis://u:secret@h:1/0") == "redis://u:…@h:1/0"
