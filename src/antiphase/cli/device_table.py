"""The terminal's view of a sound card's device."""

from __future__ import annotations

from typing import Any

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from antiphase.cli.screen import decibels, escape

__all__ = ["device_line", "device_list", "device_view"]


def device_list(devices: list[Any]) -> Table:
    """Return the sound devices as a table."""
    table = Table("", "name", "host API", "in", "out", "rates that open, kHz", "latency in/out", "")
    for each in devices:
        rates = ", ".join(f"{rate / 1000:g}" for rate in each.rates) or "none"
        latency = f"{each.input_latency_ms:.1f} / {each.output_latency_ms:.1f} ms"
        default = f"default {each.default}" if each.default else ""
        row = (str(each.index), escape(each.name), escape(each.host_api))
        table.add_row(*row, str(each.inputs), str(each.outputs), rates, latency, default)
    return table


def _state(status: dict[str, Any]) -> str:
    if status["muted"]:
        return "muted"
    if status["state"] == "running":
        return f"{status['mode']} control" if status["control"] else "control off"
    return f"{status['state']}: {status['doing']}" if status["doing"] else str(status["state"])


def _faults(status: dict[str, Any]) -> str:
    names = ("xruns", "late_blocks", "dropped_blocks", "messages_dropped", "reopened", "identified")
    return ", ".join(f"{name.replace('_', ' ')} {status.get(name, 0)}" for name in names)


def device_line(status: dict[str, Any]) -> str:
    """Return a device's figures as one line, for outputs that are no terminal."""
    shown = status["attenuation_db"]
    why = f" ({status['why']})" if status["why"] else ""
    return (
        f"{_state(status)}: {decibels(shown['measured'])} quieter than with control off{why}, "
        f"{decibels(shown['estimated'])} estimated, {decibels(shown['bound'])} bound; "
        f"{_faults(status)}"
    )


def device_view(status: dict[str, Any], server: dict[str, Any]) -> RenderableType:
    """Return a device's figures as a panel.

    Parameters
    ----------
    status : dict
        Of `DeviceAgent.status`, with the card's counts.
    server : dict
        The server's newest figures; empty without one.
    """
    shown = status["attenuation_db"]
    level = status["level_dbfs"]
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_row("state", f"[bold]{escape(_state(status))}[/bold]", f"guard {status['guard']}")
    table.add_row(
        "attenuation, last second",
        f"[bold]{decibels(shown['measured'])}[/bold]",
        f"against control off; estimated {decibels(shown['estimated'])}, "
        f"bound {decibels(shown['bound'])}",
    )
    if status["why"]:
        table.add_row("why not more", "", escape(status["why"]))
    table.add_row("level", "–" if level is None else f"{level:.1f} dBFS", "")
    latency = status["latency_ms"]
    table.add_row("round trip", "–" if latency is None else f"{latency:.1f} ms", "")
    table.add_row("faults", "", _faults(status))
    if server:
        theirs = server.get("attenuation_db", {})
        words = (
            f"estimated {decibels(theirs.get('estimated'))}, bound {decibels(theirs.get('bound'))}"
        )
        table.add_row("server", str(server.get("mode", "–")), words)
    if status["verdict"]:
        table.add_row("here", "", escape(status["verdict"]))
    foot = Text("m mutes    c switches control    q or Ctrl-C ends", style="dim")
    return Group(Panel(table, title="antiphase device", expand=False), foot)
