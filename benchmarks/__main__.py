"""Run all benchmarks, each in a process of its own, and print their figures (`make bench`)."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
NAMES = ("kernels", "control", "network", "media", "live", "edge", "infra")


def main() -> None:
    """Run one after the other; a benchmark that fails is named and the others still run."""
    failed = []
    for name in sys.argv[1:] or NAMES:
        print(f"== {name}", flush=True)
        command = [sys.executable, "-m", f"benchmarks.{name}", "--json"]
        done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
        if done.returncode != 0:
            failed.append(name)
            continue
        figures = json.loads(done.stdout.strip().splitlines()[-1])
        for key, value in figures.items():
            if not isinstance(value, dict):
                print(f"{key:36s} {value}")
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
