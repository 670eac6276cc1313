"""`antiphase latency`: what a running server adds, by component."""

from __future__ import annotations

import json
from typing import Annotated

import typer
from rich.table import Table

from antiphase.cli.screen import bar, screen

__all__ = ["latency"]


def latency(
    server: Annotated[str, typer.Argument(help="Address of the service.")],
    attempts: Annotated[int, typer.Option(help="Calls, each set up anew.")] = 5,
    seconds: Annotated[float, typer.Option(help="Of sound in each.")] = 2.0,
    frame: Annotated[float, typer.Option(help="Packet length: 2.5, 5, 10 or 20 ms.")] = 5.0,
    api_key: Annotated[
        str | None, typer.Option(envvar="ANTIPHASE_API_KEY", help="Of the service.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Measure a running server from outside: percentiles of each component of the latency."""
    from antiphase.devices.latency import (
        COMPONENTS,
        LatencyPlan,
        measure_latency,
    )

    plan = LatencyPlan(server, attempts, seconds, frame, api_key)
    with bar("latency") as progress:
        figures = measure_latency(plan, progress)
    if as_json:
        typer.echo(json.dumps(figures))
        return
    table = Table("ms", "p50", "p90", "p99", "what")
    for name, words in COMPONENTS.items():
        row = [f"{figures[name][p]:.2f}" if figures[name] else "–" for p in ("p50", "p90", "p99")]
        table.add_row(name.removesuffix("_ms").replace("_", " "), *row, words)
    screen.print(table)
    heard, sent = figures["packets_heard"], figures["packets_sent"]
    screen.print(f"{heard} of {sent} packets came through", highlight=False)
