"""Build the native kernels and install the package in editable form (`make build`).

A C++ compiler of the system is taken where there is one; elsewhere the `ziglang` wheel serves as
the compiler. Zig needs a target named (or it builds for the build machine's own instruction set)
and a toolchain file that also names its archiver.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TOOLS = {"cc": "cc", "c++": "c++", "ar": "ar", "ranlib": "ranlib"}


def system_compiler() -> str | None:
    """Return the C++ compiler of this machine, None if there is none."""
    candidates = [os.environ.get("CXX"), "c++", "g++", "clang++"]
    return next((name for name in candidates if name and shutil.which(name)), None)


def zig_toolchain() -> Path:
    """Install the ziglang wheel, write wrappers for it and return a CMake toolchain file."""
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run(
        [*pip, "-c", str(ROOT / "requirements" / "constraints.txt"), "ziglang"], check=True
    )
    folder = ROOT / "build" / "zig"
    folder.mkdir(parents=True, exist_ok=True)
    machine = platform.machine().replace("AMD64", "x86_64").replace("arm64", "aarch64")
    system = "linux-gnu.2.28" if sys.platform == "linux" else "macos"
    target = f"-target {machine}-{system}"
    headers = "-idirafter /usr/include -include cstdio" if sys.platform == "linux" else ""
    for name, command in TOOLS.items():
        wrapper = folder / f"zig-{name}"
        extra = {"c++": f"{target} {headers}", "cc": target}.get(name, "")
        wrapper.write_text(
            f'#!/bin/sh\nexec "{sys.executable}" -m ziglang {command} {extra} "$@"\n'
        )
        wrapper.chmod(0o755)
    variables = {"C_COMPILER": "cc", "CXX_COMPILER": "c++", "AR": "ar", "RANLIB": "ranlib"}
    lines = [f'set(CMAKE_{k} "{folder / f"zig-{v}"}")' for k, v in variables.items()]
    toolchain = folder / "toolchain.cmake"
    toolchain.write_text("\n".join(lines) + "\n")
    return toolchain


def main() -> None:
    """Build and install."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--isas", default="", help='for instance "avx2"; default: all')
    parser.add_argument("--wheel", help="write a wheel to this folder instead of installing")
    arguments = parser.parse_args()
    defines = [f"ANTIPHASE_ISAS={arguments.isas}"] if arguments.isas else []
    if system_compiler() is None:
        print("no C++ compiler found: using the ziglang wheel (first build about two minutes)")
        defines.append(f"CMAKE_TOOLCHAIN_FILE={zig_toolchain()}")
    else:
        print(f"building the native kernels with {system_compiler()}")
    settings = [f"--config-settings=cmake.define.{define}" for define in defines]
    wheel = ["wheel", "--wheel-dir", arguments.wheel, str(ROOT)]
    goal = wheel if arguments.wheel else ["install", "-e", str(ROOT)]
    options = ["--quiet", "--disable-pip-version-check", "--no-build-isolation", "--no-deps"]
    subprocess.run([sys.executable, "-m", "pip", *goal, *options, *settings], check=True)


if __name__ == "__main__":
    main()
