"""Interpreters of other versions: the edge's platform runs Python 3.13."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

__all__ = ["edge_python", "find_interpreter", "runtime_python"]


def find_interpreter(version: str) -> str | None:
    """Return an interpreter of a version, such as "3.13".

    ``ANTIPHASE_EDGE_PYTHON`` is asked first, then the folder beside this interpreter, where version
    managers keep others, then the path.
    """
    kept = Path(sys.base_prefix).parent.glob(f"{version}*/bin/python{version}")
    asked = os.environ.get("ANTIPHASE_EDGE_PYTHON")
    for name in filter(None, [asked, *map(str, kept), shutil.which(f"python{version}")]):
        probe = [name, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
        done = subprocess.run(probe, check=False, capture_output=True, text=True)
        if done.returncode == 0 and done.stdout.strip() == version:
            return name
    return None


def edge_python() -> str:
    """Return the newest interpreter up to the platform's that is here."""
    return find_interpreter("3.13") or find_interpreter("3.12") or sys.executable


def runtime_python() -> str:
    """Return that interpreter if it has the runtime client (`awslambdaric`), else this one."""
    chosen = edge_python()
    probe = [chosen, "-c", "import awslambdaric"]
    works = subprocess.run(probe, check=False, capture_output=True).returncode == 0
    return chosen if works else sys.executable
