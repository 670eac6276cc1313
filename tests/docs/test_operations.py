"""The operations pages: every command runs here or says what it needs."""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import sqlalchemy as sa

from antiphase.storage.history import SqlHistory
from tests.docs.aws_commands import aws_commands, faults_of
from tests.docs.cluster import Cluster, cluster
from tests.storage.servers import postgresql_server

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted((ROOT / "docs" / "operations").glob("*.md"))
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
MARKS = (
    "*Needs an AWS account*",
    "*Needs an AWS account.*",
    "*Needs Docker*",
    "*Needs the internet.*",
)
OUTPUTS = ROOT / "tests" / "deploy" / "outputs.json"
AWS = [
    pytest.param(command, id=f"{page.stem}-{command.split()[2]}")
    for page in PAGES
    for command in aws_commands(page.read_text(encoding="utf-8"))
]
# Words of a shell that can't be run here, wherever they stand.
FOREIGN = ("aws", "curl", "terraform", "docker", "kind")
pytestmark = pytest.mark.skipif(
    shutil.which("kubectl") is None and not os.environ.get("CI"), reason="kubectl is not installed"
)


def blocks(page: Path) -> list[tuple[bool, str]]:
    """Return the shell blocks of a page: whether each is marked as needing more, and its text."""
    found = []
    whole = page.read_text(encoding="utf-8")
    for block in BLOCK.finditer(whole):
        paragraph = whole[: block.start()].rstrip().rsplit("\n\n", 1)[-1]
        if block[1] == "shell":
            found.append((any(mark in paragraph for mark in MARKS), block[2]))
    return found


RUN_HERE = [
    pytest.param(page, text, id=f"{page.stem}-{number}")
    for page in PAGES
    for number, (marked, text) in enumerate(blocks(page))
    if not marked
]


@dataclass(frozen=True)
class Desk:
    """Where commands run.

    Attributes
    ----------
    folder : Path
        A folder with `deploy` and what the pages speak of.
    env : dict
        With kubectl's configuration and helm on the path.
    api : Cluster
    """

    folder: Path
    env: dict[str, str]
    api: Cluster

    def run(self, text: str) -> None:
        """Run a block as a shell would; fail the test at the first command that fails."""
        done = subprocess.run(
            ["/bin/bash", "-euo", "pipefail", "-c", text],
            cwd=self.folder,
            env=self.env,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, f"{text}\n{done.stdout}\n{done.stderr}"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """Make a cluster that has been deployed once, and a folder to stand in."""
    (tmp_path / "deploy").symlink_to(ROOT / "deploy")
    (tmp_path / ".venv").symlink_to(sys.prefix)
    (tmp_path / "outputs.json").write_text(OUTPUTS.read_text())
    (tmp_path / "history.pem").write_text("what the page has loaded")
    (tmp_path / "data").mkdir()
    with sqlite3.connect(tmp_path / "data" / "history.db") as base:
        base.execute("CREATE TABLE history (record TEXT)")
    programs = tmp_path / "bin"
    programs.mkdir()
    helm = programs / "helm"
    script = Path(__file__).with_name("helm.py")
    helm.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{script}" "$@"\n', encoding="utf-8")
    helm.chmod(0o755)
    with cluster(tmp_path / "config") as api:
        env = os.environ | {
            "KUBECONFIG": str(tmp_path / "config"),
            "PATH": f"{programs}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
        }
        made = Desk(tmp_path, env, api)
        made.run("kubectl apply -f deploy/manifests/production.yaml")
        made.run("python3 deploy/handover.py values us-east-1 <outputs.json >values-us-east-1.json")
        made.run("kubectl set image statefulset/antiphase-media worker=r/a:1")
        inside = "/api/v1/namespaces/antiphase"
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "antiphase"}}
        api.answer("POST", f"{inside}/secrets", secret | {"stringData": {"api-keys": '["old"]'}})
        for k in range(3):
            name = f"antiphase-media-{k}"
            pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}}
            api.answer("POST", f"{inside}/pods", pod)
        api.asked.clear()
        yield made


@pytest.mark.parametrize(("page", "text"), RUN_HERE)
def test_what_an_operations_page_says_works(page: Path, text: str, desk: Desk) -> None:
    """Each block runs, command by command, against the stand-in of a cluster."""
    desk.run(text)
    if "kubectl apply" in text or "rollout" in text or "helm" in text:
        assert desk.api.asked or "rollout status" in text


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_mark_is_there_where_and_only_where_it_is_needed(page: Path) -> None:
    """Blocks that need more than this machine say so; no block is marked without a reason."""
    reasons = (*FOREIGN, "kubectl logs", "kubectl port-forward")
    for marked, text in blocks(page):
        needs = any(re.search(rf"(?m)^{re.escape(word)}\b", text) for word in reasons)
        assert marked == needs, text


@pytest.mark.parametrize("command", AWS)
def test_an_aws_command_is_one(command: str) -> None:
    """The command, its options and their values are those of AWS's interface, none missing."""
    assert faults_of(command) == []


def test_a_wrong_aws_command_is_found() -> None:
    """A service, operation, option or value that is not there is found, and one that is missing."""
    right = "aws ecr create-repository --repository-name a --image-tag-mutability "
    assert faults_of("aws ecs2 describe --a b") == ["ecs2"]
    assert faults_of("aws ecr make-repository --repository-name a") == ["make-repository"]
    assert faults_of(f"{right}IMMUTABLE --colour red") == ["colour"]
    assert faults_of(f"{right}SOMETIMES") == ["image-tag-mutability SOMETIMES"]
    assert faults_of("aws s3api restore-object --bucket b") == ["key"]
    assert faults_of("aws rds wait db-instance-ready --db-instance-identifier a") != []


def test_names_in_aws_commands_are_terraforms() -> None:
    """Cluster, tables, buckets, groups and instances are named as Terraform names them."""
    outputs = {name: each["value"] for name, each in json.loads(OUTPUTS.read_text()).items()}
    own = outputs["clusters"]["us-east-1"]
    rds = ROOT / "infra" / "modules" / "rds"
    assert (
        'name        = "${var.name}-postgres${var.engine_version}"' in (rds / "main.tf").read_text()
    )
    version = re.search(
        r'"engine_version" {.*?default\s+= "(\d+)"', (rds / "variables.tf").read_text(), re.DOTALL
    )
    assert version
    groups = (ROOT / "infra" / "modules" / "vpc" / "security.tf").read_text()
    assert 'name                   = "${var.name}-${each.key}"' in groups
    registry = (ROOT / "infra" / "modules" / "registry" / "main.tf").read_text()
    assert '"${var.name}-edge"' in registry
    known = {own, f"{own}-rds", f"{own}-postgres{version[1]}", f"{own}-edge"}
    known |= set(outputs["tables"].values()) | set(outputs["buckets"]["us-east-1"].values())
    text = "\n".join(str(each.values[0]) for each in AWS)
    named = set(re.findall(r"antiphase-production[\w-]*", text))
    assert len(named) >= 5
    assert {name.removesuffix("-restored") for name in named} <= known


def test_the_historys_user_may_do_what_the_service_does() -> None:
    """The deploy page's statements, said by the database's owner, are enough for the service."""
    page = (ROOT / "docs" / "operations" / "deploy.md").read_text(encoding="utf-8")
    (statements,) = re.findall(r"^```sql\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    with postgresql_server() as url:
        admin = sa.create_engine(url, isolation_level="AUTOCOMMIT")
        with admin.connect() as as_admin:
            # RDS's own user owns the database, makes roles, and is no superuser.
            as_admin.execute(sa.text("CREATE ROLE owner LOGIN CREATEROLE"))
            as_admin.execute(sa.text("CREATE DATABASE history OWNER owner"))
        admin.dispose()
        base = sa.make_url(url).set(database="history")
        owner = sa.create_engine(base.set(username="owner"))
        with owner.begin() as as_owner:
            for statement in statements.split(";\n"):
                as_owner.execute(sa.text(statement))
        owner.dispose()
        made = base.set(username="antiphase_service")
        history = SqlHistory(made.render_as_string(hide_password=False))
        history.close()


def test_a_wrong_name_fails(desk: Desk) -> None:
    """The stand-in knows what the chart makes: a command with another name fails."""
    with pytest.raises(AssertionError, match="NotFound"):
        desk.run("kubectl rollout restart statefulset/antiphase-medium")
    with pytest.raises(AssertionError, match="sessionsUrl"):
        desk.run("helm upgrade --install a deploy/chart --set media.domain=a.b")


def test_all_pages_are_listed() -> None:
    """The first page leads to all others."""
    text = (ROOT / "docs" / "operations" / "README.md").read_text(encoding="utf-8")
    for page in PAGES:
        assert page.name == "README.md" or f"({page.name})" in text


def test_metrics_on_the_page_are_those_of_the_service() -> None:
    """The dashboards page names the metrics that the service exports, all of them and no other."""
    page = (ROOT / "docs" / "operations" / "dashboards.md").read_text(encoding="utf-8")
    source = (ROOT / "src/antiphase/service/telemetry.py").read_text(encoding="utf-8")
    exported = set(re.findall(r'"(antiphase_\w+)"', source))
    named = {name.removesuffix("_total") for name in re.findall(r"antiphase_\w+", page)}
    assert named == exported


def test_the_numbers_of_the_drain_are_the_charts() -> None:
    """What the upgrade page says of pauses and deadlines is what the chart sets."""
    page = (ROOT / "docs" / "operations" / "upgrade.md").read_text(encoding="utf-8")
    values = (ROOT / "deploy" / "chart" / "values.yaml").read_text(encoding="utf-8")
    drain = re.search(r"drainSeconds: (\d+)", values)
    assert drain
    assert f"`drainSeconds` ({drain[1]})" in page
    template = (ROOT / "deploy/chart/templates/media.yaml").read_text(encoding="utf-8")
    assert "sleep: {seconds: 5}" in template
    assert "waits 5 s" in page
