"""What a running server adds, measured from outside: a talker and a listener of this process."""

from __future__ import annotations

import contextlib
import select
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from antiphase.devices.rig.shell import call_server
from antiphase.devices.whip import audio_format, post_offer
from antiphase.errors import ProtocolError, require
from antiphase.media.client import Client, ClientTrack
from antiphase.media.events import AudioReceived

__all__ = ["COMPONENTS", "LatencyPlan", "measure_latency", "percentiles"]

COMPONENTS = {
    "signalling_ms": "HTTP offer to answer",
    "ice_ms": "answer to the first check that came back",
    "dtls_ms": "from there to keys",
    "round_trip_ms": "a check there and back: the network alone",
    "transit_ms": "a packet from the talker's send to the listener's receipt",
    "server_ms": "transit less the round trip: what the server took",
    "mouth_to_ear_ms": "transit and the frame that had to fill first",
}
"""Components of a measurement and what they are."""

_SETUP_S = 10.0
_MARK = 0x2A5
_COUNT = 1 << 14


@dataclass(frozen=True)
class LatencyPlan:
    """What to measure.

    Attributes
    ----------
    server : str
        The service's address.
    attempts : int
        Calls, each set up anew; ≥ 1.
    seconds : float
        Of sound in each, > 0.
    frame_ms : float
        Length of a packet: 2.5, 5, 10 or 20.
    key : str, optional
        API key.
    """

    server: str
    attempts: int = 5
    seconds: float = 2.0
    frame_ms: float = 5.0
    key: str | None = None

    def __post_init__(self) -> None:
        """Check the ranges."""
        require(self.attempts >= 1, "attempts", self.attempts, "at least 1")
        require(self.seconds > 0, "seconds", self.seconds, "> 0 s")
        frames = (2.5, 5.0, 10.0, 20.0)
        require(self.frame_ms in frames, "frame_ms", self.frame_ms, "2.5, 5, 10 or 20")


@dataclass(eq=False)
class _Peer:
    """One end: a client, its socket, and how long its set-up took."""

    client: Client
    wire: socket.socket
    began: float = 0.0
    found: float | None = None
    parts: dict[str, float] = field(default_factory=dict)

    def call(self, url: str, token: str | None) -> None:
        begin = time.monotonic()
        answer = post_offer(url, self.client.offer(), token)
        self.began = time.monotonic()
        self.parts["signalling_ms"] = 1000 * (self.began - begin)
        self.client.accept(answer, self.began)

    def serve(self) -> list[AudioReceived]:
        """Take what has come, send what is due; return frames."""
        with contextlib.suppress(BlockingIOError):
            while True:
                data, source = self.wire.recvfrom(4096)
                self.client.receive(data, source[:2], time.monotonic(), time.time())
        now = time.monotonic()
        self.client.tick(now, time.time())
        for data, target in self.client.poll_outgoing():
            with contextlib.suppress(BlockingIOError):
                self.wire.sendto(data, target)
        if self.found is None and self.client.server is not None:
            self.found = now
            self.parts["ice_ms"] = 1000 * (now - self.began)
        if self.found is not None and self.client.connected and "dtls_ms" not in self.parts:
            self.parts["dtls_ms"] = 1000 * (now - self.found)
        return [e for e in self.client.poll_events() if isinstance(e, AudioReceived)]


def measure_latency(
    plan: LatencyPlan, progress: Callable[[str, float], None] | None = None
) -> dict[str, Any]:
    """Call the server several times and return the percentiles of each component.

    Parameters
    ----------
    plan : LatencyPlan
    progress : callable, optional
        Takes what goes on and the share that is done.

    Returns
    -------
    dict
        ``packets_sent``, ``packets_heard`` and, for each of `COMPONENTS`, p50, p90, p99 in ms.

    Raises
    ------
    ProtocolError
        If the server can't be reached, refuses, or nothing comes through.
    """
    seen: dict[str, list[float]] = {name: [] for name in COMPONENTS}
    sent = heard = 0
    for k in range(plan.attempts):
        if progress is not None:
            progress(f"call {k + 1} of {plan.attempts}", k / plan.attempts)
        one = _call(plan)
        sent, heard = sent + one.pop("sent")[0], heard + len(one["transit_ms"])
        for name, values in one.items():
            seen[name] += values
    if not heard:
        raise ProtocolError(f"{plan.server} connects, but no sound came through")
    figures: dict[str, Any] = {"packets_sent": int(sent), "packets_heard": heard}
    return figures | {name: percentiles(values) for name, values in seen.items()}


def percentiles(values: list[float]) -> dict[str, float]:
    """Return p50, p90 and p99 of some values, rounded to µs; empty where there is none."""
    if not values:
        return {}
    return {f"p{p}": round(float(np.percentile(values, p)), 3) for p in (50, 90, 99)}


def _call(plan: LatencyPlan) -> dict[str, list[Any]]:
    made = call_server(plan.server, "POST", "/sessions", {"name": "latency"}, plan.key)
    owner = str(made["owner_token"])
    path = f"/sessions/{made['session_id']}"
    form = audio_format("L16")
    try:
        with contextlib.ExitStack() as stack:
            talker, listener = (
                _Peer(Client((ClientTrack(form, way, plan.frame_ms),)), _socket(plan, stack))
                for way in ("sendonly", "recvonly")
            )
            talker.call(f"{plan.server.rstrip('/')}/whip/{made['session_id']}", owner)
            listener.call(f"{plan.server.rstrip('/')}/whep/{made['session_id']}", owner)
            _until(lambda: talker.client.connected and listener.client.connected, talker, listener)
            return _talk(plan, talker, listener)
    finally:
        with contextlib.suppress(ProtocolError):
            call_server(plan.server, "DELETE", path, key=owner)


def _socket(plan: LatencyPlan, stack: contextlib.ExitStack) -> socket.socket:
    host = urlsplit(plan.server).hostname or "127.0.0.1"
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    wire = stack.enter_context(socket.socket(family, socket.SOCK_DGRAM))
    wire.setblocking(False)
    return wire


def _until(holds: Callable[[], bool], *peers: _Peer) -> None:
    end = time.monotonic() + _SETUP_S
    while not holds():
        for peer in peers:
            peer.serve()
        if time.monotonic() > end:
            raise ProtocolError(f"no connection within {_SETUP_S:.0f} s of the answer")
        select.select([peer.wire for peer in peers], [], [], 0.01)


def _talk(plan: LatencyPlan, talker: _Peer, listener: _Peer) -> dict[str, list[Any]]:
    """Send numbered frames and note when each comes back."""
    form = audio_format("L16")
    n = round(plan.frame_ms * form.clock_rate / 1000)
    count = round(plan.seconds * 1000 / plan.frame_ms)
    left: dict[int, float] = {}
    transit: list[float] = []
    begin = time.monotonic()
    for k in range(count + round(200 / plan.frame_ms)):
        due = begin + k * plan.frame_ms / 1000
        while True:
            for event in listener.serve():
                number = _number(event.frame.pcm)
                if number in left:
                    transit.append(1000 * (time.monotonic() - left.pop(number)))
            talker.serve()
            wait = due - time.monotonic()
            if wait <= 0:
                break
            select.select([listener.wire, talker.wire], [], [], wait)
        if k < count:
            left[k % _COUNT] = time.monotonic()
            talker.client.send_audio("0", _numbered(k % _COUNT, n))
            talker.serve()
    trips = [
        1000 * trip
        for trip in (p.client.round_trip for p in (talker, listener))
        if trip is not None
    ]
    trip = float(np.median(trips)) if trips else 0.0
    return {
        **{name: [p.parts[name] for p in (talker, listener)] for name in talker.parts},
        "round_trip_ms": trips,
        "transit_ms": transit,
        "server_ms": [max(0.0, value - trip) for value in transit],
        "mouth_to_ear_ms": [value + plan.frame_ms for value in transit],
        "sent": [count],
    }


def _numbered(number: int, n: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return a frame that carries a number in its first two samples."""
    pcm = np.zeros(n)
    pcm[:2] = np.array([_MARK, number]) / 32768
    return pcm


def _number(pcm: Any) -> int | None:  # noqa: ANN401 - a frame of any type
    first = np.rint(32768 * np.asarray(pcm, np.float64).reshape(len(pcm), -1)[:2, 0])
    return int(first[1]) if len(first) == 2 and abs(first[0] - _MARK) <= 1 else None
