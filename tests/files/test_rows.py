"""Rows that survive an interruption."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from antiphase.errors import FileFormatError
from antiphase.files.rows import RowFile


def test_rows_end_in_one_parquet_file(tmp_path: Path) -> None:
    """After `finish` the Parquet file has all rows, columns united, and no journal is left."""
    path = tmp_path / "deep" / "scan.parquet"
    file = RowFile(path, key="case")
    file.append({"case": "a", "nr_db": 1.5})
    file.append({"case": "b", "failure": "no"})
    file.finish()
    assert pq.read_table(path).to_pylist() == [
        {"case": "a", "nr_db": 1.5, "failure": None},
        {"case": "b", "nr_db": None, "failure": "no"},
    ]
    assert [p.name for p in path.parent.iterdir()] == ["scan.parquet"]


def test_nothing_is_lost_when_the_program_stops(tmp_path: Path) -> None:
    """Rows appended before a stop are there again, even if the last line was cut in the middle."""
    path = tmp_path / "scan.parquet"
    file = RowFile(path, key="case")
    file.append({"case": "a", "nr_db": 1.0})
    with path.with_name("scan.parquet.partial.jsonl").open("a") as journal:
        journal.write('{"case": "b", "nr')
    assert RowFile(path, key="case").rows == [{"case": "a", "nr_db": 1.0}]


def test_a_row_appended_after_a_cut_line_is_kept(tmp_path: Path) -> None:
    """A new row does not join the remains of the line that was cut off."""
    path = tmp_path / "scan.parquet"
    path.with_name("scan.parquet.partial.jsonl").write_text('{"case": "b", "nr')
    RowFile(path, key="case").append({"case": "c", "nr_db": 2.0})
    assert RowFile(path, key="case").rows == [{"case": "c", "nr_db": 2.0}]


def test_a_finished_file_is_continued(tmp_path: Path) -> None:
    """Rows of an existing file are kept; a row with the same key replaces the older one."""
    path = tmp_path / "scan.parquet"
    for value in (1.0, 2.0):
        file = RowFile(path, key="case")
        file.append({"case": "a", "nr_db": value})
        file.append({"case": str(value), "nr_db": value})
        file.finish()
    rows = {row["case"]: row["nr_db"] for row in RowFile(path, key="case").rows}
    assert rows == {"a": 2.0, "1.0": 1.0, "2.0": 2.0}


def test_a_file_that_is_not_parquet_is_refused(tmp_path: Path) -> None:
    """Another file of that name is not overwritten but named in one line."""
    path = tmp_path / "scan.parquet"
    path.write_text("my notes")
    with pytest.raises(FileFormatError, match=r"scan\.parquet") as caught:
        RowFile(path, key="case")
    assert "\n" not in str(caught.value)
    assert path.read_text() == "my notes"
