"""What the commands show: tables, a progress bar, pages opened in a browser."""

from __future__ import annotations

import json
import math
import os
import sys
import webbrowser
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console, RenderableType
from rich.live import Live
from rich.markup import escape
from rich.panel import Panel
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from antiphase.simulation.cliff import CliffTable
    from antiphase.simulation.planner import Plan

__all__ = [
    "LiveScreen",
    "bar",
    "cliff_table",
    "escape",
    "open_page",
    "plan_table",
    "scan_table",
    "screen",
    "show_summary",
    "status",
    "tell",
]

# What is said is said as it is: ":AB:" in a fingerprint is no emoji.
screen = Console(emoji=False)
status = Console(stderr=True, emoji=False)


@contextmanager
def bar(title: str) -> Iterator[Any]:
    """Show a progress bar on stderr while the block runs."""
    columns = (
        TextColumn("{task.fields[title]}", style="bold", markup=False),
        BarColumn(),
        TextColumn("{task.description}", markup=False),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=status, transient=True) as progress:
        task = progress.add_task("", total=1.0, title=title)
        yield lambda stage, share: progress.update(task, description=stage, completed=share)


class LiveScreen:
    """A panel that is drawn anew on a terminal, a line each two seconds elsewhere.

    Use as a context manager.

    Parameters
    ----------
    quiet : bool
        Show neither.
    """

    _LINE_S = 2.0

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._lined_at = -math.inf
        self._live: Live | None = None

    def __enter__(self) -> None:
        if not self._quiet and screen.is_terminal:
            self._live = Live(console=screen, auto_refresh=False, transient=False)
            self._live.start()

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    def show(self, view: Callable[[], RenderableType], line: Callable[[], str], now: float) -> None:
        """Show what is new at `now`, s, in whichever form it is shown here."""
        if self._live is not None:
            self._live.update(view(), refresh=True)
        elif not self._quiet and now - self._lined_at >= self._LINE_S:
            self._lined_at = now
            screen.print(escape(line()), highlight=False, soft_wrap=True)


def tell(as_json: bool, found: dict[str, Any], text: str) -> None:
    """Print a result as JSON or as text."""
    if as_json:
        print(json.dumps(found, ensure_ascii=False))  # noqa: T201 - the result itself
    else:
        screen.print(escape(text), highlight=False, soft_wrap=True)


def decibels(value: float | None) -> str:
    """Return a level, a dash where there is none."""
    return "–" if value is None else f"{round(value, 1) + 0.0:.1f} dB"


def show_summary(summary: dict[str, Any]) -> None:
    """Print what a simulation gave, and why not more."""
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_row("noise reduction after 1 s", f"[bold]{decibels(summary['nr_db'])}[/bold]")
    for limit in summary["limits"]:
        table.add_row(limit["name"], decibels(limit["nr_db"]))
    table.add_row("causality margin", f"{summary['margin_ms']:.2f} ms")
    screen.print(Panel(table, title=Text(summary["scenario"]), expand=False))
    screen.print(escape(summary["verdict"]), highlight=False)
    for warning in summary["warnings"]:
        screen.print(f"[yellow]note:[/yellow] {escape(warning)}", highlight=False)
    screen.print(f"report: {escape(str(summary['report']))}", highlight=False, soft_wrap=True)


def scan_table(rows: list[dict[str, Any]], keys: list[str]) -> Table:
    """Return the first rows of a scan."""
    names = ["scenario", *keys, "seed", "nr_db", "bound_db", "margin_ms", "limited_by"]
    table = Table(*names)
    for row in rows[:40]:
        cells = [row.get(name) for name in names]
        if row.get("failure"):
            cells[-1] = f"failed: {row['failure']}"
        table.add_row(
            *(f"{c:.2f}" if isinstance(c, float) else escape(str(c or "")) for c in cells)
        )
    return table


def open_page(page: Path) -> None:
    """Open a page where there is a screen to show it on."""
    has_screen = sys.platform in ("darwin", "win32") or any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY")
    )
    if not (has_screen and webbrowser.open(page.resolve().as_uri())):
        screen.print("no browser here; open the report by hand", highlight=False)


def plan_table(plan: Plan) -> Table:
    """Return what each mode can reach."""
    table = Table("mode", "margin", "noise reduction", "tones", "broadband", "cancellable")
    for mode in plan.modes:
        ranges = ", ".join(f"{low:.0f}–{high:.0f} Hz" for low, high in mode.cancellable_hz)
        table.add_row(
            mode.mode,
            f"{mode.margin_ms:.1f} ms",
            decibels(mode.nr_db),
            decibels(mode.tones_db),
            decibels(mode.broadband_db),
            ranges or "–",
        )
    return table


def cliff_table(cliff: CliffTable) -> Table:
    """Return the bound over the causality margin."""
    heads = (f"{margin:+g}" if margin else "0" for margin in cliff.margins_ms)
    table = Table("ms", *heads, title="bound in dB over the causality margin in ms")
    for kind, row in zip(cliff.kinds, cliff.nr_db, strict=True):
        table.add_row(kind, *(f"{value:.1f}" for value in row))
    return table
