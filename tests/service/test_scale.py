"""Two workers of different machines: DynamoDB, Redis, PostgreSQL and S3 are all that they share."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import boto3
import httpx
import numpy as np
import psycopg
import pytest
import redis
import soundfile

from tests.service.recording import FS, talk_and_noise
from tests.service.running import Live, join, live, until
from tests.service.workers import wait_until
from tests.storage.servers import aws, make_bucket, make_tables, postgresql_server, redis_server

KEY = {"Authorization": "Bearer key-1"}
REGION = "eu-central-1"


class Stores:
    """The servers, and what to set for them."""

    def __init__(self, api: str, cache: str, base: str) -> None:
        self.api, self.cache, self.base = api, cache, base
        tables = "/".join(make_tables(api))
        raw, processed = (make_bucket(api, f"{name}-bucket") for name in ("raw", "processed"))
        self.settings: dict[str, Any] = {
            "sessions_url": f"dynamodb://{REGION}/{tables}?endpoint={api}",
            "states_url": cache,
            "history_url": base,
            "objects_url": f"s3://{REGION}?raw={raw}&processed={processed}&endpoint={api}",
            "api_keys": ("key-1",),
            "token_secret": "s" * 48,
        }

    def rows(self, table: str) -> list[dict[str, Any]]:
        client = boto3.resource("dynamodb", region_name=REGION, endpoint_url=self.api)
        rows: list[dict[str, Any]] = client.Table(f"test-{table}").scan()["Items"]
        return rows

    def objects(self, bucket: str) -> list[str]:
        client = boto3.client("s3", region_name=REGION, endpoint_url=self.api)
        found = client.list_object_versions(Bucket=f"{bucket}-bucket")
        kept = [*found.get("Versions", []), *found.get("DeleteMarkers", [])]
        return [str(item["Key"]) for item in kept]


@pytest.fixture(scope="module")
def world() -> Iterator[tuple[Stores, Live, Live]]:
    """Servers of all stores, and two workers."""
    with ExitStack() as stack, pytest.MonkeyPatch.context() as patch:
        api = stack.enter_context(aws(patch))
        cache = stack.enter_context(redis_server())
        base = stack.enter_context(postgresql_server())
        stores = Stores(api, cache, base)
        workers = [stack.enter_context(live(**stores.settings)) for _ in range(2)]
        yield stores, workers[0], workers[1]


def invite(server: Live, made: dict[str, Any]) -> str:
    owner = {"Authorization": f"Bearer {made['owner_token']}"}
    url = f"{server.url}/sessions/{made['session_id']}/tokens"
    token: str = httpx.post(url, json={"roles": ["listener"]}, headers=owner).json()["token"]
    return token


def test_a_session_lives_in_the_stores(world: tuple[Stores, Live, Live]) -> None:
    """Created, found from the other worker, joined once per token, its past read from both."""
    stores, one, two = world
    made = httpx.post(f"{one.url}/sessions", json={"name": "yard"}, headers=KEY).json()
    session_id = made["session_id"]
    assert [row["worker"] for row in stores.rows("sessions")] == [one.url]
    listed = httpx.get(f"{two.url}/sessions", headers=KEY).json()
    assert [row["session_id"] for row in listed] == [session_id]
    token = invite(one, made)
    roles = [{"role": "listener"}]

    async def run() -> None:
        async with join(two, session_id, token, roles=roles) as there:
            moved = await until(there, "moved")
            assert moved["websocket"] == f"{one.websocket}/{session_id}"
        async with join(one, session_id, token, roles=roles) as socket:
            device_id = (await until(socket, "joined"))["device_id"]
            await until(socket, "figures")
            log = one.server.host.registry.later
            assert await asyncio.to_thread(log.settle, 10)
            assert [row["device_id"] for row in stores.rows("connections")] == [device_id]
        async with join(one, session_id, token, roles=roles) as socket:
            assert "has been used" in (await until(socket, "error"))["message"]

    asyncio.run(run())
    with redis.Redis.from_url(stores.cache) as cache:
        kinds = {key.decode().split(":")[1].split("/")[0] for key in cache.keys("*")}
    assert kinds == {"worker", "token", "user", "owner"}
    owner = {"Authorization": f"Bearer {made['owner_token']}"}
    path = f"/sessions/{session_id}/history"
    pasts = [httpx.get(s.url + path, headers=owner).json() for s in (one, two)]
    assert pasts[0] == pasts[1]
    assert pasts[0][0]["kind"] == "created"
    with psycopg.connect(stores.base.replace("+psycopg", "")) as base:
        counted = base.execute("SELECT count(*) FROM history").fetchone()
    assert counted is not None
    assert counted[0] == len(pasts[0])
    assert httpx.delete(f"{one.url}/sessions/{session_id}", headers=owner).status_code == 204
    wait_until(lambda: stores.rows("sessions") == [] == stores.rows("connections"))


def test_a_token_that_one_worker_has_taken_the_other_refuses(
    world: tuple[Stores, Live, Live],
) -> None:
    """They share what has been used."""
    _, one, two = world
    tokens = [server.server.host.tokens for server in (one, two)]
    token, _ = tokens[0].join("a", ["error"], 60)
    assert tokens[0].check(token, use=True).session_id == "a"
    assert tokens[1].check(token).session_id == "a"
    with pytest.raises(ValueError, match="has been used"):
        tokens[1].check(token, use=True)


def test_a_recording_goes_through_the_buckets(world: tuple[Stores, Live, Live]) -> None:
    """Raw, processed, told by the other worker; after the deletion no version is left."""
    stores, one, two = world
    into = io.BytesIO()
    stereo = np.stack(talk_and_noise(3.0, 5.0)[1:], axis=1)
    soundfile.write(into, stereo, FS, format="WAV", subtype="PCM_16")
    files = {"primary": ("yard.wav", into.getvalue())}
    answer = httpx.post(
        f"{one.url}/recordings", files=files, data={"consent": "yes"}, headers=KEY, timeout=60
    )
    assert answer.status_code == 202, answer.text
    recording_id = answer.json()["recording_id"]
    url = f"{two.url}/recordings/{recording_id}"

    def done() -> bool:
        return bool(httpx.get(url, headers=KEY).json()["state"] == "done")

    wait_until(done, 60)
    assert stores.objects("raw") == [f"raw/{recording_id}/primary"]
    assert sorted(stores.objects("processed")) == [
        f"processed/{recording_id}/clean.wav",
        f"processed/{recording_id}/report.json",
    ]
    assert httpx.get(f"{url}/clean.wav", headers=KEY).content[:4] == b"RIFF"
    assert httpx.delete(url, headers=KEY).status_code == 204
    assert stores.objects("raw") == stores.objects("processed") == []


def test_a_live_recording_is_every_workers(world: tuple[Stores, Live, Live]) -> None:
    """Asked at the wrong worker it begins at the right one; deleted elsewhere it ends for good."""
    stores, one, two = world
    made = httpx.post(f"{one.url}/sessions", json={}, headers=KEY).json()
    path = f"/sessions/{made['session_id']}"
    with httpx.Client(base_url=two.url, headers=KEY, follow_redirects=True) as client:
        answer = client.post(f"{path}/recording", json={})
        # httpx, as other clients do, keeps the key from another origin: ask there.
        assert answer.history[0].status_code == 307
        assert answer.history[0].headers["location"] == f"{one.url}{path}/recording"
        answer = client.post(answer.history[0].headers["location"], json={}, headers=KEY)
        assert answer.status_code == 201, answer.text
        url = f"/recordings/{answer.json()['recording_id']}"
        assert client.get(url).json()["state"] == "recording"
        assert len(stores.objects("raw")) == 1
        assert client.delete(url).status_code == 204
    wait_until(lambda: one.server.host.live.of(made["session_id"]) is None, 10)
    one.server.host.live.written.settle(10)
    assert stores.objects("raw") == []
    owner = {"Authorization": f"Bearer {made['owner_token']}"}
    assert httpx.delete(f"{one.url}{path}", headers=owner).status_code == 204


def test_a_store_that_goes_away_does_not_end_a_session() -> None:
    """A join that needs it is refused with the reason; what is here goes on."""
    with ExitStack() as stack:
        cache = stack.enter_context(ExitStack())
        url = cache.enter_context(redis_server())
        server = stack.enter_context(live(states_url=url, api_keys=("key-1",)))
        made = httpx.post(f"{server.url}/sessions", json={}, headers=KEY).json()
        session_id, token = made["session_id"], invite(server, made)
        cache.close()

        async def run() -> None:
            async with join(server, session_id, token) as socket:
                assert "does not answer" in (await until(socket, "error"))["message"]

        asyncio.run(run())
        owner = {"Authorization": f"Bearer {made['owner_token']}"}
        looked = httpx.get(f"{server.url}/sessions/{session_id}", headers=owner)
        assert looked.json()["session_id"] == session_id
