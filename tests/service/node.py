"""Run the page's modules under Node: numbers in as JSON, numbers out as JSON."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

__all__ = ["STATIC", "in_node", "needs_node"]

STATIC = Path(__file__).resolve().parents[2] / "src" / "antiphase" / "service" / "static"
needs_node = pytest.mark.skipif(
    shutil.which("node") is None and not os.environ.get("CI"), reason="node is not installed"
)
_PREFIX = """
import { readFileSync } from "node:fs";
const given = JSON.parse(readFileSync(0, "utf8"));
const use = (name) => import(given.static + "/" + name);
const bytes = (hex) => Uint8Array.from(hex.match(/../g) ?? [], (pair) => parseInt(pair, 16));
const hex = (array) => Buffer.from(array).toString("hex");
const plain = (_, value) => ArrayBuffer.isView(value) ? Array.from(value) : value;
const answer = (value) => console.log(JSON.stringify(value, plain));
"""


def _as_json(value: object) -> object:
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, bytes):
        return value.hex()
    raise TypeError(f"{type(value)} is not for JSON")


def in_node(script: str, **given: object) -> Any:  # noqa: ANN401 - JSON
    """Run a script that finds its input in `given` and calls `answer` once."""
    text = json.dumps({"static": STATIC.as_uri(), **given}, default=_as_json)
    command = ["node", "--input-type=module", "--eval", _PREFIX + script]
    done = subprocess.run(
        command,
        check=False,
        capture_output=True,
        text=True,
        input=text,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
