"""Alert rules and dashboard, in the real Prometheus and Grafana's own model, on real metrics.

Grafana itself can't be had from a package registry, so the dashboard is read by the library that
its makers publish, which is made from Grafana's own description of a dashboard.
"""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard
from grafana_foundation_sdk.models.prometheus import Dataquery

from antiphase.realtime.figures import Attenuation, DeviceFigures, Figures, OutputFigures
from antiphase.service.rooms import Rooms
from antiphase.service.telemetry import DEVICE, SESSION
from tests.deploy.prometheus import prometheus
from tests.devices.rig.live import ANTIPHASE, service
from tests.needs import program
from tests.service.running import live

DEPLOY = Path(__file__).parents[2] / "deploy"
RULES = DEPLOY / "prometheus" / "alerts.yaml"
CASES = DEPLOY / "prometheus" / "alerts.test.yaml"
DASHBOARD = DEPLOY / "grafana" / "antiphase.json"


COMPARISON = re.compile(r" (==|>=|<=|<|>) (?!bool)")


def lost(asked: Any, kept: Any, path: str = "dashboard") -> list[str]:  # noqa: ANN401 - JSON
    """Return the places of a document that another does not have, or has otherwise."""
    if isinstance(asked, dict) and isinstance(kept, dict):
        inner = [(asked[name], kept.get(name), f"{path}.{name}") for name in asked]
    elif isinstance(asked, list) and isinstance(kept, list) and len(asked) == len(kept):
        pairs = zip(asked, kept, strict=True)
        inner = [(a, b, f"{path}[{k}]") for k, (a, b) in enumerate(pairs)]
    else:
        return [] if asked == kept else [path]
    return [place for each in inner for place in lost(*each)]


def as_grafana_reads(text: str) -> Any:  # noqa: ANN401 - JSON
    """Return a dashboard as Grafana's own model writes what it has read."""
    register_default_plugins()
    return json.loads(JSONEncoder().encode(Dashboard.from_json(json.loads(text))))


def conditions() -> list[str]:
    """Return each alert's expression so that it gives 0 or 1 in place of nothing or a value."""
    found = re.findall(r"expr: (.*)", RULES.read_text())
    return [COMPARISON.sub(r" \1 bool ", text).removeprefix("absent") for text in found]


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


def test_grafanas_own_model_keeps_all_of_the_dashboard() -> None:
    """Grafana's model knows all of the dashboard, and reads the queries as Prometheus' own."""
    text = DASHBOARD.read_text()
    assert lost(json.loads(text), as_grafana_reads(text)) == []
    panels = Dashboard.from_json(json.loads(text)).panels or []
    targets = [each for panel in panels for each in panel.targets]  # type: ignore[union-attr]
    assert targets
    assert all(isinstance(each, Dataquery) for each in targets)


@pytest.mark.parametrize(
    ("right", "wrong"),
    [('"gridPos"', '"gridpos"'), ('"fieldConfig"', '"fields"'), ('"legendFormat"', '"legend"')],
)
def test_the_model_does_find_what_grafana_does_not_know(right: str, wrong: str) -> None:
    """A field of another name is found: the check can fail."""
    text = DASHBOARD.read_text().replace(right, wrong)
    assert lost(json.loads(text), as_grafana_reads(text)) != []


def test_every_query_has_an_answer_in_prometheus(
    tmp_path: Path, panels: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prometheus reads a service whose session adds noise: each panel and condition has a value.

    The rules are evaluated at once, so that the alert fires that one panel shows.
    """
    device = DeviceFigures("d", "rig", ("error",), drift_ppm=-20.0, loss=0.01)
    figures = Figures(
        attenuation=Attenuation(estimated=-5.0, bound=14.0),
        margin_ms=3.0,
        deadline_misses=3,
        output=OutputFigures(thd_percent=0.4, snr_db=31.0),
        devices=(device,),
    )
    rules = tmp_path / "alerts.yaml"
    text = re.sub(r"(?m)^ +for: \w+\n", "", RULES.read_text())
    rules.write_text(text.replace("interval: 30s", "interval: 1s"))
    queries = [target["expr"] for panel in panels for target in panel["targets"]]
    with live() as server:
        server.create()
        monkeypatch.setattr(Rooms, "figures", lambda *_: figures)
        with prometheus(tmp_path, server.url, rules) as running:
            assert running.until([*queries, *conditions()], 60) == set()
            firing = running.ask('ALERTS{alertstate="firing"}')
            assert "NoiseIsAdded" in {each["metric"]["alertname"] for each in firing}
            assert running.ask("antiphase_no_such_metric") == []


@pytest.mark.slow
def test_a_live_session_shows_on_the_dashboard(tmp_path: Path) -> None:
    """While a scene plays, Prometheus has each figure of the session but the THD of pure tones."""
    wanted = {*SESSION, *DEVICE, "antiphase_peers > 0"} - {"antiphase_output_thd_percent"}
    with service() as (url, _), prometheus(tmp_path, url) as running:
        scene = [*ANTIPHASE, "rig", "--server", url, "--scene", "road", "--seconds", "90"]
        with subprocess.Popen([*scene, "--json"], stdout=subprocess.DEVNULL) as playing:
            try:
                assert running.until(sorted(wanted), 120) == set()
            finally:
                playing.terminate()


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
