"""Sound, paths, settings and results as files: the only file I/O below the service."""

from __future__ import annotations

from antiphase.files.bench_data import find_bench_data
from antiphase.files.rows import RowFile
from antiphase.files.toml import read_toml

__all__ = ["RowFile", "find_bench_data", "read_toml"]
