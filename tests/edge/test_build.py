"""The package: small, the same every time, and working without the repository."""

from __future__ import annotations

import ast
import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from edge.build import MODULES, build, render_config
from edge.filter import Rule, fxnlms, nlms
from tests import needs
from tests.edge.events import load_event

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = {"keys": {"1": "00" * 32, "2": "01" * 32}, "current_key": 2}
SCRIPT = """
import json, sys, random
sys.path.insert(0, sys.argv[1])
from edge.handler import lambda_handler
from edge import native
class Context:
    def get_remaining_time_in_millis(self): return 20000
answer = lambda_handler(json.loads(sys.stdin.read()), Context())
assert "numpy" not in sys.modules and "antiphase" not in sys.modules
print(native.ENGINE, answer["status"], "NaN" in answer["body"])
"""
NATIVE = """
import json, sys
sys.path.insert(0, sys.argv[1])
from edge import native
from edge.filter import Rule
x, u, d, w = json.loads(sys.stdin.read())
r = Rule(0.3, 0.9999, 1e-6)
print(json.dumps([native.nlms(x, d, w, r), native.fxnlms(x, u, d, w, r), native.convolve(x, w)]))
"""


def run(script: str, folder: Path, text: str) -> str:
    command = [sys.executable, "-c", script, str(folder)]
    return subprocess.run(command, input=text, check=True, capture_output=True, text=True).stdout


def test_package_is_small_and_the_same_every_time(tmp_path: Path) -> None:
    """Two builds have the same bytes, at most 100 kB."""
    first, second = tmp_path / "a.zip", tmp_path / "b.zip"
    assert build(SETTINGS, first) == build(SETTINGS, second) <= 100_000
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize("native", [False, True])
def test_package_answers_on_its_own(tmp_path: Path, native: bool) -> None:
    """The unpacked package serves an event with the standard library alone."""
    size = build(SETTINGS, tmp_path / "e.zip", native=native)
    assert size <= 1_000_000
    zipfile.ZipFile(tmp_path / "e.zip").extractall(tmp_path)
    out = run(SCRIPT, tmp_path, json.dumps(load_event("post_json_block")))
    assert out.splitlines()[-1].split()[:2] == ["native" if native else "python", "200"]


def agree(folder: Path) -> None:
    """Build with the native kernel and compare it with pure Python."""
    build(SETTINGS, folder / "e.zip", native=True)
    zipfile.ZipFile(folder / "e.zip").extractall(folder)
    rng = np.random.default_rng(0)
    x, u, d, w = (rng.standard_normal(n).tolist() for n in (531, 531, 500, 32))
    rule = Rule(0.3, 0.9999, 1e-6)
    ours = json.loads(run(NATIVE, folder, json.dumps([x, u, d, w])).splitlines()[-1])
    for mine, step in zip(ours, (nlms(x, d, w, rule), fxnlms(x, u, d, w, rule)), strict=False):
        np.testing.assert_allclose(mine[0], step.output, atol=1e-9)
        np.testing.assert_allclose(mine[1], step.weights, atol=1e-9)
    np.testing.assert_allclose(ours[2], np.correlate(x, w, "valid"), atol=1e-9)


def test_native_kernel_agrees(tmp_path: Path) -> None:
    """The compiled kernel gives the pure Python result to 1e-9."""
    agree(tmp_path)


@pytest.mark.slow
def test_native_kernel_of_the_other_compiler(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no compiler is installed the `ziglang` wheel makes the same kernel, under 1 MB."""
    needs.package("ziglang")
    monkeypatch.setattr(shutil, "which", lambda _: None)
    agree(tmp_path)
    assert (tmp_path / "e.zip").stat().st_size <= 1_000_000


def test_broken_kernel_leaves_pure_python(tmp_path: Path) -> None:
    """A library of another machine is passed over."""
    build(SETTINGS, tmp_path / "e.zip")
    zipfile.ZipFile(tmp_path / "e.zip").extractall(tmp_path)
    (tmp_path / "edge" / "kernel.so").write_bytes(b"\x7fELF of another machine")
    out = run(SCRIPT, tmp_path, json.dumps(load_event("post_json_block")))
    assert out.splitlines()[-1].split()[:2] == ["python", "200"]


def test_settings_come_from_the_build_alone() -> None:
    """No module of the package reads an environment variable."""
    for name in MODULES:
        tree = ast.parse((ROOT / "edge" / f"{name}.py").read_text())
        names = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        names |= {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        assert not names & {"environ", "getenv", "environb"}


@pytest.mark.parametrize("bad", [{}, {"keys": {"1": "00"}}, {**SETTINGS, "colour": 1}])
def test_bad_settings_are_refused(bad: dict[str, object]) -> None:
    """Missing or short keys and unknown settings stop the build."""
    with pytest.raises(ValueError, match=r"keys|setting"):
        render_config(bad)
