"""The registry of sessions in DynamoDB; the tables are Terraform's, never made here."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import boto3
from boto3.dynamodb.conditions import Attr, Key
from botocore.config import Config
from botocore.exceptions import ClientError

from antiphase.storage.sessions import ConnectionRecord, SessionRecord
from antiphase.storage.state import Clock

__all__ = ["DynamoSessions"]

_SETTINGS = Config(connect_timeout=3, read_timeout=5, retries={"mode": "standard"})
_BY_WORKER, _BY_SESSION = "by_worker", "by_session"


class DynamoSessions:
    """The registry in two tables, with their indexes ``by_worker`` and ``by_session``.

    Parameters
    ----------
    sessions, connections : str
        Names of the tables.
    region : str
        Where they are.
    clock : callable
        Seconds since 1970; DynamoDB itself deletes expired rows up to days late, so rows past
        their end are left out here.
    endpoint_url : str, optional
        Another address of the API than AWS's own.
    """

    def __init__(
        self,
        sessions: str,
        connections: str,
        region: str,
        clock: Clock,
        endpoint_url: str | None = None,
    ) -> None:
        self._clock = clock
        self._base = boto3.resource(
            "dynamodb", region_name=region, endpoint_url=endpoint_url, config=_SETTINGS
        )
        self._sessions = self._base.Table(sessions)
        self._connections = self._base.Table(connections)

    def create(self, record: SessionRecord) -> bool:
        """Add a session; False where the id is taken."""
        free = Attr("session_id").not_exists() | Attr("expires_at").lte(self._now())
        return _conditional(
            self._sessions.put_item, Item=_session_item(record), ConditionExpression=free
        )

    def get(self, session_id: str) -> SessionRecord | None:
        """Return a session, None if there is none."""
        found = self._sessions.get_item(Key={"session_id": session_id}, ConsistentRead=True)
        item = found.get("Item")
        return None if item is None or item["expires_at"] <= self._now() else _session(item)

    def update(self, record: SessionRecord) -> bool:
        """Replace a session's row; False where there is none or another worker has it."""
        ours = Attr("worker").eq(record.worker) & Attr("expires_at").gt(self._now())
        return _conditional(
            self._sessions.put_item, Item=_session_item(record), ConditionExpression=ours
        )

    def claim(self, record: SessionRecord, worker: str) -> bool:
        """Move a session from the worker that `record` names to another; one claimant wins."""
        return _conditional(
            self._sessions.update_item,
            Key={"session_id": record.session_id},
            UpdateExpression="SET worker = :worker",
            ExpressionAttributeValues={":worker": worker},
            ConditionExpression=Attr("worker").eq(record.worker),
        )

    def delete(self, session_id: str) -> None:
        """Forget a session; no fault if there is none."""
        self._sessions.delete_item(Key={"session_id": session_id})

    def all(self, limit: int = 1000) -> list[SessionRecord]:
        """Return sessions, oldest first."""
        live = Attr("expires_at").gt(self._now())
        found = []
        for item in _pages(self._sessions.scan, FilterExpression=live):
            found.append(_session(item))
            if len(found) >= limit:
                break
        return sorted(found, key=lambda record: record.created_at)

    def by_worker(self, worker: str) -> list[SessionRecord]:
        """Return a worker's sessions, oldest first."""
        items = _pages(
            self._sessions.query,
            IndexName=_BY_WORKER,
            KeyConditionExpression=Key("worker").eq(worker),
            FilterExpression=Attr("expires_at").gt(self._now()),
        )
        return [_session(item) for item in items]

    def connect(self, record: ConnectionRecord) -> None:
        """Add a connection."""
        item = {
            "connection_id": record.connection_id,
            "session_id": record.session_id,
            "device_id": record.device_id,
            "joined_at": _number(record.joined_at),
            "expires_at": _end(record.expires_at),
        }
        self._connections.put_item(Item=item)

    def disconnect(self, connection_id: str) -> None:
        """Forget a connection; no fault if there is none."""
        self._connections.delete_item(Key={"connection_id": connection_id})

    def connections(self, session_id: str) -> list[ConnectionRecord]:
        """Return a session's connections, oldest first."""
        items = _pages(
            self._connections.query,
            IndexName=_BY_SESSION,
            KeyConditionExpression=Key("session_id").eq(session_id),
            FilterExpression=Attr("expires_at").gt(self._now()),
        )
        return [
            ConnectionRecord(
                str(item["connection_id"]),
                str(item["session_id"]),
                str(item["device_id"]),
                float(item["joined_at"]),
                float(item["expires_at"]),
            )
            for item in items
        ]

    def close(self) -> None:
        """Close the connections."""
        self._base.meta.client.close()

    def _now(self) -> Decimal:
        return _number(self._clock())


def _number(value: float) -> Decimal:
    # DynamoDB takes no binary floats; milliseconds are plenty.
    return Decimal(f"{value:.3f}")


def _end(value: float) -> int:
    """Return a time to live: whole seconds, or DynamoDB ignores it."""
    return int(value)


def _session_item(record: SessionRecord) -> dict[str, Any]:
    item: dict[str, Any] = {
        "session_id": record.session_id,
        "worker": record.worker,
        "created_at": _number(record.created_at),
        "expires_at": _end(record.expires_at),
        "name": record.name,
        "mode": record.mode,
        "control": record.control,
    }
    return item if record.scene is None else {**item, "scene": json.dumps(record.scene)}


def _session(item: dict[str, Any]) -> SessionRecord:
    return SessionRecord(
        session_id=str(item["session_id"]),
        worker=str(item["worker"]),
        created_at=float(item["created_at"]),
        expires_at=float(item["expires_at"]),
        name=str(item.get("name", "")),
        mode=str(item.get("mode", "auto")),
        control=bool(item.get("control", True)),
        scene=json.loads(item["scene"]) if "scene" in item else None,
    )


def _pages(read: Any, **query: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - boto3 has no types
    while True:
        page = read(**query)
        yield from page["Items"]
        if "LastEvaluatedKey" not in page:
            return
        query["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def _conditional(write: Any, **request: Any) -> bool:  # noqa: ANN401 - boto3 has no types
    try:
        write(**request)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
            raise
        return False
    return True
