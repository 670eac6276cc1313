"""DynamoDB's own side of the registry; the contract is in test_sessions.py."""

from __future__ import annotations

import boto3
import pytest
from botocore.exceptions import ClientError

from antiphase.storage.dynamodb import DynamoSessions
from antiphase.storage.sessions import ConnectionRecord, SessionRecord
from tests.storage.servers import Clock, aws, make_tables

REGION = "eu-central-1"


def test_rows_are_what_the_tables_and_their_ttl_need(monkeypatch: pytest.MonkeyPatch) -> None:
    """`expires_at` is a whole number of seconds, or DynamoDB would never delete the row."""
    with aws(monkeypatch) as url:
        store = DynamoSessions(*make_tables(url), REGION, Clock(), url)
        store.create(SessionRecord("s", "w", 100.25, 200.75))
        store.connect(ConnectionRecord("c", "s", "d", 100.5, 200.75))
        base = boto3.resource("dynamodb", region_name=REGION, endpoint_url=url)
        (session,) = base.Table("test-sessions").scan()["Items"]
        (connection,) = base.Table("test-connections").scan()["Items"]
        assert session["expires_at"] == connection["expires_at"] == 200
        assert float(session["created_at"]) == 100.25
        base.meta.client.close()
        store.close()


def test_many_pages_are_read_to_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """A list that is larger than one answer of the API is complete."""
    with aws(monkeypatch) as url:
        store = DynamoSessions(*make_tables(url), REGION, Clock(), url)
        scene = {"notes": "x" * 100_000}
        for k in range(15):
            store.create(SessionRecord(f"s{k}", "w", 100.0 + k, 200.0, scene=scene))
        assert len(store.all()) == len(store.by_worker("w")) == 15
        store.close()


def test_tables_are_never_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where Terraform has made no tables, the store says so and makes none."""
    with aws(monkeypatch) as url:
        store = DynamoSessions("a", "b", REGION, Clock(), url)
        with pytest.raises(ClientError, match="ResourceNotFound"):
            store.create(SessionRecord("s", "w", 0.0, 200.0))
        assert store._base.meta.client.list_tables()["TableNames"] == []
        store.close()
