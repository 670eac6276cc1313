"""TOML files."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from antiphase.errors import FileFormatError

__all__ = ["read_toml"]


def read_toml(path: str | Path) -> dict[str, Any]:
    """Return the tables of a TOML file.

    Raises
    ------
    FileFormatError
        If the file is missing or is not TOML; one line with the file's name.
    """
    try:
        return tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise FileFormatError(f"can't read {path}: {error.strerror or error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise FileFormatError(f"{path} is not TOML: {error}") from error
