"""With keys set, only those may who hold a key or a token that grants it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Origin, Subprotocol

from tests.service.running import Live, join, live, until
from tests.service.workers import wait_until

KEY = {"Authorization": "Bearer key-1"}


@pytest.fixture(scope="module")
def server() -> Iterator[Live]:
    """One server with a key."""
    with live(api_keys=("key-1",), origins=("https://good.example",)) as running:
        yield running


def made(server: Live) -> dict[str, Any]:
    answer = httpx.post(f"{server.url}/sessions", json={}, headers=KEY)
    assert answer.status_code == 201
    found: dict[str, Any] = answer.json()
    return found


def test_creation_and_lists_need_a_key(server: Live) -> None:
    """No key or a wrong one: 401 and how to ask."""
    for headers in ({}, {"Authorization": "Bearer other"}, {"Authorization": "Basic key-1"}):
        answer = httpx.post(f"{server.url}/sessions", json={}, headers=headers)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"
        assert httpx.get(f"{server.url}/sessions", headers=headers).status_code == 401


def test_owners_steer_their_own_session_only(server: Live) -> None:
    """An owner's token opens its session, not another one."""
    mine, other = made(server), made(server)
    owner = {"Authorization": f"Bearer {mine['owner_token']}"}
    url = f"{server.url}/sessions"
    assert httpx.get(f"{url}/{mine['session_id']}", headers=owner).status_code == 200
    assert httpx.get(f"{url}/{other['session_id']}", headers=owner).status_code == 403
    assert httpx.get(f"{url}/{mine['session_id']}").status_code == 401


def invite(server: Live, session: dict[str, Any], roles: list[str]) -> str:
    owner = {"Authorization": f"Bearer {session['owner_token']}"}
    url = f"{server.url}/sessions/{session['session_id']}/tokens"
    token: str = httpx.post(url, json={"roles": roles}, headers=owner).json()["token"]
    return token


def test_a_device_joins_with_what_its_token_grants() -> None:
    """Once, into its session, with its roles."""

    async def run(server: Live) -> None:
        session = made(server)
        token = invite(server, session, ["listener"])
        roles = [{"role": "listener", "track": "0"}]
        async with join(server, session["session_id"], token, roles=roles) as socket:
            await until(socket, "joined")
        for again in (token, None, "nonsense", invite(server, session, ["error"])):
            async with join(server, session["session_id"], again, roles=roles) as socket:
                refusal = await until(socket, "error")
                assert refusal["code"] == "token"
                with pytest.raises(ConnectionClosed):
                    await socket.recv()
        async with join(server, made(server)["session_id"], invite(server, session, [])) as socket:
            assert "another session" in (await until(socket, "error"))["message"]

    with live(api_keys=("key-1",)) as running:
        asyncio.run(run(running))


def test_a_device_comes_back_with_what_it_was_given() -> None:
    """The resume token is good again and again; the device that it was is let go."""

    async def run(server: Live) -> None:
        session = made(server)
        roles = [{"role": "listener", "track": "0"}]
        token = invite(server, session, ["listener"])
        host = server.server.host
        async with join(server, session["session_id"], token, roles=roles) as first:
            joined = await until(first, "joined")
            resume = joined["resume_token"]
            for _ in range(2):
                async with join(server, session["session_id"], resume, roles=roles) as again:
                    await until(again, "joined")
                    devices = host.rooms.describe(session["session_id"])["devices"]
                    assert len(devices) == 1
            assert "replaced" in (await until(first, "bye"))["reason"]
        other = [{"role": "error", "track": "0"}]
        async with join(server, session["session_id"], resume, roles=other) as socket:
            assert "does not grant" in (await until(socket, "error"))["message"]

    with live(api_keys=("key-1",)) as running:
        asyncio.run(run(running))


def test_pages_of_foreign_origins_are_refused(server: Live) -> None:
    """A browser's page must come from us or from an allowed origin."""
    session = made(server)

    async def try_from(origin: str) -> bool:
        address = f"{server.websocket}/{session['session_id']}"
        protocols = [Subprotocol("antiphase.v1")]
        try:
            async with connect(address, subprotocols=protocols, origin=Origin(origin)):
                return True
        except InvalidStatus:
            return False

    assert asyncio.run(try_from(server.url))
    assert asyncio.run(try_from("https://good.example"))
    assert not asyncio.run(try_from("https://evil.example"))


def test_one_user_does_not_take_all_places() -> None:
    """More sessions than one key may have are refused with 429; another key still may."""
    keys = [{"Authorization": f"Bearer key-{k}"} for k in (1, 2)]
    with live(api_keys=("key-1", "key-2"), most_sessions_per_user=2) as server:
        url = f"{server.url}/sessions"
        answers = [httpx.post(url, json={}, headers=keys[0]) for _ in range(3)]
        assert [a.status_code for a in answers] == [201, 201, 429]
        assert "at most 2" in answers[2].json()["detail"]
        assert httpx.post(url, json={}, headers=keys[1]).status_code == 201
        first = answers[0].json()["session_id"]
        assert httpx.delete(f"{url}/{first}", headers=keys[0]).status_code == 204
        assert httpx.post(url, json={}, headers=keys[0]).status_code == 201


def test_two_workers_count_together(tmp_path: Path) -> None:
    """A user's places are the same at both, also for two who ask at once; one that ends is free."""
    key = {"Authorization": "Bearer key-1"}
    common = {"data": tmp_path, "api_keys": ("key-1",), "token_secret": "s" * 48}
    with (
        live(**common, most_sessions_per_user=3) as one,
        live(**common, most_sessions_per_user=3) as two,
    ):
        urls = [f"{worker.url}/sessions" for worker in (one, two)]
        for url in urls:  # the framework makes its routes at the first request, not thread-safely
            assert httpx.get(url, headers=key).json() == []
        with ThreadPoolExecutor(8) as pool:
            made = list(pool.map(lambda k: httpx.post(urls[k % 2], json={}, headers=key), range(8)))
        kept = [answer.json()["session_id"] for answer in made if answer.status_code == 201]
        assert len(kept) <= 3
        assert {answer.status_code for answer in made} <= {201, 429}
        while len(kept) < 3:  # those that asked at once may all have been refused
            kept.append(httpx.post(urls[0], json={}, headers=key).json()["session_id"])
        assert [httpx.post(url, json={}, headers=key).status_code for url in urls] == [429, 429]
        for session_id in kept:
            place = next(w for w in (one, two) if w.server.host.has(session_id))
            assert (
                httpx.delete(f"{place.url}/sessions/{session_id}", headers=key).status_code == 204
            )

        def free() -> bool:
            return httpx.post(urls[1], json={}, headers=key).status_code == 201

        wait_until(free, 10)
