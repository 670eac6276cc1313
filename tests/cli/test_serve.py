"""`antiphase serve` refuses what can't run, in one line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--host", "0.0.0.0"], "plain HTTP is for localhost only"),  # noqa: S104 - refused
        (["--port", "99999"], "port=99999"),
        (["--certificate", "nothing.pem"], "must be given together"),
        (["--certificate", "no.pem", "--certificate-key", "no.key"], "cannot be used"),
    ],
)
def test_bad_arguments_are_one_line(arguments: list[str], words: str) -> None:
    """The message says what to change."""
    command = [str(Path(sys.executable).parent / "antiphase"), "serve", *arguments]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode != 0
    assert words in run.stderr
    assert "Traceback" not in run.stderr
