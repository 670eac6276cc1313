"""What a test needs beside Python: in CI its absence fails, elsewhere the test is skipped."""

from __future__ import annotations

import importlib.util
import os
import shutil
from typing import NoReturn

import pytest

__all__ = ["missing", "package", "program"]


def missing(why: str) -> NoReturn:
    """End the test: it can't run here."""
    if os.environ.get("CI") == "true":
        pytest.fail(why)
    pytest.skip(why)


def program(name: str) -> str:
    """Return where a program is."""
    return shutil.which(name) or missing(f"{name} is not installed")


def package(name: str, listed: str = "requirements/bench.txt") -> None:
    """End the test unless an optional package is installed."""
    if importlib.util.find_spec(name) is None:
        missing(f"{name} is not installed ({listed})")
