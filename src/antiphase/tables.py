"""Tables of a TOML file as frozen value objects: types, missing and unknown keys.

Nothing here needs numpy: commands that only read settings start at once.
"""

from __future__ import annotations

import dataclasses
import difflib
import tomllib
import types
import typing
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar, Union

from antiphase.errors import FileFormatError

__all__ = ["build", "nearest", "read_toml"]

T = TypeVar("T")
WANTED = {float: "a number", int: "a whole number", str: "text", bool: "true or false"}


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


def nearest(name: str, choices: Iterable[str]) -> str:
    """Return a hint such as ``did you mean 'mu'?``, or the choices when none is close."""
    choices = sorted(choices)
    lowered = {choice.lower(): choice for choice in choices}
    close = difflib.get_close_matches(name.lower(), lowered, n=1, cutoff=0.5)
    if close:
        return f"did you mean {lowered[close[0]]!r}?"
    return f"choose from {', '.join(choices)}"


def build(cls: type[T], table: Mapping[str, Any], where: str = "") -> T:
    """Return a `cls`, a dataclass, with the values of a table.

    Parameters
    ----------
    cls : type
        A dataclass whose field types are plain, tuples or dataclasses again.
    table : mapping
        Field names and values; nested tables for nested dataclasses.
    where : str
        Name of the table, for messages.

    Raises
    ------
    FileFormatError
        If a key is unknown or missing, or a value is of the wrong type.
    """
    hints = typing.get_type_hints(cls)
    fields = {f.name: f for f in dataclasses.fields(typing.cast("Any", cls))}
    prefix = f"{where}." if where else ""
    for key in table:
        if key not in fields:
            raise FileFormatError(f"unknown key {prefix}{key}; {nearest(key, fields)}")
    for name, entry in fields.items():
        has_default = (
            entry.default is not dataclasses.MISSING
            or entry.default_factory is not dataclasses.MISSING
        )
        if name not in table and not has_default:
            raise FileFormatError(f"key {prefix}{name} is missing")
    values = {key: _convert(hints[key], v, f"{prefix}{key}") for key, v in table.items()}
    return cls(**values)


def _convert(hint: Any, value: Any, name: str) -> Any:  # noqa: ANN401 - driven by type hints
    origin = typing.get_origin(hint)
    if origin in (Union, types.UnionType, dict):
        return value
    if origin is tuple:
        return _convert_list(typing.get_args(hint), value, name)
    if dataclasses.is_dataclass(hint):
        return _convert_table(typing.cast("type[Any]", hint), value, name)
    if hint is float and type(value) is int:
        return float(value)
    if type(value) is not hint:
        raise FileFormatError(f"{name} is {value!r} but must be {WANTED[hint]}")
    return value


def _convert_table(cls: type[Any], value: Any, name: str) -> Any:  # noqa: ANN401
    if isinstance(value, cls):
        return value
    if not isinstance(value, Mapping):
        raise FileFormatError(f"{name} is {value!r} but must be a table: write [{name}]")
    return build(cls, value, name)


def _convert_list(inner: tuple[Any, ...], value: Any, name: str) -> tuple[Any, ...]:  # noqa: ANN401
    if not isinstance(value, list | tuple):
        raise FileFormatError(f"{name} is {value!r} but must be a list")
    if inner[-1] is Ellipsis:
        return tuple(_convert(inner[0], v, name) for v in value)
    if len(value) != len(inner):
        raise FileFormatError(f"{name} is {value!r} but must have {len(inner)} numbers")
    return tuple(_convert(h, v, name) for h, v in zip(inner, value, strict=True))
