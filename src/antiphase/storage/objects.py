"""Audio and models as objects under keys: the seam, and a folder."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import shutil
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from antiphase.errors import require

__all__ = ["FolderObjects", "ObjectInfo", "ObjectStore", "check_key"]

_PART_S = 3600.0
_KEY = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*")


@dataclass(frozen=True)
class ObjectInfo:
    """One object.

    Parameters
    ----------
    key : str
        Its name.
    size : int
        Bytes.
    modified_at : float
        Seconds since 1970.
    """

    key: str
    size: int
    modified_at: float


class ObjectStore(Protocol):
    """Files under keys such as ``raw/7f3a.wav``; metadata is a small dict beside each."""

    def put_file(self, key: str, path: Path, metadata: dict[str, Any] | None = None) -> None:
        """Store a file's content; readers see the old object or the new one, never a part."""

    def put_bytes(self, key: str, data: bytes, metadata: dict[str, Any] | None = None) -> None:
        """Store some bytes, as `put_file`; for what is small and need not touch a disk here."""

    def get_file(self, key: str, path: Path) -> bool:
        """Write an object's content to a file; False where there is none."""

    def metadata(self, key: str) -> dict[str, Any] | None:
        """Return an object's metadata, None where there is no object."""

    def find(self, prefix: str) -> list[ObjectInfo]:
        """Return the objects whose keys begin so, by key."""

    def delete(self, key: str) -> None:
        """Delete an object for good; no fault if there is none."""

    def upload_url(self, key: str, size: int, seconds: int) -> str | None:
        """Return an address that takes the object's content by PUT, None where there is none."""

    def close(self) -> None:
        """Let go of connections."""


def check_key(key: str) -> str:
    """Return a key that is fit for every store.

    Raises
    ------
    ParameterError
        If it is not, such as one that would lead out of a folder.
    """
    require(
        _KEY.fullmatch(key) is not None and len(key) <= 256,
        "key",
        key,
        "letters, digits, '.', '-', '_' in parts between '/', none beginning with '.'",
    )
    return key


class FolderObjects:
    """Objects as files of a folder.

    Parameters
    ----------
    folder : path-like
        It is made if there is none.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._sweep()

    def _sweep(self) -> None:
        """Delete what processes that were killed have left half written."""
        for part in self._folder.rglob(".*.part"):
            with contextlib.suppress(OSError):
                if time.time() - part.stat().st_mtime > _PART_S:
                    part.unlink()

    def _paths(self, key: str) -> tuple[Path, Path]:
        path = self._folder / check_key(key)
        return path, path.with_name(f".{path.name}.json")

    def put_file(self, key: str, path: Path, metadata: dict[str, Any] | None = None) -> None:
        """Store a file's content; readers see the old object or the new one, never a part."""
        with path.open("rb") as content:
            self._put(key, content, metadata)

    def put_bytes(self, key: str, data: bytes, metadata: dict[str, Any] | None = None) -> None:
        """Store some bytes, as `put_file`."""
        self._put(key, io.BytesIO(data), metadata)

    def _put(self, key: str, content: BinaryIO, metadata: dict[str, Any] | None) -> None:
        place, note = self._paths(key)
        place.parent.mkdir(parents=True, exist_ok=True)
        part = place.with_name(f".{uuid.uuid4().hex}.part")
        part.write_text(json.dumps(metadata or {}), encoding="utf-8")
        part.replace(note)
        with part.open("wb") as file:
            shutil.copyfileobj(content, file)
            file.flush()
            os.fsync(file.fileno())
        part.replace(place)

    def get_file(self, key: str, path: Path) -> bool:
        """Write an object's content to a file; False where there is none."""
        place, _ = self._paths(key)
        if not place.is_file():
            return False
        shutil.copyfile(place, path)
        return True

    def metadata(self, key: str) -> dict[str, Any] | None:
        """Return an object's metadata, None where there is no object."""
        place, note = self._paths(key)
        if not place.is_file():
            return None
        values: dict[str, Any] = json.loads(note.read_text(encoding="utf-8"))
        return values

    def find(self, prefix: str) -> list[ObjectInfo]:
        """Return the objects whose keys begin so, by key."""
        found = []
        for path in self._folder.rglob("*"):
            key = path.relative_to(self._folder).as_posix()
            if path.is_file() and not path.name.startswith(".") and key.startswith(prefix):
                status = path.stat()
                found.append(ObjectInfo(key, status.st_size, status.st_mtime))
        return sorted(found, key=lambda info: info.key)

    def delete(self, key: str) -> None:
        """Delete an object for good; no fault if there is none."""
        for path in self._paths(key):
            path.unlink(missing_ok=True)

    def upload_url(self, key: str, size: int, seconds: int) -> str | None:  # noqa: ARG002
        """Return None: what a folder holds comes through the service."""
        check_key(key)
        return None

    def close(self) -> None:
        """Do nothing: a folder holds no connection."""
