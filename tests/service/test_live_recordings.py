"""Live sessions are recorded as far as each device agrees; with aiortc as the devices."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import soundfile

from antiphase.devices.rig.shell import wait_for_server
from antiphase.errors import StoreError
from antiphase.service.settings import ServiceSettings
from antiphase.service.worker import WorkerProcess
from tests.service.peers import Peer, microphone
from tests.service.running import Live, join, live, until


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """One server for all tests here, with small pieces and limits."""
    data = tmp_path_factory.mktemp("data")
    limits: dict[str, Any] = {"most_recordings": 4, "most_recording_s": 60}
    with live(data=data, recording_piece_s=1, **limits) as running:
        yield running


def stored(folder: Path) -> list[str]:
    """Return all files of the object store, notes included."""
    return sorted(path.name for path in (folder / "objects").rglob("*") if path.is_file())


def folder_of(server: Live) -> Path:
    data = server.server.host.settings.data
    assert data is not None
    return data


async def record(client: httpx.AsyncClient, session_id: str, **wish: Any) -> str:  # noqa: ANN401
    answer = await client.post(f"/sessions/{session_id}/recording", json=wish)
    assert answer.status_code == 201, answer.text
    recording_id: str = answer.json()["recording_id"]
    return recording_id


async def pieces(client: httpx.AsyncClient, recording_id: str) -> list[dict[str, Any]]:
    """Return the notes of all pieces, oldest first."""
    row = (await client.get(f"/recordings/{recording_id}")).json()
    names = [name for name in row["files"] if name[0].isdigit() and name.endswith(".json")]
    return [(await client.get(f"/recordings/{recording_id}/{name}")).json() for name in names]


async def heard(client: httpx.AsyncClient, recording_id: str, device_id: str) -> list[float]:
    """Return the loudest frequency of each second that a device was heard in, Hz."""
    found = []
    for piece in await pieces(client, recording_id):
        for track in piece["tracks"]:
            if track["device_id"] == device_id and not track["gaps"]:
                answer = await client.get(f"/recordings/{recording_id}/{track['file']}")
                assert answer.headers["content-type"] == "audio/flac"
                samples, fs = soundfile.read(io.BytesIO(answer.content))
                assert fs == track["fs"]
                spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
                found.append(float(np.argmax(spectrum)) * fs / len(samples))
    return found


async def finished(client: httpx.AsyncClient, recording_id: str) -> dict[str, Any]:
    async with asyncio.timeout(20):
        while True:
            row: dict[str, Any] = (await client.get(f"/recordings/{recording_id}")).json()
            if row["state"] == "kept" and row["ended"] != "its worker was lost":
                return row
            await asyncio.sleep(0.05)


def test_who_agrees_is_recorded_and_nobody_else(server: Live) -> None:
    """All are told, also who comes later; a withdrawal ends it for that device alone.

    The list has it, and deletion leaves no file of it.
    """

    async def run() -> None:
        session_id = server.create(name="yard")["session_id"]
        async with (
            httpx.AsyncClient(base_url=server.url) as client,
            microphone(server.websocket, session_id, 440.0) as one,
            microphone(server.websocket, session_id, 1000.0, "error") as two,
        ):
            recording_id = await record(client, session_id)
            asked = await two.told(state="on")
            assert asked["asked"] == [one.device_id, two.device_id]
            assert asked["devices"] == []
            again = await client.post(f"/sessions/{session_id}/recording", json={})
            assert again.status_code == 409
            await one.consent(recording_id)
            assert (await two.told(devices=[one.device_id]))["asked"] == [two.device_id]
            async with join(server, session_id) as late:
                assert (await until(late, "recording"))["devices"] == [one.device_id]
            await asyncio.sleep(2.5)
            await one.consent(recording_id, agree=False)
            await two.told(devices=[])
            await two.consent(recording_id)
            await asyncio.sleep(2.5)
            described = (await client.get(f"/sessions/{session_id}")).json()
            assert described["recording"]["devices"] == [two.device_id]
            end = await client.delete(f"/sessions/{session_id}/recording")
            assert end.status_code == 204
            assert "owner" in (await one.told(state="off"))["reason"]
            row = await finished(client, recording_id)
            assert (row["kind"], row["session_id"], row["name"]) == ("live", session_id, "yard")
            assert row["seconds"] == pytest.approx(5.0, abs=1.5)
            assert row["recording_id"] in [r["recording_id"] for r in await listed(client)]
            await check_content(client, recording_id, one, two)
            assert (await client.delete(f"/recordings/{recording_id}")).status_code == 204
            assert (await client.get(f"/recordings/{recording_id}")).status_code == 404

    asyncio.run(run())
    assert stored(folder_of(server)) == []


async def check_content(client: httpx.AsyncClient, recording_id: str, one: Peer, two: Peer) -> None:
    """Each device's tone is in its own files, and in no piece without its consent."""
    for peer, hz in ((one, 440.0), (two, 1000.0)):
        tones = await heard(client, recording_id, peer.device_id)
        assert len(tones) >= 1
        assert tones == pytest.approx([hz] * len(tones), abs=5)
    for piece in await pieces(client, recording_id):
        assert piece["figures"]["mode"] == "forward"
        for track in piece["tracks"]:
            said = piece["devices"][track["device_id"]]
            assert said["at_s"] < piece["end_s"]
            assert said["withdrawn_s"] is None or said["withdrawn_s"] > piece["start_s"]


async def listed(client: httpx.AsyncClient) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = (await client.get("/recordings")).json()
    return rows


def test_limits_end_it_and_say_so(server: Live) -> None:
    """Length, and the count of all; what asks for more is refused in one line."""

    async def run() -> None:
        session_id = server.create()["session_id"]
        async with (
            httpx.AsyncClient(base_url=server.url) as client,
            join(server, session_id) as socket,
        ):
            await until(socket, "joined")
            path = f"/sessions/{session_id}/recording"
            refused = await client.post(path, json={"seconds": 61})
            assert refused.status_code == 400
            assert "in 1 … 60" in refused.json()["detail"]
            for _ in range(4):
                recording_id = await record(client, session_id, seconds=1)
                message: dict[str, Any] = {}
                while message.get("state") != "off":
                    message = await until(socket, "recording")
                assert "full length, 1 s" in message["reason"]
                await finished(client, recording_id)
            refused = await client.post(path, json={})
            assert refused.status_code == 400
            assert "at most 4; delete some" in refused.json()["detail"]
            for row in await listed(client):
                await client.delete(f"/recordings/{row['recording_id']}")
            assert (await client.delete(path)).status_code == 404

    asyncio.run(run())
    assert stored(folder_of(server)) == []


def test_one_that_is_deleted_under_way_ends_and_leaves_nothing(server: Live) -> None:
    """The session goes on; no piece comes back afterwards."""

    async def run() -> None:
        session_id = server.create()["session_id"]
        async with (
            httpx.AsyncClient(base_url=server.url) as client,
            microphone(server.websocket, session_id, 440.0) as one,
        ):
            recording_id = await record(client, session_id)
            await one.consent(recording_id)
            while not await pieces(client, recording_id):  # noqa: ASYNC110 - over HTTP
                await asyncio.sleep(0.1)
            assert (await client.delete(f"/recordings/{recording_id}")).status_code == 204
            assert (await one.told(state="off"))["reason"] == "it has been deleted"
            await asyncio.sleep(1.5)
            assert (await client.get(f"/sessions/{session_id}")).json()["recording"] is None

    asyncio.run(run())
    assert stored(folder_of(server)) == []


def test_who_may_not_steer_may_not_record() -> None:
    """Without the owner's token or a key 401; another recording's id is no consent."""
    key = {"Authorization": "Bearer key-1"}
    with live(api_keys=("key-1",)) as server:
        made = httpx.post(f"{server.url}/sessions", json={}, headers=key).json()
        path = f"{server.url}/sessions/{made['session_id']}/recording"
        assert httpx.post(path, json={}).status_code == 401
        foreign = key | {"Origin": "https://evil.example"}
        assert httpx.post(path, json={}, headers=foreign).status_code == 403
        owner = {"Authorization": f"Bearer {made['owner_token']}"}
        recording = httpx.post(path, json={}, headers=owner).json()
        look = f"{server.url}/recordings/{recording['recording_id']}"
        mine = {"Authorization": f"Bearer {recording['owner_token']}"}
        assert httpx.get(look, headers=mine).json()["state"] == "recording"
        assert httpx.get(look, headers=owner).status_code == 403
        invite = httpx.post(
            f"{server.url}/sessions/{made['session_id']}/tokens", json={}, headers=owner
        ).json()

        async def run() -> None:
            async with join(server, made["session_id"], invite["token"]) as socket:
                await until(socket, "joined")
                wrong = {"type": "consent", "recording_id": "x", "agree": True}
                await socket.send(json.dumps(wrong))
                assert "this session's recording" in (await until(socket, "error"))["message"]

        asyncio.run(run())


def test_a_store_that_does_not_answer_costs_no_piece(
    server: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pieces wait and are written later, each once."""
    objects = server.server.host.stores.objects
    put, down = objects.put_bytes, [True]

    def refuse(key: str, data: bytes, metadata: dict[str, Any] | None = None) -> None:
        if down[0] and not key.endswith("live.json"):
            raise StoreError("down")
        put(key, data, metadata)

    monkeypatch.setattr(objects, "put_bytes", refuse)

    async def run() -> None:
        session_id = server.create()["session_id"]
        async with (
            httpx.AsyncClient(base_url=server.url) as client,
            microphone(server.websocket, session_id, 440.0) as one,
        ):
            recording_id = await record(client, session_id, seconds=3)
            await one.consent(recording_id)
            await one.told(state="off")
            assert await pieces(client, recording_id) == []
            down[0] = False
            await finished(client, recording_id)
            found = await pieces(client, recording_id)
            assert [piece["piece"] for piece in found] == list(range(len(found)))
            assert len(await heard(client, recording_id, one.device_id)) >= 1
            await client.delete(f"/recordings/{recording_id}")

    asyncio.run(run())
    assert stored(folder_of(server)) == []


def test_finished_pieces_survive_a_kill(tmp_path: Path) -> None:
    """After kill −9 the next start lists them, whole, and deletes all of them."""
    worker = WorkerProcess(ServiceSettings(port=0, data=tmp_path, recording_piece_s=1))

    async def until_two_pieces() -> str:
        async with httpx.AsyncClient(base_url=worker.url) as client:
            session_id = (await client.post("/sessions", json={})).json()["session_id"]
            async with microphone(worker.url.replace("http", "ws"), session_id, 440.0) as one:
                recording_id = await record(client, session_id)
                await one.consent(recording_id)
                while len(await pieces(client, recording_id)) < 2:  # noqa: ASYNC110 - over HTTP
                    await asyncio.sleep(0.1)
                worker.process.kill()
                return recording_id

    async def look(url: str, recording_id: str) -> None:
        async with httpx.AsyncClient(base_url=url) as client:
            row = (await client.get(f"/recordings/{recording_id}")).json()
            device = (await pieces(client, recording_id))[-1]["tracks"][0]["device_id"]
            assert row["seconds"] >= 2
            assert await heard(client, recording_id, device)
            assert (await client.delete(f"/recordings/{recording_id}")).status_code == 204

    try:
        assert worker.take_words() is None
        wait_for_server(worker.url, 60.0, worker.process.is_alive)
        recording_id = asyncio.run(until_two_pieces())
    finally:
        worker.join(0)
    with live(data=tmp_path) as server:
        asyncio.run(look(server.url, recording_id))
    assert stored(tmp_path) == []
