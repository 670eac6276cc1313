"""A load test against any WHIP server (RFC 9725), offers over HTTP."""

from __future__ import annotations

import asyncio
import http.client
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from antiphase.devices.load_report import summarise
from antiphase.devices.loadtest import LoadReport, LoadSettings, LoadTest
from antiphase.errors import ParameterError, ProtocolError, require
from antiphase.media.payload import AudioFormat

__all__ = [
    "LoadPlan",
    "audio_format",
    "post_offer",
    "run_load",
]

Progress = Callable[[str, float], None]
"""Takes what goes on and the share that is done."""

_TIMEOUT_SECONDS = 10.0
_MAX_ANSWER = 65536
_HOPELESS = 3
"""Failures with nothing connected before, after which no more sessions are tried."""
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
    token : str, optional
        Bearer token that goes with each offer.
    """

    url: str
    sessions: int = 10
    ramp_s: float = 1.0
    seconds: float = 10.0
    settings: LoadSettings = field(default_factory=LoadSettings)
    token: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        """Check the ranges."""
        try:
            parts = urlsplit(self.url)
            known = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
        except ValueError:  # a port out of range, half of an IPv6 address
            known = False
        if not known:
            raise ParameterError("url", self.url, "an http or https address")
        require(self.sessions >= 1, "sessions", self.sessions, "≥ 1")
        require(0 <= self.ramp_s < math.inf, "ramp", self.ramp_s, "≥ 0")
        require(1 <= self.seconds < math.inf, "seconds", self.seconds, "≥ 1")


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

    Raises
    ------
    ProtocolError
        If the first sessions all fail, with the reason.
    """
    return asyncio.run(_run(plan, progress or (lambda *_: None)))


async def _run(plan: LoadPlan, progress: Progress) -> dict[str, Any]:
    async def signal(_: str, offer: str) -> str:
        return await asyncio.to_thread(post_offer, plan.url, offer, plan.token)

    load = LoadTest(signal, plan.settings)
    whole = plan.ramp_s + plan.seconds
    reports: list[LoadReport] = []
    try:
        pace = plan.sessions / plan.ramp_s if plan.ramp_s else math.inf
        for k in range(plan.sessions):
            await load.add(1, per_second=pace)
            if not load.sessions and (len(load.failures) == _HOPELESS or k + 1 == plan.sessions):
                raise ProtocolError(f"no session connects: {load.failures[0]}")
            progress(
                f"{len(load.sessions)} sessions", plan.ramp_s * (k + 1) / plan.sessions / whole
            )
        left = plan.seconds
        while left > 0:
            reports.append(await load.measure(min(1.0, left)))
            left -= 1.0
            share, p99 = reports[-1].answered_share, reports[-1].round_trip_ms["p99"]
            progress(f"{100 * share:.1f} % answered, p99 {p99:.1f} ms", 1 - max(left, 0) / whole)
    finally:
        await load.close()
    settings = plan.settings
    return {
        "url": plan.url,
        "codec": settings.form.name,
        "frame_ms": settings.frame_ms,
        "loss": settings.loss,
        "ramp_s": plan.ramp_s,
        "seconds": plan.seconds,
        "sessions_wanted": plan.sessions,
        **summarise(load, reports),
    }
