"""Helm on the command line, as far as the documents use it: renders, and lets kubectl apply.

The library is Helm itself; only reading the options is ours.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml
from helm_python import Chart, HelmError, parse_set_string_values

from deploy.render import merged


def main() -> int:
    """Run ``helm upgrade --install``."""
    parser = argparse.ArgumentParser(prog="helm")
    parser.add_argument("command", choices=["upgrade"])
    parser.add_argument("name")
    parser.add_argument("chart", type=Path)
    parser.add_argument("--install", action="store_true", required=True)
    parser.add_argument("--namespace", default="default")
    parser.add_argument("--values", type=Path, action="append", default=[])
    parser.add_argument("--set", action="append", default=[])
    asked = parser.parse_args()
    values: dict[str, Any] = {}
    for path in asked.values:
        values = merged(values, yaml.safe_load(path.read_text(encoding="utf-8")))
    for text in asked.set:
        values = merged(values, parse_set_string_values(text))
    try:
        with Chart.load(asked.chart) as chart:
            files = chart.render(values=values, name=asked.name, namespace=asked.namespace)
    except HelmError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    text = "\n---\n".join(text for path, text in files.items() if path.endswith(".yaml"))
    apply = ["kubectl", "--namespace", asked.namespace, "apply", "-f", "-"]
    return subprocess.run(apply, input=text, text=True, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
