"""The browser's build of the kernel gives what the native one gives."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from antiphase.adaptive import FxNLMS
from tests import needs

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def module(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the module, or skip where its compiler or its host is missing."""
    for package in ("ziglang", "wasmtime"):
        needs.package(package)
    subprocess.run([sys.executable, "tools/build_wasm.py"], cwd=ROOT, check=True)
    return ROOT / "build" / "wasm" / "fxnlms.wasm"


@pytest.mark.slow
@pytest.mark.parametrize("leakage", [1.0, 0.9999])
@pytest.mark.parametrize(("n_taps", "path_taps"), [(256, 64), (61, 7)])
def test_wasm_equals_native(module: Path, n_taps: int, path_taps: int, leakage: float) -> None:
    """Drive and filter agree to rounding error of float32, for whole and odd lengths and blocks."""
    wasm = importlib.import_module("benchmarks.wasm")
    rng = np.random.default_rng(0)
    path = rng.standard_normal(path_taps).astype(np.float32)
    x, e = (s * rng.standard_normal(4800).astype(np.float32) for s in (1.0, 0.1))
    native = FxNLMS(n_taps, path, 0.05, leakage=leakage)
    browser = wasm.WasmFxNLMS(module, n_taps, path, 0.05, leakage=leakage)
    for part in (slice(0, 480), slice(480, 483), slice(483, 4500), slice(4500, 4800)):
        ours = native.process(x[part], e[part])
        np.testing.assert_allclose(
            browser.process(x[part], e[part]), ours, rtol=0, atol=1e-5 * np.abs(ours).max()
        )
    np.testing.assert_allclose(browser.control_filter, native.control_filter, atol=1e-6)


@pytest.mark.slow
def test_the_module_is_small_and_needs_nothing(module: Path) -> None:
    """At most 64 kB, and no imports: it runs in any host."""
    wasmtime = importlib.import_module("wasmtime")
    assert module.stat().st_size <= 64_000
    compiled = wasmtime.Module.from_file(wasmtime.Engine(), str(module))
    assert list(compiled.imports) == []


@pytest.mark.slow
def test_lengths_that_do_not_fit_are_refused(module: Path) -> None:
    """A filter longer than the module's buffers is refused, not written past their end."""
    wasm = importlib.import_module("benchmarks.wasm")
    with pytest.raises(ValueError, match="lengths"):
        wasm.WasmFxNLMS(module, 5000, np.ones(4, np.float32), 0.05)
