"""Where the measured paths and recordings of bench-data are, if this machine has them."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["find_bench_data"]


def find_bench_data() -> Path | None:
    """Return the folder of bench-data, None where there is none.

    The environment variable ``ANTIPHASE_BENCH_DATA`` names it outright (an empty value means
    none); else ``../shared/bench-data`` beside the project or beside the current directory.
    """
    named = os.environ.get("ANTIPHASE_BENCH_DATA")
    if named is not None:
        candidates = [Path(named)] if named else []
    else:
        roots = [Path(__file__).resolve().parents[3], Path.cwd()]
        candidates = [root.parent / "shared" / "bench-data" for root in roots]
    return next((folder for folder in candidates if (folder / "duct.npz").is_file()), None)
