"""The command line: wires, computes nothing."""

from __future__ import annotations

from antiphase.cli.commands import app, main

__all__ = ["app", "main"]
