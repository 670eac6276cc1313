"""TOML files."""

from __future__ import annotations

from pathlib import Path

import pytest

from antiphase.errors import FileFormatError
from antiphase.files.toml import read_toml


def test_tables_come_back(tmp_path: Path) -> None:
    """What TOML says is what the reader returns, text outside ASCII included."""
    path = tmp_path / "a.toml"
    path.write_text('title = "Lärm"\n[noise]\nlevel = 1.5\n', encoding="utf-8")
    assert read_toml(path) == {"title": "Lärm", "noise": {"level": 1.5}}


@pytest.mark.parametrize("content", [None, b"a = = 1", b"\xff\xfe"])
def test_a_bad_file_is_one_line(tmp_path: Path, content: bytes | None) -> None:
    """A file that is missing, not TOML or not UTF-8 gives one line with its name."""
    path = tmp_path / "a.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(FileFormatError, match=r"a\.toml") as caught:
        read_toml(path)
    assert "\n" not in str(caught.value)
