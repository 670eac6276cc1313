"""`antiphase cost`: a month in the cloud."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from antiphase.cli.options import Changes, JsonFlag, values
from antiphase.cli.screen import escape, screen

__all__ = ["cost"]


def cost(
    profile: Annotated[
        str, typer.Argument(metavar="FILE.toml|NAME", help="A file, or dev, staging, production.")
    ] = "production",
    changes: Changes = None,
    prices: Annotated[
        Path | None, typer.Option(help="A price list in the form of the package's own.")
    ] = None,
    claims: Annotated[
        bool, typer.Option("--claims", help="Also the request's own table, derived again.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Say what a month costs, where one architecture overtakes another, and what is not priced."""
    changed = values(changes)

    from antiphase.cost.prices import BUILTIN_PRICES, read_prices
    from antiphase.cost.report import summarise
    from antiphase.cost.usage import load_profile

    found = summarise(load_profile(profile, changed), read_prices(prices or BUILTIN_PRICES))
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False))
        return
    screen.print(escape(f"{found['profile']}: {found['about']}"), highlight=False)
    screen.print(_month(found), _carriers(found), _memory(found), _points(found))
    if claims:
        screen.print(_request(found), _claims(found))
    rate = found["session_hour_usd"]
    each = "" if rate is None else f"; ${rate:.3f} for a user and hour with everything"
    lines = (
        f"{found['nodes']} media nodes, {found['nodes_at_peak']} at the busiest hour{each}",
        f"not in it, for want of a dated price: {', '.join(found['missing'])}",
        found["warning"],
    )
    for line in lines:
        screen.print(escape(line), highlight=False)


def _usd(value: float | None) -> str:
    return "–" if value is None else f"{value:,.2f}"


def _table(title: str, *heads: str, words: int = 1) -> Table:
    """Return a table whose first columns are words and whose others are numbers."""
    table = Table(title=title, title_justify="left")
    for number, head in enumerate(heads):
        table.add_column(head, justify="left" if number < words else "right")
    return table


def _month(found: dict[str, Any]) -> Table:
    table = _table(
        f"a month in {found['region']}", "part", "what", "quantity", "$", "price of", words=2
    )
    part = ""
    for line in found["lines"]:
        if part and part != line["part"]:
            table.add_section()
        first, part = "" if line["part"] == part else line["part"], line["part"]
        amount = f"{line['quantity']:,.0f}" if line["quantity"] >= 10 else f"{line['quantity']:.3g}"
        table.add_row(first, escape(line["what"]), amount, _usd(line["usd"]), line["date"][:10])
    table.add_section()
    table.add_row("all", "", "", f"[bold]{_usd(found['monthly_cost_usd'])}[/bold]", "")
    return table


def _carriers(found: dict[str, Any]) -> Table:
    heads = ("carried by", "requests", "compute", "transfer", "firewall", "all")
    table = _table("$ for a user and hour", *heads, "waits ms", "users a region")
    for row in found["carriers"]:
        names = ("requests_usd", "compute_usd", "transfer_usd", "firewall_usd", "total_usd")
        users = row["users_per_region"]
        cells = [f"{row[name]:.4f}" for name in names]
        quota = "–" if users is None else f"{users:,.0f}"
        table.add_row(row["carrier"], *cells, f"{row['waits_ms']:g}", quota)
    return table


def _memory(found: dict[str, Any]) -> Table:
    table = _table("the edge function's memory, one block", "MB", "ms", "$ a million", words=0)
    for row in found["memory_sizes"]:
        cells = (f"{row['memory_mb']:g}", f"{row['ms']:.1f}", _usd(row["usd_per_million"]))
        table.add_row(*cells)
    return table


def _points(found: dict[str, Any]) -> Table:
    table = Table("from", "on", "what follows", title="where one overtakes", title_justify="left")
    for point in found["break_even"]:
        value = point["value"]
        from_ = "–" if value is None else f"{value:,.0f} {point['unit']}"
        table.add_row(from_, escape(point["name"]), escape(point["words"]))
    return table


def _request(found: dict[str, Any]) -> Table:
    heads = ("line", "claimed before", "after", "derived before", "after")
    table = _table("the request's table, $ a month", *heads)
    table.add_column("what that is")
    rows = found["request_table"]
    for row in rows:
        names = ("claimed_before", "claimed_after", "before", "after")
        table.add_row(row["name"], *(_usd(row[name]) for name in names), escape(row["words"]))
    table.add_section()
    sums = (sum(row[name] or 0 for row in rows) for name in names)
    table.add_row("all", *map(_usd, sums), "")
    return table


def _claims(found: dict[str, Any]) -> Table:
    table = Table("what", "claimed", "derived", "why", title="its claims", title_justify="left")
    for row in found["claims"]:
        unit = row["unit"]
        digits = 4 if abs(row["value"]) < 1 else 2
        value = f"${row['value']:,.{digits}f}" if unit == "$" else f"{row['value']:,.0f} {unit}"
        table.add_row(row["name"], row["claimed"], value, escape(row["words"]))
    return table
