"""Build the browser's kernel: ``build/wasm/fxnlms.wasm`` from ``native/wasm`` (`make wasm`).

Compiled for WASI only to have the headers of the C++ library, linked freestanding: the module
imports nothing. Needs the `ziglang` wheel (requirements/bench.txt), which serves as the compiler.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

__all__ = ["available", "build"]

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "native" / "wasm" / "fxnlms.cpp"
COMPILE = [
    *("-target", "wasm32-wasi", "-std=c++17", "-O3", "-g0", "-msimd128", "-mbulk-memory"),
    *("-ffp-contract=off", "-fno-exceptions", "-fno-rtti", "-fno-threadsafe-statics"),
]
LINK = ["-target", "wasm32-freestanding", "-nostdlib", "-Wl,--no-entry", "-Wl,--strip-all"]


def available() -> bool:
    """Whether the compiler is installed."""
    return importlib.util.find_spec("ziglang") is not None


def build(folder: Path = ROOT / "build" / "wasm") -> Path:
    """Compile and link into `folder`; return the module's path.

    Raises
    ------
    CalledProcessError
        If the compiler refuses; its messages are on the error stream.
    """
    folder.mkdir(parents=True, exist_ok=True)
    compiler = [sys.executable, "-m", "ziglang", "c++"]
    module, compiled = folder / "fxnlms.wasm", folder / "fxnlms.o"
    include = ["-I", str(ROOT / "native")]
    subprocess.run(
        [*compiler, *COMPILE, *include, "-c", str(SOURCE), "-o", str(compiled)], check=True
    )
    subprocess.run([*compiler, *LINK, str(compiled), "-o", str(module)], check=True)
    return module


def main() -> None:
    """Build and print where and how large."""
    if not available():
        raise SystemExit("the ziglang wheel is missing: pip install -r requirements/bench.txt")
    module = build()
    print(f"{module.relative_to(ROOT)}: {module.stat().st_size / 1000:.1f} kB")


if __name__ == "__main__":
    main()
