"""Build the browser's kernels from ``native/wasm`` (`make wasm`).

``fxnlms.wasm`` is for benchmarks and goes to ``build/wasm``; ``device.wasm`` is what the page's
AudioWorklet runs and is kept beside it in ``src/antiphase/service/static``, so that nobody needs a
compiler to run the service (docs/decisions/browser-kernel.md).

Compiled for WASI to have the headers and the mathematics of the C library; nothing of a system is
linked: a module imports nothing. Needs the `ziglang` wheel (requirements/bench.txt), which serves
as the compiler.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

__all__ = ["DEVICE", "available", "build"]

ROOT = Path(__file__).resolve().parents[1]
DEVICE = ROOT / "src" / "antiphase" / "service" / "static" / "device.wasm"
COMPILE = [
    *("-target", "wasm32-wasi", "-std=c++17", "-O3", "-g0", "-msimd128", "-mbulk-memory"),
    *("-ffp-contract=off", "-fno-exceptions", "-fno-rtti", "-fno-threadsafe-statics"),
]
LINK = ["-target", "wasm32-wasi", "-mexec-model=reactor", "-nostartfiles", "-Wl,--strip-all"]


def available() -> bool:
    """Whether the compiler is installed."""
    return importlib.util.find_spec("ziglang") is not None


def build(name: str = "fxnlms", folder: Path = ROOT / "build" / "wasm") -> Path:
    """Compile and link ``native/wasm/{name}.cpp`` into `folder`; return the module's path.

    Raises
    ------
    CalledProcessError
        If the compiler refuses; its messages are on the error stream.
    """
    folder.mkdir(parents=True, exist_ok=True)
    compiler = [sys.executable, "-m", "ziglang", "c++"]
    module, compiled = folder / f"{name}.wasm", folder / f"{name}.o"
    source = ROOT / "native" / "wasm" / f"{name}.cpp"
    include = ["-I", str(ROOT / "native")]
    subprocess.run(
        [*compiler, *COMPILE, *include, "-c", str(source), "-o", str(compiled)], check=True
    )
    subprocess.run([*compiler, *LINK, str(compiled), "-o", str(module)], check=True)
    compiled.unlink()
    module.chmod(0o644)
    return module


def main() -> None:
    """Build both and print where and how large."""
    if not available():
        raise SystemExit("the ziglang wheel is missing: pip install -r requirements/bench.txt")
    for module in (build(), build("device", DEVICE.parent)):
        print(f"{module.relative_to(ROOT)}: {module.stat().st_size / 1000:.1f} kB")


if __name__ == "__main__":
    main()
