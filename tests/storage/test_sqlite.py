"""SQLite files of several users."""

from __future__ import annotations

import contextlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from antiphase.storage.sqlite import open_shared


def test_many_writers_share_a_file(tmp_path: Path) -> None:
    """Two connections, written to from several threads, see all of each other's rows."""
    path = tmp_path / "shared.db"
    with (
        contextlib.closing(open_shared(path, "NORMAL")) as one,
        contextlib.closing(open_shared(path, "OFF")) as other,
    ):
        one.execute("CREATE TABLE numbers (n INTEGER)")

        def write(n: int) -> None:
            (one if n % 2 else other).execute("INSERT INTO numbers VALUES (?)", (n,))

        with ThreadPoolExecutor(4) as threads:
            list(threads.map(write, range(100)))
        for base in (one, other):
            rows = base.execute("SELECT n FROM numbers ORDER BY n").fetchall()
            assert [n for (n,) in rows] == list(range(100))
