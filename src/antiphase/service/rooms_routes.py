"""Flows of a room as routes of the endpoint, and sound that no route can carry."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from antiphase.arrays import Signal
from antiphase.dsp.resample import PolyphaseResampler, rate_ratio
from antiphase.errors import SignalError
from antiphase.media.endpoint import Endpoint
from antiphase.media.routing import Clean, Forward, Gain, Listen, Processing, Route, match_channels
from antiphase.media.session import MediaSession
from antiphase.realtime import Flow, PlayAudio

__all__ = ["Switchboard", "clock_rate"]

Floats = npt.NDArray[np.float64]
_FRAME_S = 0.01
_LONGEST_S = 0.1


class _Converter:
    """Brings sound to the rate and frame length of a section."""

    def __init__(self, fs: int, to: int) -> None:
        up, down = rate_ratio(fs, to)
        self.fs = fs
        self._resampler = PolyphaseResampler(up, down) if up != down else None
        self._frame = round(_FRAME_S * to)
        self._most = round(_LONGEST_S * to)
        self._waiting: Floats = np.zeros(0)

    def take(self, pcm: Signal) -> list[Floats]:
        """Return the whole frames that are there now."""
        mono = np.nan_to_num(np.asarray(match_channels(pcm, 1), np.float64), posinf=0.0, neginf=0.0)
        ready = mono if self._resampler is None else self._resampler.process(mono)
        joined = np.concatenate([self._waiting, np.clip(ready, -1.0, 1.0)])
        whole = len(joined) // self._frame
        self._waiting = joined[whole * self._frame :]
        return [joined[k * self._frame : (k + 1) * self._frame] for k in range(whole)]


@dataclass(frozen=True)
class _Wire:
    """A flow that samples take in Python: to a section at another rate."""

    device_id: str
    mid: str
    to: str
    to_mid: str


class Switchboard:
    """Carries out the flows of one room.

    A flow between sections of one format is a `Forward` route, at one rate a `Gain` of 1; at
    different rates the samples come up, are converted here and go down again.

    Parameters
    ----------
    endpoint : Endpoint
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._flows: tuple[Flow, ...] = ()
        self._echoes: list[Flow] = []
        self._routed: dict[tuple[str, str], tuple[Route, ...]] = {}
        self._wires: list[_Wire] = []
        self._wanted: set[tuple[str, str]] = set()
        self._recorded: set[tuple[str, str]] = set()
        self._flowed: set[tuple[str, str]] = set()
        self._converters: dict[tuple[str, str], _Converter] = {}

    def set_flows(self, flows: tuple[Flow, ...]) -> None:
        """Replace all flows."""
        self._flows = flows
        self.refresh()

    def add_echo(self, device_id: str, mid: str) -> None:
        """Let a device hear what it sends itself, whatever else flows."""
        self._echoes.append(Flow(device_id, mid, "forward", device_id, mid))
        self.refresh()

    def set_recorded(self, sections: set[tuple[str, str]]) -> None:
        """Let the samples of these sections come up, whatever else flows."""
        if sections != self._recorded:
            self._recorded = sections
            self.refresh()

    def refresh(self) -> None:
        """Set the routes anew: sections may have come or changed."""
        sessions = self._endpoint.sessions
        routes: dict[tuple[str, str], list[Route]] = {}
        self._wires = []
        self._wanted = {(f.device_id, f.mid) for f in self._flows if f.kind == "hear"}
        self._flowed = {key for key in self._flowed if key[0] in sessions}
        for key in self._sources():
            # What never flowed anywhere has its samples come up, as before it was recorded.
            routes[key] = [] if key in self._flowed else [Route(Listen())]
        self._echoes = [flow for flow in self._echoes if flow.device_id in sessions]
        for flow in (*self._flows, *self._echoes):
            source = sessions.get(flow.device_id)
            if source is None:
                continue
            key = (flow.device_id, flow.mid)
            if key not in self._flowed:
                self._flowed.add(key)
                routes[key] = []
            if flow.kind == "hear":
                _listen(routes[key])
            else:
                self._join(flow, source, sessions.get(flow.to), routes[key])
        for key in self._recorded:
            if Route(Listen()) not in routes.setdefault(key, []):
                routes[key].append(Route(Listen()))
        for key, wanted in routes.items():
            if key[0] in sessions and self._routed.get(key) != tuple(wanted):
                self._endpoint.set_routes(*key, tuple(wanted))
        self._routed = {k: tuple(r) for k, r in routes.items() if k[0] in sessions}

    def _sources(self) -> list[tuple[str, str]]:
        """Return the sections that had routes and may lose them."""
        return [key for key in self._routed if key[0] in self._endpoint.sessions]

    def _join(
        self, flow: Flow, source: MediaSession, target: MediaSession | None, routes: list[Route]
    ) -> None:
        mid = None if target is None else _sending(target, flow.to_mid)
        if target is None or mid is None:
            return
        given = next((s.form for s in source.sections if s.offer.mid == flow.mid), None)
        sender = target.senders[mid]
        processing: Processing = Gain(1.0)
        if flow.kind == "clean" and flow.canceller is not None:
            processing = Clean(flow.canceller)
        elif given is not None and _alike(given, sender.form):
            processing = Forward()
        rate = None if given is None else given.sample_rate(source.settings.opus_rate)
        if rate is not None and rate != sender.fs and not isinstance(processing, Forward):
            self._wires.append(_Wire(flow.device_id, flow.mid, flow.to, mid))
            _listen(routes)
        else:
            routes.append(Route(processing, flow.to, mid))

    def wants(self, device_id: str, mid: str) -> bool:
        """Whether the engine asked for the samples of a section (or nobody routed it yet)."""
        return (device_id, mid) in self._wanted or (device_id, mid) not in self._flowed

    def relay(self, device_id: str, mid: str, pcm: Signal, fs: int) -> None:
        """Send samples on where a flow changes the rate."""
        for wire in self._wires:
            if (wire.device_id, wire.mid) == (device_id, mid):
                self._send(wire.to, wire.to_mid, pcm, fs)

    def play(self, output: PlayAudio) -> None:
        """Send a frame that the engine made; dropped where the device has no section for it."""
        session = self._endpoint.sessions.get(output.device_id)
        mid = None if session is None else _sending(session, output.mid)
        if mid is not None:
            self._send(output.device_id, mid, output.pcm, output.fs)

    def _send(self, device_id: str, mid: str, pcm: Signal, fs: int) -> None:
        session = self._endpoint.sessions.get(device_id)
        if session is None or not session.connected or mid not in session.senders:
            return
        sender = session.senders[mid]
        key = (device_id, mid)
        converter = self._converters.get(key)
        if converter is None or converter.fs != fs:
            converter = self._converters[key] = _Converter(fs, sender.fs)
        for frame in converter.take(pcm):
            try:
                self._endpoint.send_audio(
                    device_id, mid, match_channels(frame, sender.form.channels)
                )
            except SignalError:
                return


def _listen(routes: list[Route]) -> None:
    """Bring samples up to Python, once: a second way up would double each frame."""
    if Route(Listen()) not in routes:
        routes.append(Route(Listen()))


def _alike(one: object, other: object) -> bool:
    """Whether payloads of one format can be sent as the other as they are."""
    names = ("kind", "clock_rate", "channels")
    return all(getattr(one, name) == getattr(other, name) for name in names)


def _sending(session: MediaSession, mid: str) -> str | None:
    """Return the section to send on: the one named, else the first there is."""
    if mid in session.senders:
        return mid
    return next(iter(session.senders), None)


def clock_rate(session: MediaSession | None, mid: str, fs: int) -> int:
    """Return the RTP clock of a section in Hz, `fs` where it is not known."""
    receiver = None if session is None else session.receiver(mid)
    return fs if receiver is None else receiver.form.clock_rate
