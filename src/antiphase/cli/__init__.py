"""The command line: wires, computes nothing."""

from __future__ import annotations

from antiphase.cli.commands import app, main
from antiphase.threads import use_one_thread

__all__ = ["app", "main"]

# No module of the command line loads numpy; the commands do when they run.
use_one_thread()
