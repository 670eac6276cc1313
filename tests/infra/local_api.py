"""A root module applied to a local AWS API, and destroyed again."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.infra.terraform import Terraform, make_terraform
from tests.storage.servers import aws

__all__ = ["RECORDS", "Applied", "Record", "applied_root", "drift_of"]

_KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}


@dataclass(frozen=True)
class Applied:
    """What was applied: the tool, where its root module is, the API's address, and of what."""

    terraform: Terraform
    where: str
    url: str
    targets: tuple[str, ...] = ()

    def client(self, service: str, region: str = "us-east-1") -> Any:  # noqa: ANN401 - boto3 has no types
        """Return a client of the local API."""
        return boto3.client(service, region_name=region, endpoint_url=self.url)

    def changes(self, *words: str) -> dict[str, str]:
        """Plan and return what would happen to each address: create, update, replace, delete."""
        found = {
            change["resource"]["addr"]: change["action"]
            for change in _planned(self.terraform, self.where, *self.targets, *words)
        }
        return {address: to for address, to in found.items() if to not in ("noop", "read")}

    def untagged(self) -> list[str]:
        """Return what could carry tags and does not say product and environment."""
        state = json.loads(self.terraform.run(self.where, "show", "-json"))
        return [
            each["address"]
            for each in _resources(state["values"]["root_module"])
            if each["mode"] == "managed" and "tags" in each["values"]
            if not {"Project", "Environment"} <= set(each["values"]["tags"] or {})
        ]


@dataclass(frozen=True)
class Record:
    """What came of one root module: what was applied whole or in part, and what a destroy left."""

    where: str
    modules: frozenset[str]
    partly: frozenset[str]
    left: int


# Of this process, for the benchmark.
RECORDS: list[Record] = []


def _resources(module: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Give the resources of a module and all below it."""
    yield from module.get("resources", [])
    for child in module.get("child_modules", []):
        yield from _resources(child)


def _planned(terraform: Terraform, where: str, *words: str) -> list[dict[str, Any]]:
    """Plan and return what would change, in the form of Terraform's JSON."""
    lines = map(json.loads, terraform.run(where, "plan", "-json", *words).splitlines())
    return [line["change"] for line in lines if line["type"] == "planned_change"]


def _modules(terraform: Terraform, where: str, addresses: Iterable[str]) -> frozenset[str]:
    """Return the modules that have one of these addresses."""
    kept = terraform.infra / where / ".terraform" / "modules" / "modules.json"
    folders = {m["Key"]: Path(m["Dir"]).name for m in json.loads(kept.read_text())["Modules"]}
    paths = [re.findall(r"module\.([A-Za-z0-9_]+)", line.split("[")[0]) for line in addresses]
    keys = {".".join(path[:k]) for path in paths for k in range(1, len(path) + 1)}
    return frozenset(folders[key] for key in keys)


@contextlib.contextmanager
def applied_root(
    folder: Path,
    where: str,
    look: Callable[[Applied], None] | None = None,
    variables: Mapping[str, object] | None = None,
    lacking: Collection[str] = (),
) -> Iterator[Applied]:
    """Apply a root module for the length of the context, then destroy it.

    The destroy must leave nothing in the state; `look` can look for what is left in the API.
    Resources of the types `lacking`, which the API does not know, are left out, and their modules
    count as applied in part.
    """
    with pytest.MonkeyPatch.context() as patch, contextlib.ExitStack() as running:
        # Nodes have policies that AWS itself wrote.
        patch.setenv("MOTO_IAM_LOAD_MANAGED_POLICIES", "true")
        url = running.enter_context(aws(patch))
        extra = {"AWS_ENDPOINT_URL": url, "AWS_EC2_METADATA_DISABLED": "true", **_KEYS}
        extra |= {f"TF_VAR_{name}": str(value) for name, value in (variables or {}).items()}
        terraform = make_terraform(folder, extra)
        terraform.run(where, "init")
        wanted = [change["resource"] for change in _planned(terraform, where)] if lacking else []
        out = [each["addr"] for each in wanted if each["resource_type"] in lacking]
        targets = tuple(f"-target={each['addr']}" for each in wanted if each["addr"] not in out)
        terraform.run(where, "apply", "-auto-approve", "-parallelism=20", *targets)
        done = Applied(terraform, where, url, targets)
        partly = _modules(terraform, where, out)
        state = terraform.run(where, "state", "list").splitlines()
        modules = _modules(terraform, where, state) - partly
        yield done
        terraform.run(where, "destroy", "-auto-approve", "-refresh=false", "-parallelism=20")
        left = terraform.run(where, "state", "list").splitlines()
        RECORDS.append(Record(where, modules, partly, len(left)))
        assert left == []
        if look is not None:
            look(done)


def drift_of(
    applied: Applied, allowed: Collection[str], record_property: Callable[[str, object], None]
) -> set[str]:
    """Return what a second plan changes, and count what is not allowed or allowed in vain."""
    found = set(applied.changes())
    record_property("unexpected_drift", len(found - set(allowed)))
    record_property("stale_allowances", len(set(allowed) - found))
    return found
