"""The package on the platform's Python, and on those before it, without anything installed."""

from __future__ import annotations

import json
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from antiphase.adaptive import FxNLMS, NLMSFilter
from benchmarks.interpreters import find_interpreter
from edge.build import build
from tests.edge.events import block, load_event
from tests.needs import missing

VERSIONS = pytest.mark.parametrize("version", ["3.11", "3.12", "3.13"])
EVENTS = {
    "post_json_block": "200",
    "post_binary_block": "200",
    "options_preflight": "204",
    "post_json_truncated_at_1_mb": "413",
    "post_json_rls": "POST",
    "get_of_a_page": "GET",
}
# What a start can do without: see docs/decisions/edge-filter.md.
SLOW_IMPORTS = ["dataclasses", "inspect", "hmac", "_hashlib", "ctypes", "pathlib", "base64"]
PRELUDE = """
import json, sys
sys.path.insert(0, sys.argv[1])
before = set(sys.modules)
from edge.handler import lambda_handler
loaded = sorted(set(sys.modules) - before)
given = json.load(sys.stdin)
"""
HANDLER = (
    PRELUDE
    + """
class Context:
    def get_remaining_time_in_millis(self): return 20000
out = [lambda_handler(event, Context()) for event in given]
print(json.dumps([[a.get("status", a.get("method")) for a in out], loaded]))
"""
)
FILTERS = (
    PRELUDE
    + """
from array import array
from edge import filter, packed
x, u, d, n = given
rule = filter.Rule(0.3, 1.0, 1e-6 * 32767**2)
pad = [0] * (n - 1)
floats = list(map(float, pad + x))
print(json.dumps([
    packed.nlms(array("h", pad + x), d, [0.0] * n, rule).output,
    filter.nlms(floats, d, [0.0] * n, rule).output,
    filter.fxnlms(floats, u, d, [0.0] * n, rule).output,
]))
"""
)


def run(version: str, folder: Path, script: str, given: object) -> Any:  # noqa: ANN401 - JSON
    python = find_interpreter(version) or missing(f"python{version} is not installed")
    build({"keys": {"1": "00" * 16}}, folder / "edge.zip")
    zipfile.ZipFile(folder / "edge.zip").extractall(folder)
    done = subprocess.run(
        [python, "-I", "-S", "-B", "-c", script, str(folder)],
        input=json.dumps(given),
        check=True,
        capture_output=True,
        text=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


@VERSIONS
def test_recorded_events(version: str, tmp_path: Path) -> None:
    """Every recorded event has its status, and a start loads nothing slow or foreign."""
    statuses, loaded = run(version, tmp_path, HANDLER, [load_event(name) for name in EVENTS])
    assert statuses == list(EVENTS.values())
    assert not [name for name in loaded if name.split(".")[0] in ("numpy", "antiphase")]
    if version != "3.11":
        assert not set(SLOW_IMPORTS) & set(loaded)


@VERSIONS
def test_filters_are_those_of_the_package(version: str, tmp_path: Path) -> None:
    """Both forms of NLMS and FxNLMS agree with the float64 kernels to 1e-9 of full scale."""
    _, x, d = block(1600)
    n, path, full = 64, np.array([0.0, 0.8, 0.3]), 32767
    past = np.concatenate([np.zeros(n - 1 + len(path)), x])
    filtered = full * np.convolve(past, path, mode="valid")[: len(x) + n - 1]
    ints, errors = np.rint(full * x).astype(int).tolist(), np.rint(full * d).tolist()
    given = [ints, filtered.tolist(), errors, n]
    packed, plain, drive = (np.array(out) / full for out in run(version, tmp_path, FILTERS, given))
    expected = NLMSFilter(n, 0.3, dtype=np.float64).process(x, d)
    np.testing.assert_allclose(packed, expected, rtol=0, atol=1e-9)
    np.testing.assert_allclose(plain, expected, rtol=0, atol=1e-9)
    expected = FxNLMS(n, path, 0.3, dtype=np.float64).process(x, d)
    np.testing.assert_allclose(drive, expected, rtol=0, atol=1e-9)
