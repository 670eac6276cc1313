"""Benchmarks whose figures come in groups that can be computed alone."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

__all__ = ["collect", "print_figures"]


def collect(groups: Mapping[str, Callable[[], dict[str, Any]]], only: str | None) -> dict[str, Any]:
    """Return the figures of all groups, or those of one."""
    figures: dict[str, Any] = {}
    for name, group in groups.items():
        if only in (None, name):
            figures |= group()
    return figures


def print_figures(
    about: str | None, names: Iterable[str], compute: Callable[[str | None], dict[str, Any]]
) -> None:
    """Read the command line and print the figures it asks for."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--json", action="store_true", help="one JSON object on the last line")
    parser.add_argument("--only", help="one group: " + ", ".join(names))
    arguments = parser.parse_args()
    figures = compute(arguments.only)
    if arguments.json:
        print(json.dumps(figures))
        return
    for name, value in figures.items():
        print(f"{name:28} {value}")
