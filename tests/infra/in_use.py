"""The stores' contracts and a live session on tables and buckets that Terraform made."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import time
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

from antiphase.storage.dynamodb import DynamoSessions
from antiphase.storage.s3 import S3Objects
from benchmarks.infra_callers import Session
from tests.infra.local_api import Applied
from tests.service.running import Live
from tests.storage import test_objects, test_sessions
from tests.storage.servers import Clock

__all__ = ["OBJECTS", "REGISTRY", "call_through", "objects", "registry", "tables"]

REGION = "us-east-1"
ROLES = ("sessions", "connections")
_HEARD_S = 30.0


def _contract(module: ModuleType) -> list[Callable[..., None]]:
    """Return the tests of a contract that need a store and nothing that pytest would vary."""
    tests = [test for name, test in vars(module).items() if name.startswith("test_")]
    return [test for test in tests if "key" not in inspect.signature(test).parameters]


REGISTRY = _contract(test_sessions)
OBJECTS = _contract(test_objects)


def tables() -> tuple[str, str]:
    """Return the tables' names, sessions first."""
    return "antiphase-test-sessions", "antiphase-test-connections"


def _empty(applied: Applied) -> None:
    dynamodb = applied.client("dynamodb")
    for table, key in zip(tables(), ("session_id", "connection_id"), strict=True):
        for item in dynamodb.scan(TableName=table)["Items"]:
            dynamodb.delete_item(TableName=table, Key={key: item[key]})


@contextlib.contextmanager
def registry(applied: Applied) -> Iterator[dict[str, Any]]:
    """Give what a check of the registry's contract takes; the tables are empty before and after."""
    clock = Clock(1000.0)
    store = DynamoSessions(*tables(), REGION, clock, applied.url)
    _empty(applied)
    yield {"store": store, "clock": clock}
    store.close()
    _empty(applied)


@contextlib.contextmanager
def objects(applied: Applied) -> Iterator[dict[str, Any]]:
    """Give what a check of the objects' contract takes; the buckets are empty before and after.

    The local API takes a refusal for whole, whatever its condition is, so that nobody could put
    anything into a bucket that refuses plain HTTP: the policies are set aside meanwhile.
    """
    s3 = applied.client("s3")
    buckets = {role: f"antiphase-test-{role}-000000000000" for role in ("raw", "processed")}
    policies = {name: s3.get_bucket_policy(Bucket=name)["Policy"] for name in buckets.values()}
    for name in policies:
        s3.delete_bucket_policy(Bucket=name)
    store = S3Objects(buckets, REGION, applied.url)
    try:
        yield {"store": store}
    finally:
        for role in buckets:
            for info in store.find(f"{role}/"):
                store.delete(info.key)
        store.close()
        for name, policy in policies.items():
            s3.put_bucket_policy(Bucket=name, Policy=policy)


def call_through(live: Live) -> tuple[str, int]:
    """Let a talker be heard in a new session; return its id and the frames that came."""
    session_id = str(live.create(name="terraform", mode="forward")["session_id"])

    async def run() -> int:
        session = Session(session_id, [live.websocket])
        tasks = [asyncio.create_task(c.run()) for c in (session.talker, session.listener)]
        end = time.monotonic() + _HEARD_S
        while len(session.listener.heard) < 20 and time.monotonic() < end:  # noqa: ASYNC110 - no event
            await asyncio.sleep(0.1)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return len(session.listener.heard)

    return session_id, asyncio.run(run())
