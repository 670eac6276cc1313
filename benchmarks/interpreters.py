"""Interpreters of other versions: the edge's platform runs Python 3.13."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

__all__ = ["find_interpreter"]


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
