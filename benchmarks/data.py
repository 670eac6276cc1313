"""The measured paths and recordings in bench-data, where this machine has them."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import numpy.typing as npt

__all__ = ["available", "load"]

ROOT = Path(__file__).resolve().parents[1]


def _folder() -> Path:
    named = os.environ.get("ANTIPHASE_BENCH_DATA")
    return Path(named) if named else ROOT.parent / "shared" / "bench-data"


def available() -> bool:
    """Whether bench-data is here (environment ``ANTIPHASE_BENCH_DATA`` or beside the project)."""
    return (_folder() / "duct.npz").is_file()


def load(name: str) -> dict[str, npt.NDArray[np.float64]]:
    """Return all arrays of one file, such as ``load("duct")``, as float64 (integers stay)."""
    with np.load(_folder() / f"{name}.npz") as data:
        return {key: np.asarray(data[key], dtype=np.float64) for key in data.files}
