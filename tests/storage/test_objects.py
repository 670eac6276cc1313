"""One contract for objects in a folder and in S3."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from antiphase.errors import ParameterError
from antiphase.storage.objects import FolderObjects, ObjectStore, check_key
from antiphase.storage.s3 import S3Objects
from tests.storage.servers import aws, make_bucket


@pytest.fixture(params=["folder", "s3"])
def store(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[ObjectStore]:
    if request.param == "folder":
        yield FolderObjects(tmp_path / "objects")
        return
    with aws(monkeypatch) as url:
        buckets = {name: make_bucket(url, f"test-{name}") for name in ("raw", "processed")}
        objects = S3Objects(buckets, "eu-central-1", url)
        yield objects
        objects.close()


def write(folder: Path, content: bytes) -> Path:
    path = folder / "content"
    path.write_bytes(content)
    return path


def test_an_object_comes_back(store: ObjectStore, tmp_path: Path) -> None:
    """Content and metadata are what was stored; a newer object replaces an older one."""
    store.put_file("raw/a.wav", write(tmp_path, b"old"))
    store.put_file("raw/a.wav", write(tmp_path, b"new" * 100_000), {"name": "Straße"})
    assert store.get_file("raw/a.wav", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == b"new" * 100_000
    assert store.metadata("raw/a.wav") == {"name": "Straße"}


def test_bytes_are_objects_too(store: ObjectStore, tmp_path: Path) -> None:
    """What is put from memory comes back as what is put from a file does."""
    store.put_bytes("raw/a.json", b"{}", {"seconds": 1.5})
    assert store.get_file("raw/a.json", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == b"{}"
    assert store.metadata("raw/a.json") == {"seconds": 1.5}
    store.delete("raw/a.json")
    assert store.find("raw/") == []


def test_what_a_killed_process_left_half_written_goes(tmp_path: Path) -> None:
    """Old parts of files are deleted at the next start, those being written now are not."""
    folder = tmp_path / "raw"
    folder.mkdir()
    old, new = folder / ".a.part", folder / ".b.part"
    for part in (old, new):
        part.write_bytes(b"half")
    os.utime(old, (0, time.time() - 7200))
    FolderObjects(tmp_path)
    assert [path.name for path in folder.iterdir()] == [".b.part"]


def test_nothing_there_is_said(store: ObjectStore, tmp_path: Path) -> None:
    """An unknown key has no content and no metadata, and deleting it is no fault."""
    assert not store.get_file("raw/none", tmp_path / "back")
    assert store.metadata("raw/none") is None
    store.delete("raw/none")


def test_objects_are_found_by_prefix(store: ObjectStore, tmp_path: Path) -> None:
    """Keys come in order with their size and time, those of other prefixes not."""
    for key in ("raw/b/2", "raw/b/1", "raw/a", "processed/b/3"):
        store.put_file(key, write(tmp_path, b"12345"))
    found = store.find("raw/b/")
    assert [info.key for info in found] == ["raw/b/1", "raw/b/2"]
    assert all(info.size == 5 and abs(info.modified_at - time.time()) < 60 for info in found)


def test_deleted_is_deleted(store: ObjectStore, tmp_path: Path) -> None:
    """Deletion on request leaves nothing: no older version, no metadata, no neighbour touched."""
    for content in (b"one", b"two"):
        store.put_file("raw/a", write(tmp_path, content), {"k": 1})
    store.put_file("raw/ab", write(tmp_path, b"x"))
    store.delete("raw/a")
    assert store.metadata("raw/a") is None
    assert [info.key for info in store.find("raw/")] == ["raw/ab"]


@pytest.mark.parametrize("key", ["", "../a", "raw/../a", "/raw", "raw//a", "raw/.a", "raw/a b"])
def test_keys_stay_in_their_place(key: str, store: ObjectStore, tmp_path: Path) -> None:
    """A key that could lead elsewhere is refused before anything is touched."""
    with pytest.raises(ParameterError, match="key="):
        store.put_file(key, write(tmp_path, b""))
    with pytest.raises(ParameterError):
        check_key(key)
