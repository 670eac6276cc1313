"""S3's own side of the objects; the contract is in test_objects.py."""

from __future__ import annotations

import urllib.request
from pathlib import Path

import boto3
import pytest

from antiphase.errors import ParameterError
from antiphase.storage.s3 import S3Objects
from tests.storage.servers import aws, make_bucket

REGION = "eu-central-1"


def test_a_browser_uploads_by_itself(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The signed address takes the content by PUT, and holds its size and time to live."""
    with aws(monkeypatch) as url:
        store = S3Objects({"raw": make_bucket(url, "test-raw")}, REGION, url)
        address = store.upload_url("raw/a", 5, 60)
        assert address is not None
        assert "X-Amz-Expires=60" in address
        assert "content-length" in address
        headers = {"Content-Type": "application/octet-stream"}
        request = urllib.request.Request(  # noqa: S310 - moto on loopback
            address, data=b"12345", method="PUT", headers=headers
        )
        with urllib.request.urlopen(request) as answer:  # noqa: S310 - moto on loopback
            assert answer.status == 200
        assert store.get_file("raw/a", tmp_path / "back")
        assert (tmp_path / "back").read_bytes() == b"12345"
        store.close()


def test_deletion_takes_all_versions(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """In a versioned bucket nothing of a deleted recording can be brought back."""
    with aws(monkeypatch) as url:
        bucket = make_bucket(url, "test-raw")
        store = S3Objects({"raw": bucket}, REGION, url)
        (tmp_path / "x").write_bytes(b"voice")
        for _ in range(3):
            store.put_file("raw/a", tmp_path / "x")
        store.delete("raw/a")
        base = boto3.client("s3", region_name=REGION, endpoint_url=url)
        left = base.list_object_versions(Bucket=bucket)
        assert "Versions" not in left
        assert "DeleteMarkers" not in left
        base.close()
        store.close()


def test_an_unknown_part_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key outside the buckets that were set is refused by name."""
    with aws(monkeypatch) as url:
        store = S3Objects({"raw": "r"}, REGION, url)
        with pytest.raises(ParameterError, match="below raw"):
            store.metadata("models/a")
        with pytest.raises(ParameterError, match="known first part"):
            store.find("mod")
        store.close()
