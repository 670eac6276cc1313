"""Build the edge function's package: `python -m edge.build --config edge.json --out edge.zip`.

The same inputs give the same bytes. `--native` adds the compiled kernel (x86-64), made by the
system's compiler or, where there is none, by the `ziglang` wheel.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

__all__ = ["build", "compile_kernel", "render_config"]

HERE = Path(__file__).resolve().parent
MODULES = (
    "__init__",
    "contract",
    "contract_binary",
    "contract_json",
    "filter",
    "handler",
    "native",
    "packed",
    "process",
    "state_token",
    "wire",
)
LIMITS = {
    "allow_origin": "*",
    "max_taps": 1024,
    "max_work": 4_000_000,
    "longest_state": 4096,
    "ns_per_work": 160,
    "reserve_ms": 50,
}
EPOCH = (1980, 1, 1, 0, 0, 0)


def render_config(settings: dict[str, Any]) -> str:
    """Return the text of `config.py`.

    Parameters
    ----------
    settings : dict
        ``keys`` (number → hex, two during a rotation), ``current_key``, and any of the limits.

    Raises
    ------
    ValueError
        If the keys are missing or unfit, or a setting is unknown.
    """
    unknown = set(settings) - {*LIMITS, "keys", "current_key"}
    if unknown:
        raise ValueError(f"{min(unknown)!r} is no setting; known: {sorted(LIMITS)}")
    if "keys" not in settings:
        raise ValueError("keys is missing: a map of number to at least 16 bytes in hex")
    secrets = {int(number): bytes.fromhex(text) for number, text in settings["keys"].items()}
    current = int(settings.get("current_key", max(secrets)))
    if current not in secrets or any(len(secret) < 16 for secret in secrets.values()):
        raise ValueError("keys must have 16 bytes or more, and current_key must be one of them")
    lines = [
        '"""Settings of the edge function, rendered at build time."""',
        "",
        "from .state_token import Keys",
        "",
        'PATH = "/anc-process"',
        f"KEYS = Keys({dict(sorted(secrets.items()))!r}, current={current})",
    ]
    lines += [f"{name.upper()} = {settings.get(name, LIMITS[name])!r}" for name in sorted(LIMITS)]
    return "\n".join(lines) + "\n"


def compile_kernel(folder: Path) -> Path:
    """Compile the native kernel into `folder` and return the library.

    Raises
    ------
    RuntimeError
        If no compiler works.
    """
    source, part = HERE.parent / "native" / "edge.cpp", folder / "kernel.o"
    library = folder / "kernel.so"
    found = [name for name in ("c++", "g++", "clang++") if shutil.which(name)]
    if found:
        compiler = linker = [found[0], "-march=x86-64-v2", "-mtune=generic"]
    else:
        zig, target = [sys.executable, "-m", "ziglang"], ["-target", "x86_64-linux-gnu.2.28"]
        compiler = [*zig, "c++", *target]
        # As C: the C++ driver would first build a C++ library, which the kernel does not use.
        linker = [*zig, "cc", *target]
    flags = ["-std=c++17", "-O3", "-fPIC", "-fno-exceptions", "-fno-rtti"]
    _run([*compiler, *flags, "-c", str(source), "-o", str(part)])
    _run([*linker, "-shared", "-s", str(part), "-o", str(library)])
    return library


def _run(command: list[str]) -> None:
    done = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603
    if done.returncode != 0:
        said = done.stderr.strip().splitlines() or ["no word"]
        raise RuntimeError(f"{command[0]} failed: {said[-1]}")


def build(settings: dict[str, Any], out: Path, *, native: bool = False) -> int:
    """Write the package and return its size in bytes."""
    files = {f"edge/{name}.py": (HERE / f"{name}.py").read_bytes() for name in MODULES}
    files["edge/config.py"] = render_config(settings).encode()
    if native:
        with tempfile.TemporaryDirectory() as folder:
            files["edge/kernel.so"] = compile_kernel(Path(folder)).read_bytes()
    out.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as package:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            package.writestr(entry, files[name])
    return out.stat().st_size


def main() -> None:
    """Build from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", type=Path, required=True, help="JSON: keys, limits")
    parser.add_argument("--out", type=Path, default=Path("build/edge.zip"))
    parser.add_argument("--native", action="store_true", help="add the compiled kernel")
    arguments = parser.parse_args()
    size = build(json.loads(arguments.config.read_text()), arguments.out, native=arguments.native)
    print(f"{arguments.out}: {size} bytes")  # noqa: T201 - a command line tool


if __name__ == "__main__":
    main()
