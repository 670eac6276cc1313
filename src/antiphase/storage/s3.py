"""Objects in S3: audio and models in the buckets that Terraform makes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from antiphase.errors import require
from antiphase.storage.objects import ObjectInfo, check_key

__all__ = ["S3Objects"]

_SETTINGS = Config(
    connect_timeout=3, read_timeout=30, retries={"mode": "standard"}, signature_version="s3v4"
)


class S3Objects:
    """Objects in S3, the first part of a key choosing the bucket.

    Parameters
    ----------
    buckets : dict of str to str
        Bucket by first part, such as ``{"raw": "antiphase-raw", "processed": …}``; the buckets
        are Terraform's, never made here.
    region : str
        Where they are.
    endpoint_url : str, optional
        Another address of the API than AWS's own.
    """

    def __init__(
        self, buckets: dict[str, str], region: str, endpoint_url: str | None = None
    ) -> None:
        self._buckets = buckets
        self._s3 = boto3.client(
            "s3", region_name=region, endpoint_url=endpoint_url, config=_SETTINGS
        )

    def _bucket(self, key: str) -> str:
        first = check_key(key).partition("/")[0]
        require(first in self._buckets, "key", key, f"below {', '.join(sorted(self._buckets))}")
        return self._buckets[first]

    def put_file(self, key: str, path: Path, metadata: dict[str, Any] | None = None) -> None:
        """Store a file's content; readers see the old object or the new one, never a part."""
        self._s3.upload_file(str(path), self._bucket(key), key, ExtraArgs=_noted(metadata))

    def put_bytes(self, key: str, data: bytes, metadata: dict[str, Any] | None = None) -> None:
        """Store some bytes, as `put_file`."""
        self._s3.put_object(Bucket=self._bucket(key), Key=key, Body=data, **_noted(metadata))

    def get_file(self, key: str, path: Path) -> bool:
        """Write an object's content to a file; False where there is none."""
        if self.metadata(key) is None:
            return False
        self._s3.download_file(self._bucket(key), key, str(path))
        return True

    def metadata(self, key: str) -> dict[str, Any] | None:
        """Return an object's metadata, None where there is no object."""
        try:
            head = self._s3.head_object(Bucket=self._bucket(key), Key=key)
        except ClientError as error:
            if error.response["Error"]["Code"] in {"404", "NoSuchKey", "NotFound"}:
                return None
            raise
        values: dict[str, Any] = json.loads(head["Metadata"].get("antiphase", "{}"))
        return values

    def find(self, prefix: str) -> list[ObjectInfo]:
        """Return the objects whose keys begin so, by key."""
        first = prefix.partition("/")[0]
        require("/" in prefix and first in self._buckets, "prefix", prefix, "a known first part/")
        pages = self._s3.get_paginator("list_objects_v2").paginate(
            Bucket=self._buckets[first], Prefix=prefix
        )
        found = [
            ObjectInfo(item["Key"], item["Size"], item["LastModified"].timestamp())
            for page in pages
            for item in page.get("Contents", ())
        ]
        return sorted(found, key=lambda info: info.key)

    def delete(self, key: str) -> None:
        """Delete an object for good, all versions of it; no fault if there is none."""
        bucket = self._bucket(key)
        pages = self._s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=key)
        for page in pages:
            for item in (*page.get("Versions", ()), *page.get("DeleteMarkers", ())):
                if item["Key"] == key:
                    self._s3.delete_object(Bucket=bucket, Key=key, VersionId=item["VersionId"])

    def upload_url(self, key: str, size: int, seconds: int) -> str | None:
        """Return an address that takes exactly `size` bytes by PUT for some seconds."""
        values = {"Bucket": self._bucket(key), "Key": key, "ContentLength": size}
        url: str = self._s3.generate_presigned_url("put_object", Params=values, ExpiresIn=seconds)
        return url

    def close(self) -> None:
        """Close the connections."""
        self._s3.close()


def _noted(metadata: dict[str, Any] | None) -> dict[str, Any]:
    # Metadata of S3 is ASCII of at most 2 kB; JSON's escapes keep it so.
    return {"Metadata": {"antiphase": json.dumps(metadata or {})}}
