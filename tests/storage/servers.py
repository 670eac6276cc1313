"""Servers that the tests start by themselves: Redis, PostgreSQL, and AWS as moto plays it."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import psycopg
import pytest
import redis
from moto.server import ThreadedMotoServer

from tests.needs import missing

__all__ = [
    "Clock",
    "aws",
    "free_port",
    "make_bucket",
    "make_tables",
    "need",
    "postgresql_server",
    "redis_server",
]

_AWS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}


class Clock:
    """A clock that is set."""

    def __init__(self, now: float = 100.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def need(program: str) -> str:
    """Return where a program is; without it the test is skipped, or fails in CI."""
    places = [
        shutil.which(program),
        *map(str, Path("/usr/lib/postgresql").glob(f"*/bin/{program}")),
    ]
    found = [place for place in places if place]
    if not found:
        missing(f"{program} is not installed")
    return found[-1]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(check: Callable[[], object], process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 30
    while True:
        try:
            check()
        except (redis.ConnectionError, psycopg.OperationalError):
            if time.monotonic() > end or process.poll() is not None:
                raise
            time.sleep(0.05)
        else:
            return


@contextlib.contextmanager
def _running(command: list[str], check: Callable[[], object], **options: Any) -> Iterator[None]:  # noqa: ANN401
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options
    ) as process:
        try:
            _wait(check, process)
            yield
        finally:
            process.terminate()
            process.wait(20)


@contextlib.contextmanager
def redis_server() -> Iterator[str]:
    """Run Redis on loopback, in memory only; gives its URL."""
    port = free_port()
    options = ["--bind", "127.0.0.1", "--port", str(port), "--save", "", "--appendonly", "no"]

    def ping() -> None:
        with redis.Redis(port=port) as client:
            client.ping()

    with _running([need("redis-server"), *options], ping):
        yield f"redis://127.0.0.1:{port}/0"


@contextlib.contextmanager
def postgresql_server(certificate: tuple[bytes, bytes] | None = None) -> Iterator[str]:
    """Run PostgreSQL on loopback in a folder of its own; gives SQLAlchemy's URL.

    Parameters
    ----------
    certificate : tuple of (bytes, bytes), optional
        PEM of a certificate and its key: the server speaks TLS then.
    """
    port = free_port()
    # The server refuses to run as root, so root lends it an unprivileged user.
    user = {"user": "nobody", "group": "nogroup"} if os.geteuid() == 0 else {}
    with tempfile.TemporaryDirectory(prefix="pg") as folder:
        Path(folder).chmod(0o777)
        data = f"{folder}/data"
        initdb = [need("initdb"), "-D", data, "-U", "antiphase", "-A", "trust", "-E", "UTF8", "-N"]
        options: dict[str, Any] = {**user, "cwd": folder, "env": {"PATH": os.environ["PATH"]}}
        subprocess.run(initdb, check=True, capture_output=True, **options)
        command = [need("postgres"), "-D", data, "-p", str(port), "-h", "127.0.0.1", "-k", folder]
        if certificate is not None:
            for name, text in zip(("server.crt", "server.key"), certificate, strict=True):
                place = Path(data) / name
                place.write_bytes(text)
                place.chmod(0o600)
                if user:
                    shutil.chown(place, **user)
            command += ["-c", "ssl=on"]
        dsn = f"host=127.0.0.1 port={port} user=antiphase dbname=postgres"
        with _running([*command, "-F"], lambda: psycopg.connect(dsn).close(), **options):
            yield f"postgresql+psycopg://antiphase@127.0.0.1:{port}/postgres"


@contextlib.contextmanager
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Run moto's server; gives the address of its API."""
    for name, value in _AWS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    # What moto holds is the process's, not the server's.
    with urllib.request.urlopen(urllib.request.Request(f"{url}/moto-api/reset", method="POST")):  # noqa: S310
        pass
    try:
        yield url
    finally:
        server.stop()


def _table(url: str, name: str, key: str, index: str, hash_key: str, range_key: str) -> None:
    types = {key: "S", hash_key: "S", range_key: "N"}
    base = boto3.client("dynamodb", region_name="eu-central-1", endpoint_url=url)
    base.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": key, "KeyType": "HASH"}],
        AttributeDefinitions=[
            {"AttributeName": a, "AttributeType": kind} for a, kind in types.items()
        ],
        BillingMode="PAY_PER_REQUEST",
        GlobalSecondaryIndexes=[
            {
                "IndexName": index,
                "KeySchema": [
                    {"AttributeName": hash_key, "KeyType": "HASH"},
                    {"AttributeName": range_key, "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
    )
    base.close()


def make_tables(url: str) -> tuple[str, str]:
    """Make the two tables as Terraform does; gives their names."""
    _table(url, "test-sessions", "session_id", "by_worker", "worker", "created_at")
    _table(url, "test-connections", "connection_id", "by_session", "session_id", "joined_at")
    return "test-sessions", "test-connections"


def make_bucket(url: str, name: str) -> str:
    """Make a versioned bucket as Terraform does; gives its name."""
    base = boto3.client("s3", region_name="eu-central-1", endpoint_url=url)
    place = {"LocationConstraint": "eu-central-1"}
    base.create_bucket(Bucket=name, CreateBucketConfiguration=place)
    base.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    base.close()
    return name
