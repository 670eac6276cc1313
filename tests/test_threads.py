"""The command line has one thread for linear algebra, as the library itself tells."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from antiphase.threads import ONE_THREAD

ASK = """
import antiphase.cli
import ctypes, scipy.linalg
rows = open("/proc/self/maps").read().split()
for path in sorted({row for row in rows if "openblas" in row}):
    library = ctypes.CDLL(path)
    for name in ("scipy_openblas_get_num_threads64_", "scipy_openblas_get_num_threads"):
        if hasattr(library, name):
            print(getattr(library, name)())
"""


def threads(**said: str) -> list[int]:
    """Return the threads of each OpenBLAS that is loaded."""
    plain = {name: value for name, value in os.environ.items() if name not in ONE_THREAD}
    done = subprocess.run(
        [sys.executable, "-c", ASK], capture_output=True, text=True, check=True, env=plain | said
    )
    return [int(line) for line in done.stdout.split()]


@pytest.mark.skipif(
    not Path("/proc/self/maps").exists() or os.cpu_count() == 1, reason="needs Linux and two cores"
)
def test_the_command_line_has_one_thread_for_linear_algebra() -> None:
    """Whatever is loaded has one; who sets the number of threads gets that."""
    alone = threads()
    if not alone:
        pytest.skip("numpy and scipy come without OpenBLAS here")
    assert set(alone) == {1}
    assert set(threads(OPENBLAS_NUM_THREADS="2")) == {2}
