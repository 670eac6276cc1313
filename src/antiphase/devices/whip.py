"""A load test against any WHIP server (RFC 9725): offers over HTTP, figures as text and page."""

from __future__ import annotations

import asyncio
import http.client
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from antiphase.devices.loadtest import LoadReport, LoadSettings, LoadTest
from antiphase.errors import ParameterError, ProtocolError, require
from antiphase.media.payload import AudioFormat
from antiphase.simulation.page import Page, write_page
from antiphase.simulation.traces import Figure

__all__ = [
    "LoadPlan",
    "audio_format",
    "load_text",
    "post_offer",
    "run_load",
    "write_load_report",
]

Progress = Callable[[str, float], None]
"""Takes what goes on and the share that is done."""

_TIMEOUT_SECONDS = 10.0
_MAX_ANSWER = 65536
_FORMATS = {
    "OPUS": AudioFormat("opus", 111, 48000),
    "L16": AudioFormat("L16", 96, 16000),
    "G722": AudioFormat("G722", 9, 8000),
    "PCMU": AudioFormat("PCMU", 0, 8000),
    "PCMA": AudioFormat("PCMA", 8, 8000),
}


def audio_format(name: str) -> AudioFormat:
    """Return what a codec's name stands for in a load test: mono, L16 at 16 kHz.

    Raises
    ------
    ParameterError
        If the name is unknown.
    """
    require(name.upper() in _FORMATS, "codec", name, f"one of {', '.join(_FORMATS)}")
    return _FORMATS[name.upper()]


@dataclass(frozen=True)
class LoadPlan:
    """A load test from first to last session.

    Parameters
    ----------
    url : str
        WHIP address, http or https.
    sessions : int
        At least 1.
    ramp_s : float
        Seconds over which they join.
    seconds : float
        How long all are held, at least 1.
    settings : LoadSettings
        What each sends.
    """

    url: str
    sessions: int = 10
    ramp_s: float = 1.0
    seconds: float = 10.0
    settings: LoadSettings = field(default_factory=LoadSettings)

    def __post_init__(self) -> None:
        """Check the ranges."""
        parts = urlsplit(self.url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ParameterError("url", self.url, "an http or https address")
        require(self.sessions >= 1, "sessions", self.sessions, "≥ 1")
        require(self.ramp_s >= 0, "ramp_s", self.ramp_s, "≥ 0")
        require(self.seconds >= 1, "seconds", self.seconds, "≥ 1")


def post_offer(url: str, offer: str, token: str | None = None) -> str:
    """Send an offer by HTTP, with a bearer token if given, and return the answer.

    Raises
    ------
    ProtocolError
        If the server can't be reached or refuses; the message is one line.
    """
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=_TIMEOUT_SECONDS)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        headers = {"Content-Type": "application/sdp"}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        connection.request("POST", path, offer.encode(), headers)
        response = connection.getresponse()
        body = response.read(_MAX_ANSWER).decode("utf-8", "replace")
    except (OSError, http.client.HTTPException) as error:
        raise ProtocolError(f"no answer from {parts.netloc}: {error}") from error
    finally:
        connection.close()
    if response.status != http.client.CREATED:
        raise ProtocolError(f"{parts.netloc} answers {response.status} {response.reason}")
    return body


def run_load(
    plan: LoadPlan, progress: Callable[[str, float], None] | None = None
) -> dict[str, Any]:
    """Run a load test and return its figures, ready for JSON.

    Parameters
    ----------
    plan : LoadPlan
        What to do.
    progress : callable, optional
        Called with what goes on and the share that is done.

    Returns
    -------
    dict
        Counts of sessions and packets, percentiles by component in ms, reasons of failures.
    """
    return asyncio.run(_run(plan, progress or (lambda *_: None)))


async def _run(plan: LoadPlan, progress: Progress) -> dict[str, Any]:
    async def signal(_: str, offer: str) -> str:
        return await asyncio.to_thread(post_offer, plan.url, offer)

    load = LoadTest(signal, plan.settings)
    whole = plan.ramp_s + plan.seconds
    reports: list[LoadReport] = []
    try:
        pace = plan.sessions / plan.ramp_s if plan.ramp_s else math.inf
        for k in range(plan.sessions):
            await load.add(1, per_second=pace)
            progress(
                f"{len(load.sessions)} sessions", plan.ramp_s * (k + 1) / plan.sessions / whole
            )
        left = plan.seconds
        while left > 0:
            reports.append(await load.measure(min(1.0, left)))
            left -= 1.0
            progress(f"{reports[-1].answered} packets answered a second", 1 - max(left, 0) / whole)
    finally:
        await load.close()
    return _summary(plan, load, reports)


def _percentiles(values: list[float]) -> dict[str, float | None]:
    found = np.percentile(values, (50, 90, 99)) if values else [None] * 3
    return {
        f"p{p}": None if v is None else round(float(v), 3)
        for p, v in zip((50, 90, 99), found, strict=True)
    }


def _summary(plan: LoadPlan, load: LoadTest, reports: list[LoadReport]) -> dict[str, Any]:
    sent = sum(r.sent for r in reports)
    answered = sum(r.answered for r in reports)
    timeline = [
        {name: (None if math.isnan(v) else v) for name, v in r.round_trip_ms.items()}
        for r in reports
    ]
    worst = {
        name: max((v for t in timeline if (v := t[name]) is not None), default=None)
        for name in ("p90", "p99")
    }
    middle = [t["p50"] for t in timeline if t["p50"] is not None]
    parts = load.setup_parts_ms
    return {
        "url": plan.url,
        "codec": plan.settings.form.name,
        "frame_ms": plan.settings.frame_ms,
        "loss": plan.settings.loss,
        "sessions_wanted": plan.sessions,
        "sessions": reports[-1].sessions if reports else 0,
        "failures": sorted({f: load.failures.count(f) for f in load.failures}.items()),
        "packets_sent": sent,
        "packets_answered": answered,
        "answered_share": round(answered / sent, 5) if sent else None,
        "late_sends": sum(r.late_sends for r in reports),
        "signalling_ms": _percentiles([a for a, _ in parts]),
        "handshake_ms": _percentiles([b for _, b in parts]),
        "round_trip_ms": {"p50": float(np.median(middle)) if middle else None, **worst},
        "timeline": [
            {**asdict(r), "round_trip_ms": t} for r, t in zip(reports, timeline, strict=True)
        ],
    }


def _rows(found: dict[str, Any]) -> list[tuple[str, str]]:
    return [
        (f"{part.replace('_', ' ')} {name}", "–" if value is None else f"{value:.2f} ms")
        for part in ("signalling", "handshake", "round_trip")
        for name, value in found[f"{part}_ms"].items()
    ]


def _verdict(found: dict[str, Any]) -> str:
    share = found["answered_share"]
    answered = "nothing sent" if share is None else f"{100 * share:.2f} % of packets answered"
    return f"{found['sessions']} of {found['sessions_wanted']} sessions held, {answered}"


def load_text(found: dict[str, Any]) -> str:
    """Return the figures of `run_load` as lines of text."""
    failures = [f"failed: {count} × {reason}" for reason, count in found["failures"]]
    return "\n".join([_verdict(found), *(f"{a}: {b}" for a, b in _rows(found)), *failures])


def write_load_report(found: dict[str, Any], path: Path) -> None:
    """Write the figures of `run_load` as an HTML page that works off line.

    Parameters
    ----------
    found : dict
        From `run_load`.
    path : Path
        The file; its folder must exist.
    """
    seconds = list(range(1, len(found["timeline"]) + 1))
    curves = [
        {
            "x": seconds,
            "y": [t["round_trip_ms"][name] for t in found["timeline"]],
            "name": name,
            "type": "scatter",
        }
        for name in ("p50", "p90", "p99")
    ]
    layout = {
        "xaxis": {"title": {"text": "seconds"}},
        "yaxis": {"title": {"text": "ms"}, "rangemode": "tozero"},
    }
    page = Page(
        title=f"Load test of {found['url']}",
        verdict=_verdict(found),
        notes=[f"{count} × {reason}" for reason, count in found["failures"]],
        numbers=[
            ("sessions", str(found["sessions"]), ""),
            ("packets sent", str(found["packets_sent"]), ""),
        ],
        figures=[
            Figure(
                name="round-trip",
                title="Round trip",
                caption="From a packet's sending to its answer, percentiles of each second.",
                data=curves,
                layout=layout,
            )
        ],
        tables=[
            ("By component; p90 and p99 of the round trip are the worst second's", _rows(found))
        ],
    )
    write_page(page, path)
