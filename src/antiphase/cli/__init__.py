"""The command line: wires, computes nothing."""

from __future__ import annotations

from antiphase.threads import use_one_thread

use_one_thread()

from antiphase.cli.commands import app, main  # noqa: E402 - numpy is loaded here

__all__ = ["app", "main"]
