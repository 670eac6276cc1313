"""The terminal's view of a live session."""

from __future__ import annotations

from typing import Any

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from antiphase.cli.screen import decibels, escape

__all__ = ["live_line", "live_view"]

_BARS = "▁▂▃▄▅▆▇█"
_FULL_DB = 32.0
_HISTORY = 60


def _milliseconds(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f} ms"


def _trend(history: list[float]) -> str:
    """Return the newest attenuations as bars, the full height 32 dB."""
    steps = len(_BARS) - 1
    levels = (min(max(v / _FULL_DB, 0.0), 1.0) for v in history[-_HISTORY:])
    return "".join(_BARS[round(steps * level)] for level in levels)


def live_line(report: Any) -> str:  # noqa: ANN401 - a RigReport; the rig loads late
    """Return a report as one line, for outputs that are no terminal."""
    figures = report.figures
    shown = figures.get("attenuation_db", {})
    return (
        f"{report.title} {report.time_s:.0f} s: {decibels(report.true_db)} true, "
        f"{decibels(shown.get('estimated'))} estimated, {decibels(shown.get('bound'))} bound, "
        f"mode {figures.get('mode', '–')}, deadlines missed: server "
        f"{figures.get('deadline_misses', 0)}, rig {report.overruns}, samples {report.missing}"
    )


def live_view(report: Any, history: list[float], page: str) -> RenderableType:  # noqa: ANN401
    """Return a report as a panel.

    Parameters
    ----------
    report : RigReport
    history : list of float
        True attenuation so far, dB.
    page : str
        Address of the page.
    """
    figures = report.figures
    shown = figures.get("attenuation_db", {})
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_row(
        "attenuation, last second",
        f"[bold]{decibels(report.true_db)}[/bold]",
        f"the server's estimate {decibels(shown.get('estimated'))}, "
        f"A-weighted {decibels(shown.get('a_weighted'))}, bound {decibels(shown.get('bound'))}",
    )
    table.add_row("", "", Text(_trend(history), style="green"))
    table.add_row(
        "mode", f"[bold]{figures.get('mode', '–')}[/bold]", escape(figures.get("reason", ""))
    )
    table.add_row("causality margin", _milliseconds(figures.get("margin_ms")), "")
    for device in figures.get("devices", []):
        drift, loss = device.get("drift_ppm"), device.get("loss")
        words = [
            ", ".join(device["roles"]) or "watches",
            "" if drift is None else f"clock {drift:+.1f} ppm",
            "" if loss is None else f"{100 * loss:.1f} % lost",
            "" if device.get("jitter_ms") is None else f"jitter {device['jitter_ms']:.1f} ms",
        ]
        table.add_row("device", escape(device["name"]), ", ".join(w for w in words if w))
    table.add_row(
        "deadlines missed",
        str(figures.get("deadline_misses", 0)),
        f"server; rig {report.overruns}, drive frames late {report.late}, "
        f"samples missing {report.missing}",
    )
    title = Text(f"{report.title} · {report.time_s:.0f} s")
    foot = Text(f"page: {page}    Ctrl-C ends", style="dim")
    return Group(Panel(table, title=title, expand=False), foot)
