"""SQLite files that the processes of one machine share."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Literal

__all__ = ["open_shared"]


def open_shared(path: Path, synchronous: Literal["OFF", "NORMAL"]) -> sqlite3.Connection:
    """Open a file for many threads and processes; each statement is a transaction of its own.

    Parameters
    ----------
    path : path-like
        The file; it is made if there is none.
    synchronous : {"OFF", "NORMAL"}
        What a power failure may cost: with "OFF" the file, with "NORMAL" the newest transactions.
    """
    base = sqlite3.connect(path, timeout=5.0, isolation_level=None, check_same_thread=False)
    base.execute("PRAGMA journal_mode=WAL")
    base.execute(f"PRAGMA synchronous={synchronous}")
    return base
