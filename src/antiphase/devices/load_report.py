"""What a load test found: one dictionary for JSON, as lines of text, as a page."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from antiphase.devices.loadtest import LoadReport, LoadTest, percentile_ms
from antiphase.simulation.page import Page, write_page
from antiphase.simulation.traces import Figure

__all__ = ["load_text", "summarise", "write_load_report"]

_PERCENTS = (50, 90, 99)
_COMPONENTS = {
    "signalling": "offer sent to answer received, over HTTP",
    "handshake": "answer received to media, checks and DTLS",
    "round_trip": "a packet sent to its answer received",
}
_FOOTER = """All times are as this machine sees them. An answer counts when it comes within a
second. Late sends left this machine more than half a packet late: where they are many, it is the
limit and not the server."""


def summarise(load: LoadTest, reports: Sequence[LoadReport]) -> dict[str, Any]:
    """Return what the periods of a load test gave together, ready for JSON.

    Parameters
    ----------
    load : LoadTest
        With its sessions still there.
    reports : sequence of LoadReport
        One a second.

    Returns
    -------
    dict
        Counts, percentiles in ms over all sessions and packets by component, the worst second's
        99th percentile, each second's figures.
    """
    sent = sum(r.sent for r in reports)
    answered = sum(r.answered for r in reports)
    bins = np.sum([r.delays for r in reports], axis=0).tolist() if reports else [0]
    seconds = [_second(r) for r in reports]
    worst = [s["round_trip_ms"]["p99"] for s in seconds]
    parts = load.setup_parts_ms
    return {
        "sessions": reports[-1].sessions if reports else 0,
        "failures": sorted({f: load.failures.count(f) for f in load.failures}.items()),
        "packets_sent": sent,
        "packets_answered": answered,
        "answered_share": round(answered / sent, 5) if sent else None,
        "late_sends": sum(r.late_sends for r in reports),
        "signalling_ms": _percentiles([a for a, _ in parts]),
        "handshake_ms": _percentiles([b for _, b in parts]),
        "round_trip_ms": {f"p{p}": _known(percentile_ms(bins, p / 100)) for p in _PERCENTS},
        "round_trip_worst_second_p99_ms": max((w for w in worst if w is not None), default=None),
        "timeline": seconds,
    }


def _second(report: LoadReport) -> dict[str, Any]:
    return {
        "sessions": report.sessions,
        "seconds": report.seconds,
        "sent": report.sent,
        "received": report.received,
        "answered": report.answered,
        "late_sends": report.late_sends,
        "round_trip_ms": {name: _known(ms) for name, ms in report.round_trip_ms.items()},
    }


def _percentiles(values: list[float]) -> dict[str, float | None]:
    found = np.percentile(values, _PERCENTS).tolist() if values else [math.nan] * len(_PERCENTS)
    return {f"p{p}": _known(v) for p, v in zip(_PERCENTS, found, strict=True)}


def _known(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 3)


def _ms(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f} ms"


def _verdict(found: dict[str, Any]) -> str:
    share = found["answered_share"]
    answered = "nothing sent" if share is None else f"{100 * share:.2f} % of packets answered"
    return f"{found['sessions']} of {found['sessions_wanted']} sessions held, {answered}"


def load_text(found: dict[str, Any]) -> str:
    """Return the figures of `run_load` as lines of text."""
    rows = [
        f"{part.replace('_', ' ')} {name}: {_ms(value)}"
        for part in _COMPONENTS
        for name, value in found[f"{part}_ms"].items()
    ]
    worst = f"round trip p99, worst second: {_ms(found['round_trip_worst_second_p99_ms'])}"
    failures = [f"failed: {count} × {reason}" for reason, count in found["failures"]]
    return "\n".join([_verdict(found), *rows, worst, *failures])


def write_load_report(found: dict[str, Any], path: Path) -> None:
    """Write the figures of `run_load` as an HTML page that works off line.

    Parameters
    ----------
    found : dict
        From `run_load`.
    path : Path
        The file; its folder must exist.
    """
    share = found["answered_share"]
    notes = [f"failed: {count} × {reason}" for reason, count in found["failures"]]
    if found["late_sends"] > 0.01 * found["packets_sent"]:
        notes.append("This machine sent more than 1 % of the packets late; it may be the limit.")
    page = Page(
        title="Load test",
        about=found["url"],
        verdict=_verdict(found),
        notes=notes,
        numbers=[
            ("sessions held", f"{found['sessions']}", f"of {found['sessions_wanted']}"),
            ("packets answered", "–" if share is None else f"{100 * share:.2f}", "%"),
            ("round trip, median", _number(found["round_trip_ms"]["p50"]), "ms"),
            ("round trip, 99 %", _number(found["round_trip_ms"]["p99"]), "ms"),
            ("handshake, median", _number(found["handshake_ms"]["p50"]), "ms"),
        ],
        figures=_figures(found["timeline"]),
        tables=[*_tables(found), ("Set-up", _setup(found))],
        footer=_FOOTER,
    )
    write_page(page, path)


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def _tables(found: dict[str, Any]) -> list[tuple[str, list[tuple[str, str]]]]:
    tables = []
    for part, words in _COMPONENTS.items():
        rows = [(name, _ms(value)) for name, value in found[f"{part}_ms"].items()]
        if part == "round_trip":
            rows.append(("p99 of the worst second", _ms(found["round_trip_worst_second_p99_ms"])))
        title = part.replace("_", " ").capitalize()
        tables.append((f"{title}: {words}", rows))
    return tables


def _setup(found: dict[str, Any]) -> list[tuple[str, str]]:
    return [
        ("codec", f"{found['codec']}, {found['frame_ms']:g} ms a packet"),
        ("packets left out", f"{100 * found['loss']:g} %"),
        ("sessions join over", f"{found['ramp_s']:g} s"),
        ("held for", f"{found['seconds']:g} s"),
        ("packets sent", f"{found['packets_sent']}"),
        ("sent late", f"{found['late_sends']}"),
    ]


def _figures(timeline: list[dict[str, Any]]) -> list[Figure]:
    def curve(name: str, values: list[float | None]) -> dict[str, Any]:
        seconds = list(range(1, len(timeline) + 1))
        return {"x": seconds, "y": values, "name": name, "type": "scatter"}

    def axes(unit: str) -> dict[str, Any]:
        return {"xaxis": {"title": "time (s)"}, "yaxis": {"title": unit, "rangemode": "tozero"}}

    return [
        Figure(
            name="round-trip",
            title="Round trip",
            caption="From a packet's sending to its answer, percentiles of each second.",
            data=[
                curve(f"p{p}", [t["round_trip_ms"][f"p{p}"] for t in timeline]) for p in _PERCENTS
            ],
            layout=axes("ms"),
        ),
        Figure(
            name="packets",
            title="Packets",
            caption="Sent, and answered within a second, in each second.",
            data=[curve(name, [t[name] for t in timeline]) for name in ("sent", "answered")],
            layout=axes("packets a second"),
        ),
    ]
