"""A root module applied to a local AWS API, and destroyed again."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.infra.terraform import Terraform, make_terraform
from tests.storage.servers import aws

__all__ = ["RECORDS", "Applied", "Record", "applied_root"]

_KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}


@dataclass(frozen=True)
class Applied:
    """What was applied: the tool, where its root module is, and the API's address."""

    terraform: Terraform
    where: str
    url: str

    def client(self, service: str, region: str = "us-east-1") -> Any:  # noqa: ANN401 - boto3 has no types
        """Return a client of the local API."""
        return boto3.client(service, region_name=region, endpoint_url=self.url)

    def changes(self, *words: str) -> dict[str, str]:
        """Plan and return what would happen to each address: create, update, replace, delete."""
        lines = self.terraform.run(self.where, "plan", "-json", *words).splitlines()
        planned = [line for line in map(json.loads, lines) if line["type"] == "planned_change"]
        found = {p["change"]["resource"]["addr"]: p["change"]["action"] for p in planned}
        return {address: to for address, to in found.items() if to not in ("noop", "read")}


@dataclass(frozen=True)
class Record:
    """What came of one root module: the modules that were applied, and what a destroy left."""

    where: str
    modules: frozenset[str]
    left: int


# Of this process, for the benchmark.
RECORDS: list[Record] = []


def _modules(terraform: Terraform, where: str) -> frozenset[str]:
    """Return the modules of which something is in the state."""
    kept = terraform.infra / where / ".terraform" / "modules" / "modules.json"
    folders = {m["Key"]: Path(m["Dir"]).name for m in json.loads(kept.read_text())["Modules"]}
    state = terraform.run(where, "state", "list").splitlines()
    paths = [re.findall(r"module\.([A-Za-z0-9_]+)", line.split("[")[0]) for line in state]
    keys = {".".join(path[:k]) for path in paths for k in range(1, len(path) + 1)}
    return frozenset(folders[key] for key in keys)


@contextlib.contextmanager
def applied_root(
    folder: Path,
    where: str,
    look: Callable[[Applied], None] | None = None,
    variables: Mapping[str, object] | None = None,
) -> Iterator[Applied]:
    """Apply a root module for the length of the context, then destroy it.

    The destroy must leave nothing in the state; `look` can look for what is left in the API.
    """
    with pytest.MonkeyPatch.context() as patch, aws(patch) as url:
        extra = {"AWS_ENDPOINT_URL": url, "AWS_EC2_METADATA_DISABLED": "true", **_KEYS}
        extra |= {f"TF_VAR_{name}": str(value) for name, value in (variables or {}).items()}
        terraform = make_terraform(folder, extra)
        terraform.run(where, "init")
        terraform.run(where, "apply", "-auto-approve", "-parallelism=20")
        done = Applied(terraform, where, url)
        modules = _modules(terraform, where)
        yield done
        terraform.run(where, "destroy", "-auto-approve", "-refresh=false", "-parallelism=20")
        left = terraform.run(where, "state", "list").splitlines()
        RECORDS.append(Record(where, modules, len(left)))
        assert left == []
        if look is not None:
            look(done)
