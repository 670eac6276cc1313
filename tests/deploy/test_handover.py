"""What Terraform builds is what the chart expects: names, ports, checks, outputs."""

from __future__ import annotations

import ipaddress
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import make_url

from antiphase.storage.redis_urls import open_redis
from antiphase.storage.urls import StoreUrls, open_stores
from deploy.handover import (
    HISTORY_AUTHORITIES,
    HISTORY_USER,
    TURN_PORT,
    history_url,
    states_url,
    values,
)
from deploy.render import objects, read_values, render
from tests.infra.terraform import make_terraform

ROOT = Path(__file__).resolve().parents[2]
MEDIA = ROOT / "infra" / "modules" / "media"
PRODUCTION = ROOT / "infra" / "environments" / "production"
SAMPLE = Path(__file__).with_name("outputs.json")
OUTPUTS = {name: each["value"] for name, each in json.loads(SAMPLE.read_text()).items()}
REGIONS = list(OUTPUTS["hosts"])
# Outputs that are not for the chart, and where the deploy page uses them.
ELSEWHERE = {"addresses", "blocks", "clusters", "registries"}
Tree = dict[str, Any]


class Watched(dict[str, Any]):
    """A dict that knows what was read."""

    def __init__(self, items: Tree) -> None:
        super().__init__(items)
        self.read: set[str] = set()

    def __getitem__(self, key: str) -> Any:  # noqa: ANN401 - an output of any type
        """Return an item and note its name."""
        self.read.add(key)
        return super().__getitem__(key)


def run(
    *words: str, outputs: str = SAMPLE.read_text(), **env: str
) -> subprocess.CompletedProcess[str]:
    """Run the command as the deploy page does, with nothing but the standard library."""
    command = [sys.executable, "-S", "-E", str(ROOT / "deploy" / "handover.py"), *words]
    return subprocess.run(
        command, input=outputs, env=env, capture_output=True, text=True, check=False
    )


def leaves(tree: Tree, path: str = "") -> dict[str, Any]:
    """Return what is not a dict, by its path."""
    found: Tree = {}
    for name, each in tree.items():
        inner = (
            leaves(each, f"{path}{name}.") if isinstance(each, dict) else {f"{path}{name}": each}
        )
        found |= inner
    return found


def shape(tree: Any) -> Any:  # noqa: ANN401 - JSON
    """Return the names of a tree with the types of its leaves; of null nothing is known."""
    if isinstance(tree, dict):
        return {name: shape(each) for name, each in tree.items()}
    return None if tree is None else type(tree).__name__


def default(variable: str, text: str) -> str:
    """Return what stands after `default =` in a variable of the module."""
    found = re.search(rf'variable "{variable}" {{.*?\n  default\s+= (.*?)\n', text, re.DOTALL)
    assert found, variable
    return found[1]


def test_every_output_is_used_and_every_value_is_an_output() -> None:
    """What the hand-over reads and what the environment puts out are the same names."""
    watched = Watched(OUTPUTS)
    for region in REGIONS:
        values(watched, region)
        states_url(watched, region)
        history_url(watched, region, "p")
    for environment in ("dev", "staging", "production"):
        text = (PRODUCTION.parent / environment / "outputs.tf").read_text()
        declared = set(re.findall(r'^output "(\w+)"', text, re.MULTILINE))
        assert watched.read == declared - ELSEWHERE, environment
    page = (ROOT / "docs" / "operations" / "deploy.md").read_text()
    for name in ELSEWHERE:
        assert f"`{name}`" in page, name


def test_production_values_are_those_of_the_sample() -> None:
    """Whatever is one account's in the production values is written by the hand-over."""
    ours = leaves(read_values("production"))
    made = leaves(values(OUTPUTS, REGIONS[0]))
    assert made.items() <= ours.items()
    rest = {name: each for name, each in ours.items() if name not in made}
    theirs = {name for name, each in rest.items() if re.search(r"example|-\w+-\d", str(each))}
    assert theirs == {"image.repository"}


@pytest.mark.parametrize("region", REGIONS)
def test_the_chart_takes_what_is_handed_over(region: str) -> None:
    """Printed values go over the production file, and workers are told of this region only."""
    done = run("values", region)
    assert done.returncode == 0, done.stderr
    given = read_values("production")
    for table, entries in json.loads(done.stdout).items():
        given[table] |= entries
    text = render(given)
    (other,) = set(REGIONS) - {region}
    assert region in text
    assert other not in text


def test_the_service_takes_the_addresses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Addresses of tables, buckets and states are opened by the code that reads them."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    for region in REGIONS:
        stores = values(OUTPUTS, region)["stores"]
        opened = open_stores(
            StoreUrls(sessions=stores["sessionsUrl"], objects=stores["objectsUrl"]), tmp_path
        )
        opened.close()
        address = run("states-url", region).stdout.strip()
        assert address == states_url(OUTPUTS, region)
        open_redis("states_url", address).close()


def test_a_password_of_any_letters_arrives() -> None:
    """The history's address holds the password as it was given, for the service's own user."""
    password = "a/b@c:d?e#f%g h"  # noqa: S105 - a test's
    printed = run("history-url", REGIONS[0], HISTORY_PASSWORD=password).stdout.strip()
    url = make_url(printed)
    assert (url.password, url.username) == (password, HISTORY_USER)
    assert (url.host, url.database) == (OUTPUTS["history"][REGIONS[0]]["address"], "antiphase")
    master = re.search(r'username\s+= "(\w+)"', (ROOT / "infra/modules/rds/main.tf").read_text())
    assert master
    assert master[1] != HISTORY_USER


def test_workers_have_what_the_historys_certificate_is_checked_against() -> None:
    """The address names a file that the chart puts there, from the map that the page makes."""
    url = make_url(history_url(OUTPUTS, REGIONS[0], "p"))
    assert url.query == {"sslmode": "verify-full", "sslrootcert": HISTORY_AUTHORITIES}
    chart = {made["kind"]: made for made in objects(read_values("production"))}
    pod = chart["StatefulSet"]["spec"]["template"]["spec"]
    (volume,) = (v for v in pod["volumes"] if v["name"] == "authorities")
    (mount,) = (m for m in pod["containers"][0]["volumeMounts"] if m["name"] == "authorities")
    files = [f"{mount['mountPath']}/{item['path']}" for item in volume["configMap"]["items"]]
    assert files == [HISTORY_AUTHORITIES]
    page = (ROOT / "docs" / "operations" / "deploy.md").read_text()
    keys = [item["key"] for item in volume["configMap"]["items"]]
    assert f"create configmap {volume['configMap']['name']} --from-file={keys[0]} " in page


@pytest.mark.parametrize(
    ("words", "outputs", "says"),
    [
        (("values", "mars-north-1"), SAMPLE.read_text(), "mars-north-1"),
        (("states-url", "us-east-1"), "{}", "states"),
        (("values", "us-east-1"), "host = live.example.org", "terraform output -json"),
        (("history-url", "us-east-1"), SAMPLE.read_text(), "HISTORY_PASSWORD"),
    ],
)
def test_what_is_missing_is_said_in_one_line(
    words: tuple[str, ...], outputs: str, says: str
) -> None:
    """A region, an output or a password that is not there ends with 1 and its name."""
    done = run(*words, outputs=outputs)
    assert done.returncode == 1
    assert says in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert done.stdout == ""


def test_the_load_balancer_reaches_and_checks_the_workers() -> None:
    """Ports, protocol and path of the balancer's checks are the worker's own, at its node."""
    chart = {made["kind"]: made for made in objects(read_values("production"))}
    pod = chart["StatefulSet"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    variables = (MEDIA / "variables.tf").read_text()
    balancer = (MEDIA / "balancer.tf").read_text()
    ports = {each["protocol"]: each["containerPort"] for each in container["ports"]}
    assert ports == dict.fromkeys(("TCP", "UDP"), int(default("media_port", variables)))
    # Targets are nodes, so the worker must have its port on the node.
    assert 'target_type            = "instance"' in balancer
    assert pod["hostNetwork"]
    ready = container["readinessProbe"]["httpGet"]
    assert (ready["path"], ready["scheme"]) == ("/readyz", "HTTPS")
    assert f'"HTTPS" ? "{ready["path"]}"' in balancer
    lines = dict(re.findall(r"^ +(signalling|media) = \{ (.*) \}$", balancer, re.MULTILINE))
    assert 'target_protocol = "TLS", check = "HTTPS"' in lines["signalling"]
    assert 'target_protocol = "UDP", check = "TCP"' in lines["media"]
    assert all("target_port = var.media_port" in each for each in lines.values())
    # No load balancer of Kubernetes' own beside it.
    services = [made for made in objects(read_values("production")) if made["kind"] == "Service"]
    assert {each["spec"].get("type", "ClusterIP") for each in services} == {"ClusterIP"}
    waits = pod["terminationGracePeriodSeconds"]
    assert int(default("drain_seconds", variables)) >= waits


def test_the_relays_are_where_the_balancer_sends() -> None:
    """Listener and ranges of ports for relays are those of the chart's relays."""
    turn = read_values("production")["turn"]
    text = (ROOT / "deploy" / "chart" / "values.yaml").read_text()
    first, last, port = (
        int(re.search(rf"{name}: (\d+)", text)[1])  # type: ignore[index]
        for name in ("minPort", "maxPort", "  port(?=: 3)")
    )
    variables = (MEDIA / "variables.tf").read_text()
    assert default("relay_ports", variables) == f"{{ from = {first}, to = {last} }}"
    stack = (ROOT / "infra" / "modules" / "stack" / "main.tf").read_text()
    listener = f'port = {port}, protocol = "UDP", target_port = {port}, target_protocol = "UDP"'
    assert f"turn = {{ {listener} }}" in stack
    assert port == TURN_PORT
    assert [f":{port}?transport=udp" in url for url in turn["urls"]] == [True]


def test_the_pods_are_who_terraform_gives_rights_to() -> None:
    """Service account and namespace of the pod identity are those that the deploy page uses."""
    access = (MEDIA / "access.tf").read_text()
    account = re.search(r'pods = { service = "([\w-]+)"', access)
    assert account
    chart = objects(read_values("production"))
    (made,) = [each for each in chart if each["kind"] == "ServiceAccount"]
    assert made["metadata"]["name"] == account[1]
    namespace = default("namespace", (MEDIA / "variables.tf").read_text()).strip('"')
    page = (ROOT / "docs" / "operations" / "deploy.md").read_text()
    assert set(re.findall(r"--namespace (\S+)", page)) == {namespace}
    label = re.search(r'labels\s+= { role = "(\w+)" }', (MEDIA / "nodes.tf").read_text())
    assert label
    assert read_values("production")["media"]["nodeSelector"] == {"role": label[1]}


def test_there_is_a_node_for_each_worker() -> None:
    """Fewest and most workers are those of the nodes, and the stores' network is within reach."""
    sizes = (PRODUCTION / "main.tf").read_text()
    nodes = {name: int(count) for name, count in re.findall(r"media_(\w*nodes)\s+= (\d+)", sizes)}
    (scaler,) = [
        made for made in objects(read_values("production")) if made["kind"].startswith("Horizontal")
    ]
    spec = scaler["spec"]
    assert (spec["minReplicas"], spec["maxReplicas"]) == (nodes["nodes"], nodes["most_nodes"])
    values_text = (PRODUCTION / "production.tfvars").read_text()
    network = re.search(r'vpc_cidr\s+= "(.*)"', values_text)
    assert network
    (stores,) = read_values("production")["networkPolicy"]["stores"]
    inner, outer = ipaddress.IPv4Network(network[1]), ipaddress.IPv4Network(stores)
    assert inner.subnet_of(outer)


@pytest.mark.slow
def test_the_sample_is_what_an_apply_puts_out(tmp_path: Path) -> None:
    """Applied to a mock, production puts out what the sample shows, and it can be handed over."""
    terraform = make_terraform(tmp_path)
    where = "environments/production"
    tests = terraform.infra / where / "tests" / "mock.tftest.hcl"
    tests.write_text(tests.read_text().replace("command = plan", "command = apply"))
    terraform.run(where, "init", "-backend=false")
    printed = terraform.run(
        where, "test", "-json", "-verbose", "-var-file=production.tfvars"
    ).splitlines()
    lines = [json.loads(line) for line in printed]
    (state,) = [line["test_state"] for line in lines if line["type"] == "test_state"]
    made = state["outputs"]
    shapes = {name: shape(each["value"]) for name, each in made.items()}
    # A password that RDS keeps has no mocked secret.
    for region in REGIONS:
        assert shapes["history"][region].pop("secret_arn") in {None, "str"}
    wanted = shape(OUTPUTS)
    for region in REGIONS:
        del wanted["history"][region]["secret_arn"]
    assert shapes == wanted
    for region in REGIONS:
        for what in ("values", "states-url", "history-url"):
            done = run(what, region, outputs=json.dumps(made), HISTORY_PASSWORD="p")  # noqa: S106
            assert done.returncode == 0, done.stderr
            assert "None" not in done.stdout
