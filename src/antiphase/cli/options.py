"""Options that several commands share, and the values that ``--set`` gives."""

from __future__ import annotations

import tomllib
from typing import Annotated, Any

import typer

from antiphase.errors import ParameterError

__all__ = ["Changes", "JsonFlag", "sweeps", "values"]

JsonFlag = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a table.")]
Changes = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Change a key, such as controller.mu=0.1."),
]


def sweeps(changes: list[str] | None) -> dict[str, list[Any]]:
    """Return the values of each ``KEY=A,B``; numbers, true and false as such, else text.

    Raises
    ------
    ParameterError
        If a change is not of that form.
    """
    found: dict[str, list[Any]] = {}
    for change in changes or []:
        key, equals, text = change.partition("=")
        if not (key and equals and text):
            raise ParameterError("--set", change, "KEY=VALUE")
        found[key] = [_value(part.strip()) for part in text.split(",")]
    return found


def values(changes: list[str] | None) -> dict[str, Any]:
    """Return the first value of each ``KEY=VALUE``."""
    return {key: options[0] for key, options in sweeps(changes).items()}


def _value(text: str) -> Any:  # noqa: ANN401 - whatever TOML has
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
