"""Each environment's page says what is built and what `antiphase cost` says that it costs."""

from __future__ import annotations

import functools
import json
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import hcl2
import pytest

from antiphase.cost import load_profile
from antiphase.cost.estimate import nodes_for
from tests.infra.terraform import ROOT

ENVIRONMENTS = ("dev", "staging", "production")
# Of the root module, where an environment says nothing.
DEFAULTS = {"cache_replicas": 1, "database_standby": True}


def plain(value: Any) -> Any:  # noqa: ANN401 - any value that HCL has
    """Return a value of HCL without quotes."""
    if isinstance(value, list):
        return [plain(each) for each in value]
    return value.strip('"') if isinstance(value, str) else value


def page(environment: str) -> str:
    """Return an environment's page."""
    return (ROOT / "environments" / environment / "README.md").read_text(encoding="utf-8")


def built(environment: str) -> dict[str, Any]:
    """Return sizes and variables of an environment."""
    folder = ROOT / "environments" / environment
    (module,) = hcl2.loads((folder / "main.tf").read_text())["module"]
    ((_, body),) = module.items()
    given = hcl2.loads((folder / f"{environment}.tfvars").read_text())
    own = {name: body[name] for name in ("log_days", "deletion_protection")}
    found = {**DEFAULTS, **body["sizes"], **given, **own}
    return {name: plain(value) for name, value in found.items()}


@functools.cache
def cost(command: str) -> dict[str, Any]:
    """Return what a command of a page prints as JSON."""
    program, *words = shlex.split(command)
    where = Path(sys.executable).with_name(program)
    done = subprocess.run([where, *words, "--json"], capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def commands(environment: str) -> list[str]:
    """Return the commands of a page."""
    return re.findall(r"^antiphase cost .*$", page(environment), re.MULTILINE)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_profile_is_what_is_built(environment: str) -> None:
    """Costs are computed for the nodes, stores and zones that Terraform makes."""
    have, profile = built(environment), load_profile(environment)
    media, data, network = profile.media, profile.data, profile.network
    assert media.node == have["media_instance_types"][0]
    assert media.least_nodes == have["media_nodes"]
    assert network.zones == len(have["availability_zones"])
    assert network.nat == have["nat"]
    assert data.database == have["database_class"]
    assert data.multi_az == have["database_standby"]
    assert data.cache == have["cache_node_type"]
    assert data.cache_nodes == have["cache_replicas"] + 1
    assert data.replica_regions == len(have["replica_regions"])
    traffic = profile.traffic
    assert nodes_for(profile, traffic.sessions * traffic.peak) <= have["media_most_nodes"]


def test_data_is_protected_where_users_are() -> None:
    """A destroy of production or its rehearsal is refused; dev is made to be thrown away."""
    assert [built(name)["deletion_protection"] for name in ENVIRONMENTS] == [False, True, True]


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_page_names_what_is_built(environment: str) -> None:
    """Zones, nodes, classes, backups and retention on the page are those of the files."""
    have, text = built(environment), page(environment)
    traffic = load_profile(environment).traffic
    named = [
        f"{len(have['availability_zones'])} zones",
        f"{have['media_nodes']} nodes" if have["media_nodes"] > 1 else "1 spot node",
        f"up to {have['media_most_nodes']}",
        f"`{have['media_instance_types'][-1]}`",
        f"`{have['database_class']}`" + (" and its standby" if have["database_standby"] else ","),
        f"{have['backup_days']} day",
        f"{have['cache_replicas'] + 1} node",
        f"`{have['cache_node_type']}`",
        f"kept {have['log_days']} days",
        have["aws_region"],
        *have["replica_regions"],
    ]
    if traffic.sessions > 1:
        named += [
            f"{traffic.sessions:.0f} sessions at once",
            f"{traffic.sessions * traffic.peak:,.0f}",
        ]
    assert [words for words in named if words not in text] == []


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_page_has_the_figures_of_its_commands(environment: str) -> None:
    """Each column of the page's table is what the command above it prints today."""
    answers = [cost(command) for command in commands(environment)]
    rows = {
        name: [int(cell.replace(",", "")) for cell in cells.split("|")]
        for name, cells in re.findall(
            r"^\| ([a-z ]+) \| ([\d,| ]+) \|$", page(environment), re.MULTILINE
        )
    }
    assert answers
    assert rows.pop("in all") == [round(answer["monthly_cost_usd"]) for answer in answers]
    assert rows == {
        part: [round(answer["parts"].get(part, 0)) for answer in answers]
        for part in answers[0]["parts"]
    }


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_budget_covers_all_regions(environment: str) -> None:
    """A budget below the computed cost would cry wolf, one of twice that would sleep."""
    whole = sum(cost(command)["monthly_cost_usd"] for command in commands(environment))
    assert len(commands(environment)) == 1 + len(built(environment)["replica_regions"])
    assert whole <= built(environment)["monthly_usd"] <= 2 * whole
