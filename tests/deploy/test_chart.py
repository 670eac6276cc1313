"""The Helm chart: what Kubernetes would take, what it promises, what it refuses."""

from __future__ import annotations

import copy
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from helm_python import HelmError

from antiphase.service.settings import ServiceSettings, read_settings
from deploy.render import (
    ENVIRONMENTS,
    KUBERNETES,
    faults,
    objects,
    read_values,
    render,
    schema_faults,
)

ROOT = Path(__file__).resolve().parents[2]
PRODUCTION = read_values("production")
PARTS = ["api-keys", "token-secret", "turn-secret", "states-url", "history-url"]


def changed(environment: str, **changes: Any) -> dict[str, Any]:  # noqa: ANN401 - values of any type
    """Return an environment's values with ``table__key=value`` changed."""
    values = copy.deepcopy(read_values(environment))
    for name, value in changes.items():
        table, _, key = name.partition("__")
        values.setdefault(table, {})[key] = value
    return values


def of_kind(kind: str, values: dict[str, Any] = PRODUCTION) -> dict[str, dict[str, Any]]:
    """Return the objects of a kind by name."""
    found = [made for made in objects(values) if made["kind"] == kind]
    return {made["metadata"]["name"]: made for made in found}


def pods(values: dict[str, Any] = PRODUCTION) -> dict[str, dict[str, Any]]:
    """Return the pod specifications by the name of what makes them."""
    made = of_kind("StatefulSet", values) | of_kind("Deployment", values)
    return {name: each["spec"]["template"]["spec"] for name, each in made.items()}


def worker(values: dict[str, Any] = PRODUCTION) -> dict[str, Any]:
    """Return the worker's container."""
    container: dict[str, Any] = pods(values)["antiphase-media"]["containers"][0]
    return container


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_helm_finds_no_fault(environment: str) -> None:
    """Helm's own linter, strict, says nothing."""
    assert faults(read_values(environment)) == []


@pytest.mark.parametrize("version", KUBERNETES)
@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_kubernetes_would_take_every_object(environment: str, version: str) -> None:
    """Every object fits the published schema of that version, without an unknown field."""
    assert schema_faults(read_values(environment), version) == []


def test_the_schemas_do_find_faults() -> None:
    """A resource that is no quantity of anything is found: the check can fail."""
    spoilt = changed("production", media__resources={"requests": ["much"]})
    assert any("StatefulSet" in fault for fault in schema_faults(spoilt, KUBERNETES[-1]))


def test_manifests_are_those_of_the_chart() -> None:
    """The plain manifests in deploy/manifests are up to date."""
    done = subprocess.run(
        [sys.executable, "deploy/render.py", "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_pod_is_closed() -> None:
    """No pod runs as root, writes to its root file system, gains a capability or has a token."""
    for name, pod in pods().items():
        assert pod["securityContext"]["runAsNonRoot"], name
        assert pod["securityContext"]["seccompProfile"]["type"] == "RuntimeDefault"
        assert not pod["automountServiceAccountToken"]
        assert not pod["enableServiceLinks"]
        for container in [*pod.get("initContainers", []), *pod["containers"]]:
            context = container["securityContext"]
            assert context["readOnlyRootFilesystem"], (name, container["name"])
            assert not context["allowPrivilegeEscalation"]
            assert context["capabilities"] == {"drop": ["ALL"]}
            assert container["resources"]["requests"].keys() == {"cpu", "memory"}
            assert "memory" in container["resources"]["limits"]


def test_only_the_container_that_asks_has_a_token() -> None:
    """The token is mounted where the node's address is asked for and nowhere else."""
    for pod in pods().values():
        holders = [
            container["name"]
            for container in [*pod["initContainers"], *pod["containers"]]
            if any(mount["name"] == "token" for mount in container["volumeMounts"])
        ]
        assert holders == ["address"]
    (role,) = of_kind("ClusterRole").values()
    assert role["rules"] == [{"apiGroups": [""], "resources": ["nodes"], "verbs": ["get"]}]


def test_secrets_are_named_and_never_given() -> None:
    """The chart makes no secret; whatever could be one is a reference."""
    assert of_kind("Secret") == {}
    found = {}
    for pod in pods().values():
        for entry in [entry for each in pod["containers"] for entry in each["env"]]:
            reference = entry.get("valueFrom", {}).get("secretKeyRef")
            if reference:
                assert reference["name"] == "antiphase"
                found[entry["name"]] = reference["key"]
            else:
                assert not entry["name"].endswith(("SECRET", "KEYS", "PASSWORD")), entry
    assert set(found.values()) == set(PARTS)


def test_three_replicas_scale_on_sessions() -> None:
    """Three workers at least, more by mean sessions, fewer only after half an hour."""
    (scaler,) = of_kind("HorizontalPodAutoscaler").values()
    spec = scaler["spec"]
    assert spec["minReplicas"] == 3
    assert spec["scaleTargetRef"]["name"] == "antiphase-media"
    (metric,) = spec["metrics"]
    assert metric["pods"]["metric"]["name"] == "antiphase_sessions"
    assert metric["pods"]["target"] == {"type": "AverageValue", "averageValue": "50"}
    down = spec["behavior"]["scaleDown"]
    assert down["stabilizationWindowSeconds"] >= 1800
    assert down["policies"] == [{"type": "Pods", "value": 1, "periodSeconds": 600}]
    # A fixed number beside an autoscaler would undo it at each upgrade.
    assert "replicas" not in of_kind("StatefulSet")["antiphase-media"]["spec"]


def test_the_metric_is_one_that_the_service_has() -> None:
    """The autoscaler's metric is a gauge of the service."""
    text = (ROOT / "src/antiphase/service/telemetry.py").read_text(encoding="utf-8")
    assert '"antiphase_sessions"' in text


def test_a_rollout_drains() -> None:
    """One worker goes at a time, after new clients have stopped coming, and has time to drain."""
    workers = of_kind("StatefulSet")["antiphase-media"]["spec"]
    assert workers["updateStrategy"]["type"] == "RollingUpdate"
    pod, container = pods()["antiphase-media"], worker()
    env = {entry["name"]: entry.get("value") for entry in container["env"]}
    pause = container["lifecycle"]["preStop"]["sleep"]["seconds"]
    drain = int(env["ANTIPHASE_DRAIN_S"] or 0)
    assert pod["terminationGracePeriodSeconds"] >= pause + drain + 5
    ready = container["readinessProbe"]
    assert ready["httpGet"]["path"] == "/readyz"
    assert ready["periodSeconds"] * ready["failureThreshold"] <= pause
    assert container["livenessProbe"]["httpGet"]["path"] == "/healthz"
    budgets = of_kind("PodDisruptionBudget")
    assert {each["spec"]["maxUnavailable"] for each in budgets.values()} == {1}
    named = of_kind("Service")["antiphase-media"]["spec"]
    assert named["publishNotReadyAddresses"]
    assert named["clusterIP"] == "None"


def environment_of(pod_name: str, tmp_path: Path) -> dict[str, str]:
    """Run the worker's own command as a pod of that name would; return what the service is told."""
    program, address = tmp_path / "antiphase", tmp_path / "address"
    program.write_text("#!/bin/sh\nenv\n", encoding="ascii")
    program.chmod(0o755)
    address.write_text("203.0.113.10", encoding="ascii")
    container = worker()
    known = {"POD_NAME": pod_name, "POD_IP": "10.0.0.7"}
    env = {
        entry["name"]: re.sub(r"\$\((\w+)\)", lambda name: known[name[1]], entry["value"])
        for entry in container["env"]
        if "value" in entry
    }
    command = [word.replace("/run/antiphase", str(tmp_path)) for word in container["command"]]
    path = f"{tmp_path}:/usr/bin:/bin"
    done = subprocess.run(
        command, env=env | {"PATH": path}, capture_output=True, text=True, check=True
    )
    return dict(line.split("=", 1) for line in done.stdout.splitlines())


def test_each_worker_has_one_udp_port_and_a_name(tmp_path: Path) -> None:
    """A worker takes media on one UDP port of its node, and clients are sent to it by name."""
    found = environment_of("antiphase-media-2", tmp_path)
    assert (
        found["ANTIPHASE_WORKER_URL"]
        == "https://antiphase-media-2.media.us-east-1.live.example.org:8443"
    )
    assert found["ANTIPHASE_ADVERTISE"] == "203.0.113.10"
    udp = [port for port in worker()["ports"] if port["protocol"] == "UDP"]
    assert [port["containerPort"] for port in udp] == [int(found["ANTIPHASE_PORT"])] == [8443]
    assert pods()["antiphase-media"]["hostNetwork"]


def test_what_a_worker_is_told_are_settings_of_the_service(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every variable of the worker is a setting, and all together are valid as one."""
    told = {k: v for k, v in environment_of("m-1", tmp_path).items() if k.startswith("ANTIPHASE_")}
    secrets = {
        "ANTIPHASE_API_KEYS": '["of-the-application"]',
        "ANTIPHASE_TOKEN_SECRET": "t" * 32,
        "ANTIPHASE_TURN_SECRET": "u" * 32,
        "ANTIPHASE_STATES_URL": "rediss://valkey.example.org:6379/0",
        "ANTIPHASE_HISTORY_URL": "postgresql+psycopg://antiphase@postgres.example.org/antiphase",
    }
    referred = {each["name"] for each in worker()["env"] if "valueFrom" in each}
    assert secrets.keys() == {name for name in referred if name.startswith("ANTIPHASE_")}
    for name, value in (told | secrets | {"ANTIPHASE_HOST": "0.0.0.0"}).items():  # noqa: S104
        assert name.removeprefix("ANTIPHASE_").lower() in ServiceSettings.model_fields, name
        monkeypatch.setenv(name, value)
    settings = read_settings()
    assert settings.worker_url == "https://m-1.media.us-east-1.live.example.org:8443"
    assert not settings.is_open
    assert not settings.is_alone
    assert settings.origins == ("https://live.example.org", "https://us-east-1.live.example.org")
    assert all(vars(settings.store_urls).values())


@pytest.mark.parametrize("address", ["podIP", "hostIP"])
def test_an_address_can_come_from_the_pod(address: str) -> None:
    """The pod's or node's own address needs no Kubernetes API and no role."""
    values = changed("production", media__advertise=address, turn__enabled=False, turn__urls=[])
    env = {entry["name"]: entry for entry in worker(values)["env"]}
    field = env["ANTIPHASE_ADVERTISE"]["valueFrom"]["fieldRef"]["fieldPath"]
    assert field == f"status.{address}"
    assert "initContainers" not in pods(values)["antiphase-media"]
    assert of_kind("ClusterRole", values) == {}


def test_what_is_not_listed_is_closed() -> None:
    """Each pod is under a policy that opens name lookups only; the metadata service is shut."""
    policies = of_kind("NetworkPolicy")
    everything = policies["antiphase-closed"]["spec"]
    assert everything["policyTypes"] == ["Ingress", "Egress"]
    assert "ingress" not in everything
    assert {port["port"] for rule in everything["egress"] for port in rule["ports"]} == {53}
    for kind in ("StatefulSet", "Deployment"):
        for made in of_kind(kind).values():
            labels = made["spec"]["template"]["metadata"]["labels"]
            assert everything["podSelector"]["matchLabels"].items() <= labels.items()
    for policy in policies.values():
        for rule in policy["spec"].get("egress", []):
            for to in rule["to"]:
                block = to.get("ipBlock", {})
                if block.get("cidr") == "0.0.0.0/0":
                    assert "169.254.0.0/16" in block["except"]
    (rule,) = policies["antiphase-media"]["spec"]["ingress"]
    opened = {(p["port"], p.get("endPort", p["port"]), p["protocol"]) for p in rule["ports"]}
    assert opened == {(8443, 8443, "TCP"), (8443, 8443, "UDP")}


def test_media_over_tcp_is_one_more_port_everywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Off by default; with a port the worker listens there, and service and policy open it."""
    opened = {"port": 8444, "protocol": "TCP"}
    for tcp_port in (0, 8444):
        values = changed("production", media__tcpPort=tcp_port)
        (rule,) = of_kind("NetworkPolicy", values)["antiphase-media"]["spec"]["ingress"]
        named = of_kind("Service", values)["antiphase-media"]["spec"]["ports"]
        ports = {each["name"]: each["containerPort"] for each in worker(values)["ports"]}
        told = {each["name"]: each.get("value") for each in worker(values)["env"]}
        assert ports.get("media-tcp", 0) == tcp_port
        assert (opened in rule["ports"]) == bool(tcp_port)
        assert ("media-tcp" in [each["targetPort"] for each in named]) == bool(tcp_port)
        assert ("ANTIPHASE_MEDIA_TCP_PORT" in told) == bool(tcp_port)
        faults_of = [schema_faults(values, version) for version in KUBERNETES]
        assert faults_of == [[]] * len(KUBERNETES)
    monkeypatch.setenv("ANTIPHASE_MEDIA_TCP_PORT", str(told["ANTIPHASE_MEDIA_TCP_PORT"]))
    assert read_settings(data=tmp_path).media_tcp_port == 8444


def test_development_needs_nothing_but_a_cluster() -> None:
    """On kind or minikube: one worker, embedded stores, no load balancer, no relay, no scaler."""
    values = read_values("dev")
    assert of_kind("StatefulSet", values)["antiphase-media"]["spec"]["replicas"] == 1
    assert of_kind("HorizontalPodAutoscaler", values) == {}
    assert of_kind("Deployment", values) == {}
    assert of_kind("Service", values)["antiphase-signalling"]["spec"]["type"] == "ClusterIP"
    assert worker(values)["image"] == "antiphase:dev"
    assert not any("STATES" in entry["name"] for entry in worker(values)["env"])


def test_a_digest_wins_over_a_tag() -> None:
    """An image given by digest is used by digest."""
    digest = "sha256:" + "0" * 64
    values = changed("production", image__repository="r/a", image__tag="x", image__digest=digest)
    assert worker(values)["image"] == f"r/a@{digest}"


def test_two_releases_do_not_share_names() -> None:
    """Names follow the release, so that two can live in one cluster."""
    text = render(PRODUCTION, name="blue")
    assert "name: blue-antiphase-media" in text
    assert "name: antiphase-media" not in text


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"stores__sessionsUrl": ""}, "stores.sessionsUrl"),
        ({"secrets__statesUrl": ""}, "secrets.statesUrl"),
        ({"turn__enabled": False}, "turn.enabled"),
        ({"media__replicas": 0}, "replicas"),
        ({"media__port": 80}, "port"),
        ({"media__tcpPort": 443}, "tcpPort"),
        ({"media__tcpPort": 8443}, "must differ from media.port"),
        ({"media__advertise": "theirs"}, "advertise"),
        ({"media__domain": "Media"}, "domain"),
        ({"media__origins": ["http://a"]}, "origins"),
        ({"media__drain": 5}, "drain"),
        ({"media__env": {"PATH": "x"}}, "PATH"),
        ({"image__digest": "latest"}, "digest"),
        ({"signalling__type": "Ingress"}, "type"),
        ({"stores__sessionsUrl": "sqlite://x"}, "sessionsUrl"),
        ({"secrets__service": ""}, "service"),
        ({"turn__urls": ["http://a"]}, "urls"),
        ({"networkPolicy__clients": ["everybody"]}, "clients"),
    ],
)
def test_bad_values_are_refused(changes: dict[str, Any], words: str) -> None:
    """A value that could not work is refused before anything reaches a cluster."""
    with pytest.raises(HelmError, match=words):
        render(changed("production", **changes))
