"""Renders the chart to plain manifests for those without Helm: `python deploy/render.py`.

Helm itself does it, from the wheel `helm-python-sdk`. `--check` changes nothing and ends with 1
where the manifests in `deploy/manifests` are not those of the chart. `--values FILE` prints the
production manifests with the values of a file over them, and writes none.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import kubernetes_validate
import yaml
from helm_python import Chart, lint, values_from_yaml

CHART = Path(__file__).resolve().parent / "chart"
MANIFESTS = CHART.parent / "manifests"
ENVIRONMENTS = ("dev", "production")
KUBERNETES = ("1.31", "1.34", "1.37")
HEAD = "# Made by deploy/render.py from deploy/chart and values-{name}.yaml; change those.\n"


def read_values(environment: str) -> dict[str, Any]:
    """Return the values of an environment."""
    text = (CHART / f"values-{environment}.yaml").read_text(encoding="utf-8")
    values: dict[str, Any] = values_from_yaml(text)
    return values


def merged(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """Return the values of both, the later ones first, as Helm merges its files."""
    found = dict(old)
    for key, value in new.items():
        both = isinstance(value, dict) and isinstance(found.get(key), dict)
        found[key] = merged(found[key], value) if both else value
    return found


def render(values: dict[str, Any], *, name: str = "antiphase") -> str:
    """Return all objects as one YAML document stream, in the order of the templates.

    Parameters
    ----------
    values : dict
        Over those of ``values.yaml``.
    name : str
        Of the release.
    """
    with Chart.load(CHART) as chart:
        files = chart.render(values=values, name=name, namespace=name)
    texts = (files[path].strip() for path in sorted(files) if path.endswith(".yaml"))
    documents = (part for text in texts for part in text.split("\n---\n"))
    return "".join(f"---\n{part.strip()}\n" for part in documents if part.strip())


def objects(values: dict[str, Any], *, name: str = "antiphase") -> list[dict[str, Any]]:
    """Return all objects that the chart makes with these values."""
    return [found for found in yaml.safe_load_all(render(values, name=name)) if found]


def faults(values: dict[str, Any]) -> list[str]:
    """Return what Helm's own linter says, warnings included."""
    found = lint(CHART, values, strict=True)
    return [message["error"] for message in found["messages"] if message["severity"] > 1]


def schema_faults(values: dict[str, Any], version: str) -> list[str]:
    """Return what one version of Kubernetes would refuse in what the chart makes.

    Parameters
    ----------
    values : dict
        Over those of ``values.yaml``.
    version : str
        Such as ``"1.37"``; unknown fields are faults.
    """
    found = []
    for made in objects(values):
        try:
            kubernetes_validate.validate(made, version, strict=True)
        except (kubernetes_validate.ValidationError, kubernetes_validate.SchemaNotFoundError) as no:
            found.append(f"{version} {made['kind']} {made['metadata']['name']}: {no.message}")
    return found


def main() -> int:
    """Write the manifests, check them, or print them with other values."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="only say whether they are up to date")
    parser.add_argument("--values", type=Path, help="over those of production")
    asked = parser.parse_args()
    if asked.values is not None:
        over = yaml.safe_load(asked.values.read_text(encoding="utf-8"))
        sys.stdout.write(render(merged(read_values("production"), over)))
        return 0
    return _write(check=asked.check)


def _write(*, check: bool) -> int:
    stale = False
    for name in ENVIRONMENTS:
        path = MANIFESTS / f"{name}.yaml"
        text = HEAD.format(name=name) + render(read_values(name))
        if check:
            if not path.is_file() or path.read_text(encoding="utf-8") != text:
                print(f"{path} is not what the chart makes: run python deploy/render.py")
                stale = True
        else:
            MANIFESTS.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
    return int(stale)


if __name__ == "__main__":
    sys.exit(main())
