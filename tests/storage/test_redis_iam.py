"""Tokens for ElastiCache, and the commands and keys that Terraform gives the service there."""

from __future__ import annotations

import hashlib
import hmac
import re
from pathlib import Path
from urllib.parse import parse_qsl, quote, urlsplit

import pytest
import redis

from antiphase.storage.redis_iam import IamCredentials
from antiphase.storage.redis_states import RedisStates
from tests.storage.servers import redis_server

ACCESS = Path(__file__).parents[2] / "infra/modules/elasticache/access.tf"


def signature(secret: str, host: str, query: dict[str, str]) -> str:
    """Sign a GET by the rules of AWS Signature Version 4 (AWS General Reference)."""
    scope = query["X-Amz-Credential"].split("/", 1)[1]
    pairs = sorted((quote(k, safe="-_.~"), quote(v, safe="-_.~")) for k, v in query.items())
    line = "&".join(f"{k}={v}" for k, v in pairs)
    empty = hashlib.sha256(b"").hexdigest()
    request = f"GET\n/\n{line}\nhost:{host}\n\nhost\n{empty}"
    digest = hashlib.sha256(request.encode()).hexdigest()
    text = f"AWS4-HMAC-SHA256\n{query['X-Amz-Date']}\n{scope}\n{digest}"
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.digest(key, text.encode(), "sha256").hex()


def test_a_token_is_a_signed_request_to_connect(monkeypatch: pytest.MonkeyPatch) -> None:
    """The token names user and group, ends after 15 minutes, and its signature is AWS's."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    user, token = IamCredentials("service", "states", "eu-central-1").get_credentials()
    parts = urlsplit(f"//{token}")
    query = dict(parse_qsl(parts.query))
    assert user == query["User"] == "service"
    assert parts.netloc == "states"
    assert (query["Action"], query["X-Amz-Expires"]) == ("connect", "900")
    assert query["X-Amz-Credential"].split("/")[2:4] == ["eu-central-1", "elasticache"]
    given = query.pop("X-Amz-Signature")
    assert given == signature("secret", "states", query)


class Word(redis.CredentialProvider):
    """Credentials that a plain server knows."""

    def get_credentials(self) -> tuple[str, str]:
        return "service", "word"


def test_the_service_needs_no_more_than_terraform_grants() -> None:
    """Under exactly the grants of the module every call of the store works, and nothing else."""
    text = ACCESS.read_text(encoding="utf-8")
    (commands,) = re.findall(r"commands = \[(.*)\]", text)
    (pattern,) = re.findall(r'"on (\S+) resetchannels', text)
    granted = [f"+{command}" for command in re.findall(r'"([^"]+)"', commands)]
    with redis_server() as url:
        with redis.Redis.from_url(url) as server:
            words = ["on", pattern, "resetchannels", "-@all", *granted, ">word"]
            server.execute_command("ACL", "SETUSER", "service", *words)
        store = RedisStates(url, credentials=Word())
        store.put("a", b"1", 60)
        assert not store.add("a", b"2", 60)
        assert store.items("") == {"a": b"1"}
        store.delete("a")
        assert store.get("a") is None
        store.close()
        other = RedisStates(url, prefix="other:", credentials=Word())
        with pytest.raises(redis.exceptions.NoPermissionError):
            other.get("a")
        other.close()
