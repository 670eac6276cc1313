"""Alert rules and dashboard, loaded by Prometheus's own tool, on metrics that the service has."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.needs import program
from tests.service.running import live

DEPLOY = Path(__file__).parents[2] / "deploy"
RULES = DEPLOY / "prometheus" / "alerts.yaml"
CASES = DEPLOY / "prometheus" / "alerts.test.yaml"
DASHBOARD = DEPLOY / "grafana" / "antiphase.json"


def promtool(*words: str) -> str:
    """Run the tool, which must find no fault."""
    done = subprocess.run(
        [program("promtool"), *words], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def panels() -> list[dict[str, Any]]:
    """Return the dashboard's panels."""
    found: list[dict[str, Any]] = json.loads(DASHBOARD.read_text())["panels"]
    return found


def test_rules_load_and_say_what_they_must() -> None:
    """Each alert speaks in its trouble, and none for a healthy worker or a rollout."""
    assert "12 rules found" in promtool("check", "rules", str(RULES))
    promtool("test", "rules", str(CASES))


def test_every_alert_has_a_case() -> None:
    """Each alert's silence and its speech are in the cases."""
    cases = CASES.read_text()
    spoken = "".join(re.findall(r"expr: '(.*?)'", cases))
    for name in re.findall(r"alert: (\w+)", RULES.read_text()):
        assert f"alertname: {name}}}" in cases, name
        assert re.search(rf"\b{name}\b", spoken), name


def test_dashboard_asks_what_prometheus_understands(
    tmp_path: Path, panels: list[dict[str, Any]]
) -> None:
    """Each query of each panel is one that Prometheus loads."""
    queries = [target["expr"] for panel in panels for target in panel["targets"]]
    rules = [{"record": f"q{k}", "expr": query} for k, query in enumerate(queries)]
    path = tmp_path / "queries.yaml"
    path.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))
    assert f"{len(queries)} rules found" in promtool("check", "rules", str(path))


def test_panels_do_not_cover_each_other(panels: list[dict[str, Any]]) -> None:
    """Each place of the grid is taken once, within its 24 columns."""
    taken = [
        (x, y)
        for place in (panel["gridPos"] for panel in panels)
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(set(taken)) == len(taken)
    assert max(x for x, _ in taken) == 23
    assert len({panel["id"] for panel in panels}) == len(panels)


def test_all_metrics_are_the_services(panels: list[dict[str, Any]]) -> None:
    """What rules and dashboard name is exported; what is exported is shown."""
    with live() as server:
        text = httpx.get(f"{server.url}/metrics").text
    exported = set(re.findall(r"^# TYPE (antiphase_\w+)", text, re.MULTILINE))
    shown = " ".join(target["expr"] for panel in panels for target in panel["targets"])
    named = set(re.findall(r"\bantiphase_\w+", shown))
    watched = re.findall(r"expr: (.*)", RULES.read_text())
    assert set(re.findall(r"\bantiphase_\w+", " ".join(watched))) <= exported
    assert named == exported
