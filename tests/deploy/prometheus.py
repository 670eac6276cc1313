"""The real Prometheus on loopback, reading a service's metrics once a second."""

from __future__ import annotations

import contextlib
import json
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from tests.needs import program
from tests.storage.servers import free_port

__all__ = ["Prometheus", "prometheus"]


@dataclass(frozen=True)
class Prometheus:
    """A running server.

    Attributes
    ----------
    url : str
    """

    url: str

    def ask(self, query: str) -> list[dict[str, Any]]:
        """Return what a query gives now, one entry a series."""
        answer = httpx.get(f"{self.url}/api/v1/query", params={"query": query}).json()
        assert answer["status"] == "success", (query, answer)
        found: list[dict[str, Any]] = answer["data"]["result"]
        return found

    def until(self, queries: list[str], seconds: float) -> set[str]:
        """Wait until each query has given a value once; return those that never did."""
        open_ = set(queries)
        end = time.monotonic() + seconds
        while open_ and time.monotonic() < end:
            open_ -= {query for query in open_ if self.ask(query)}
            time.sleep(0.5)
        return open_


@contextlib.contextmanager
def prometheus(folder: Path, service: str, rules: Path | None = None) -> Iterator[Prometheus]:
    """Run it on what a service at an address exports.

    Parameters
    ----------
    folder : path-like
        Of its configuration and data.
    service : str
        Address of the service.
    rules : path-like, optional
        Alert rules that it evaluates.
    """
    job = {"job_name": "antiphase", "static_configs": [{"targets": [urlsplit(service).netloc]}]}
    config = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "scrape_configs": [job],
        "rule_files": [] if rules is None else [str(rules)],
    }
    path = folder / "prometheus.yml"
    path.write_text(json.dumps(config), encoding="utf-8")
    url = f"http://127.0.0.1:{free_port()}"
    options = [f"--config.file={path}", f"--storage.tsdb.path={folder / 'data'}"]
    options += [f"--web.listen-address={urlsplit(url).netloc}", "--log.level=error"]
    with subprocess.Popen([program("prometheus"), *options]) as process:
        try:
            end = time.monotonic() + 30
            while True:
                with contextlib.suppress(httpx.TransportError):
                    if httpx.get(f"{url}/-/ready").status_code == httpx.codes.OK:
                        break
                assert process.poll() is None
                assert time.monotonic() < end
                time.sleep(0.1)
            yield Prometheus(url)
        finally:
            process.terminate()
            process.wait(20)
