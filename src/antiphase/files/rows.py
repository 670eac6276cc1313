"""Rows of results that survive an interruption: a journal while work goes on, then one Parquet."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from antiphase.errors import FileFormatError, MissingDependencyError

__all__ = ["RowFile"]


class RowFile:
    """A Parquet file that is filled row by row.

    Rows go to a journal of JSON lines beside the file as they come, so that nothing is lost when
    the program stops; `finish` turns all of them into one Parquet file and removes the journal.
    Columns that not all rows have are empty where they are missing.

    Parameters
    ----------
    path : str or Path
        The Parquet file; its rows, if it exists, are kept.
    key : str
        Name of the text column that tells rows apart; of two with the same key the later counts.

    Raises
    ------
    MissingDependencyError
        If pyarrow is not installed.
    FileFormatError
        If the file exists and is not Parquet, or can't be written.
    """

    def __init__(self, path: str | Path, *, key: str) -> None:
        try:
            import pyarrow as pa  # noqa: PLC0415 - an extra, and slow to import
            import pyarrow.parquet as pq  # noqa: PLC0415
        except ImportError as error:
            raise MissingDependencyError(
                'Parquet needs pyarrow: pip install "antiphase[scan]"'
            ) from error
        self._arrow, self._parquet = pa, pq
        self._path = Path(path)
        self._journal = self._path.with_name(self._path.name + ".partial.jsonl")
        self._key = key
        self._rows: dict[str, dict[str, Any]] = {}
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            if self._path.exists():
                self._take(pq.read_table(self._path).to_pylist())
        except (OSError, pa.ArrowInvalid) as error:
            reason = str(error).splitlines()[0]
            raise FileFormatError(f"can't use {self._path}: {reason}") from error
        if self._journal.exists():
            self._take(_complete_lines(self._journal))

    @property
    def rows(self) -> list[dict[str, Any]]:
        """All rows so far."""
        return list(self._rows.values())

    def append(self, row: Mapping[str, Any]) -> None:
        """Add a row, on disk before this returns."""
        # The first line break ends a line that an interruption cut off.
        with self._journal.open("a", encoding="utf-8") as journal:
            journal.write(f"\n{json.dumps(dict(row))}\n")
        self._take([dict(row)])

    def finish(self) -> None:
        """Write the Parquet file whole and remove the journal."""
        columns = list(dict.fromkeys(name for row in self.rows for name in row))
        table = self._arrow.table({c: [row.get(c) for row in self.rows] for c in columns})
        fresh = self._path.with_name(self._path.name + ".new")
        self._parquet.write_table(table, fresh)
        fresh.replace(self._path)
        self._journal.unlink(missing_ok=True)

    def _take(self, rows: list[dict[str, Any]]) -> None:
        for row in rows:
            self._rows[str(row.get(self._key))] = row


def _complete_lines(journal: Path) -> list[dict[str, Any]]:
    """Return the rows of a journal; its last line may have been cut off in the middle."""
    rows = []
    for line in journal.read_text(encoding="utf-8").splitlines():
        try:
            rows.append(json.loads(line))
        except json.JSONDecodeError:
            continue
    return rows
