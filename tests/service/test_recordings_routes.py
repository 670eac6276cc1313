"""Recordings over HTTP: consent, limits, progress, results, and that deleting deletes."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import soundfile

from tests.service.recording import FS, talk_and_noise
from tests.service.running import Live, join, live, until
from tests.service.workers import wait_until


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """One server for all tests here, with small limits."""
    data = tmp_path_factory.mktemp("data")
    with live(data=data, most_upload_bytes=2_000_000, most_recordings=4) as running:
        yield running


def as_wav(samples: Any, fs: int = FS) -> bytes:  # noqa: ANN401 - an array
    into = io.BytesIO()
    soundfile.write(into, samples, fs, format="WAV", subtype="PCM_16")
    return into.getvalue()


def upload(server: Live, files: dict[str, bytes], **fields: str) -> httpx.Response:
    parts = {name: (f"{name}.wav", data, "audio/wav") for name, data in files.items()}
    return httpx.post(f"{server.url}/recordings", files=parts, data=fields, timeout=60)


def finished(server: Live, recording_id: str) -> dict[str, Any]:
    """Return the recording once it is done or has failed."""

    def over() -> dict[str, Any] | None:
        row: dict[str, Any] = httpx.get(f"{server.url}/recordings/{recording_id}").json()
        return row if row["state"] in {"done", "failed"} else None

    found: dict[str, Any] = wait_until(over, 90)
    return found


def stored(server: Live) -> list[Path]:
    """Return all files of the object store, notes included."""
    data = server.server.host.settings.data
    assert data is not None
    return [path for path in (data / "objects").rglob("*") if path.is_file()]


def test_a_recording_is_kept_processed_and_deleted(server: Live) -> None:
    """Upload, progress, figures, result; after the deletion nothing of it is left."""
    talker, primary, reference = talk_and_noise(6.0, 5.0)
    before = stored(server)
    files = {"primary": as_wav(primary), "reference": as_wav(reference)}
    made = upload(server, files, consent="yes", name="yard")
    assert made.status_code == 202, made.text
    url = f"{server.url}/recordings/{made.json()['recording_id']}"
    row = finished(server, made.json()["recording_id"])
    assert row["state"] == "done", row
    assert (row["name"], row["progress"], row["seconds"]) == ("yard", 1.0, 6.0)
    assert row["pause_reduction_db"] >= 15
    assert row["delay_ms"] == pytest.approx(5.0, abs=1.0)
    assert row["recording_id"] in [r["recording_id"] for r in listed(server)]
    clean, fs = soundfile.read(io.BytesIO(httpx.get(f"{url}/clean.wav").content))
    assert fs == FS
    noise = [np.sum((side - talker) ** 2) for side in (primary, clean)]
    assert 10 * np.log10(noise[0] / noise[1]) >= 15
    assert httpx.get(f"{url}/report.json").json()["bands_hz"]
    assert httpx.get(f"{url}/primary").content == files["primary"]
    assert len(stored(server)) > len(before)
    assert httpx.delete(url).status_code == 204
    assert stored(server) == before
    for path in ("", "/clean.wav", "/primary", "/report.json"):
        assert httpx.get(url + path).status_code == 404
    assert httpx.delete(url).status_code == 404


def listed(server: Live) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = httpx.get(f"{server.url}/recordings").json()
    return rows


def test_nothing_is_kept_without_consent(server: Live) -> None:
    """Neither an upload without it nor a live session leaves a file."""
    import asyncio  # noqa: PLC0415

    before = stored(server)
    stereo = as_wav(np.stack(talk_and_noise(1.5, 5.0)[1:], axis=1))
    for fields in ({}, {"consent": "no"}):
        refused = upload(server, {"primary": stereo}, **fields)
        assert refused.status_code == 400
        assert "consent=yes is needed" in refused.json()["detail"]

    async def talk() -> None:
        session_id = server.create()["session_id"]
        async with join(server, session_id, roles=[{"role": "talker"}]) as socket:
            await until(socket, "figures")

    asyncio.run(talk())
    assert stored(server) == before
    assert listed(server) == []


@pytest.mark.parametrize(
    ("files", "status", "words"),
    [
        ({"primary": b"no sound"}, 415, "primary: not readable as audio"),
        ({"primary": as_wav(np.zeros(2 * FS))}, 415, "primary: has one channel"),
        ({"primary": as_wav(np.zeros((800, 2)))}, 415, "too short"),
        ({"primary": as_wav(np.zeros((600_000, 2)))}, 413, "at most 2000000 bytes"),
        ({"reference": as_wav(np.zeros(2 * FS))}, 400, "needs a file named primary"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(
    server: Live, files: dict[str, bytes], status: int, words: str
) -> None:
    """Size, kind and length; nothing of it is kept."""
    before = stored(server)
    refused = upload(server, files, consent="yes")
    assert refused.status_code == status
    assert words in refused.json()["detail"]
    assert "\n" not in refused.json()["detail"]
    assert "/tmp" not in refused.json()["detail"]  # noqa: S108 - no path of ours is told
    assert stored(server) == before


def test_an_upload_that_does_not_say_its_length_is_cut_off(server: Live) -> None:
    """It is counted as it comes."""

    def endless() -> Iterator[bytes]:
        yield b'--b\r\nContent-Disposition: form-data; name="primary"; filename="a"\r\n\r\n'
        for _ in range(100):
            yield bytes(100_000)

    kind = {"Content-Type": "multipart/form-data; boundary=b"}
    refused = httpx.post(f"{server.url}/recordings", content=endless(), headers=kind)
    assert refused.status_code == 413


def test_what_can_not_be_processed_says_why(server: Live) -> None:
    """A silent reference: failed, with the reason; it can be deleted."""
    primary = as_wav(talk_and_noise(2.0, 5.0)[1])
    made = upload(
        server, {"primary": primary, "reference": as_wav(np.zeros(2 * FS))}, consent="yes"
    )
    row = finished(server, made.json()["recording_id"])
    assert row["state"] == "failed"
    assert "silent" in row["error"]
    assert httpx.delete(f"{server.url}/recordings/{row['recording_id']}").status_code == 204


def test_pages_of_others_can_not_upload(server: Live) -> None:
    """A form that a foreign page sends is refused."""
    foreign = {"Origin": "https://evil.example"}
    files = {"primary": ("p.wav", b"x")}
    url = f"{server.url}/recordings"
    answer = httpx.post(url, files=files, data={"consent": "yes"}, headers=foreign)
    assert answer.status_code == 403


def test_with_keys_only_owners_and_holders_of_a_key_see_it() -> None:
    """The token that the upload returned opens its recording and no other."""
    key = {"Authorization": "Bearer key-1"}
    stereo = as_wav(np.stack(talk_and_noise(1.5, 5.0)[1:], axis=1))
    with live(api_keys=("key-1",)) as server:
        url = f"{server.url}/recordings"

        def send(headers: dict[str, str]) -> httpx.Response:
            files = {"primary": ("p.wav", stereo)}
            return httpx.post(url, files=files, data={"consent": "yes"}, headers=headers)

        assert send({}).status_code == 401
        made, other = send(key).json(), send(key).json()
        owner = {"Authorization": f"Bearer {made['owner_token']}"}
        assert httpx.get(f"{url}/{made['recording_id']}", headers=owner).status_code == 200
        assert httpx.get(f"{url}/{other['recording_id']}", headers=owner).status_code == 403
        assert httpx.get(f"{url}/{made['recording_id']}").status_code == 401
        assert httpx.get(url, headers=owner).status_code == 401
        assert len(httpx.get(url, headers=key).json()) == 2
        assert httpx.delete(f"{url}/{made['recording_id']}", headers=owner).status_code == 204


def test_more_than_may_be_kept_is_refused(server: Live) -> None:
    """Until some are deleted."""
    stereo = as_wav(np.stack(talk_and_noise(1.2, 5.0)[1:], axis=1))
    answers = [upload(server, {"primary": stereo}, consent="yes") for _ in range(5)]
    assert [a.status_code for a in answers] == [202] * 4 + [400]
    assert "at most 4" in answers[-1].json()["detail"]
    for answer in answers[:4]:
        url = f"{server.url}/recordings/{answer.json()['recording_id']}"
        assert httpx.delete(url).status_code == 204
    assert stored(server) == []
