"""Mode `clean`: the talker without the noise that a second microphone hears as well."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from scipy import signal

from antiphase.adaptive import LeastSquaresSolver, NLMSFilter
from antiphase.control import Mode
from antiphase.realtime.guide import PlayoutGuide
from antiphase.realtime.load import Ticket
from antiphase.realtime.meter import Meter
from antiphase.realtime.mode import ModeRunner, Surroundings
from antiphase.realtime.outputs import Flow, PlayAudio
from antiphase.realtime.rates import RateConverter
from antiphase.realtime.roster import Device, Frame
from antiphase.sync import AdaptationGate, ClockLine, ClockTracker, PlayoutBuffer

__all__ = ["CleanMode"]

Floats = npt.NDArray[np.float64]

_SOLVE_S = 0.2
_DEAD_S = 0.1
_FADE = 0.02
_SPARE_MS = 5.0
_STEER_S = 0.1


class CleanMode(ModeRunner):
    """Adaptive cancellation of the reference from the talker's track.

    A stereo track (talker left, reference right) takes the native route: NLMS in the media loop,
    nothing here. Two tracks are aligned first: the reference is played out on the talker's clock
    and the talker is delayed, so that what the reference hears comes first; the filter is found by
    least squares over some seconds, since speech would drive a gradient rule about.

    Parameters
    ----------
    around : Surroundings
    """

    mode: ClassVar[Mode] = "clean"

    def __init__(self, around: Surroundings) -> None:
        super().__init__(around)
        talker, reference = around.roster.first("talker"), around.roster.first("reference")
        self._sides = (talker, reference)
        self._native = (
            talker is not None
            and reference is not None
            and talker[0] is reference[0]
            and talker[1].track == reference[1].track
        )
        settings = around.settings
        self._canceller = NLMSFilter(settings.clean_taps, settings.clean_mu)
        self._line: _Line | None = None
        self._meter = Meter()

    def fits(self) -> bool:
        """Whether talker and reference are still the same."""
        roster = self.around.roster
        return self._sides == (roster.first("talker"), roster.first("reference"))

    def meter(self) -> Meter:
        """Return reference, nothing, and the cleaned talker."""
        return self._meter

    def flows(self) -> list[Flow]:
        """Join the native route, or hear both tracks."""
        talker, reference = self._sides
        if talker is None or reference is None:
            return []
        device, binding = talker
        if not self._native:
            return [
                Flow(device.device_id, binding.track, "hear"),
                Flow(reference[0].device_id, reference[1].track, "hear"),
            ]
        return [
            Flow(
                device.device_id,
                binding.track,
                "clean",
                listener.device_id,
                heard.mid,
                self._canceller,
            )
            for listener, heard in self.around.roster.holding("listener")
        ]

    def restarted(self, device: Device, mid: str) -> None:
        """Align anew and fit anew."""
        ours = [(side[0].device_id, side[1].track) for side in self._sides if side is not None]
        if (device.device_id, mid) in ours:
            self._line = None

    def hear(self, device: Device, mid: str, frame: Frame, now: float) -> None:
        """Take a frame of the talker or the reference."""
        talker, reference = self._sides
        if self._native or talker is None or reference is None:
            return
        if (device.device_id, mid) == (reference[0].device_id, reference[1].track):
            if self._line is not None:
                self._line.reference(frame, reference[1].channel, now)
            if device is not talker[0] or mid != talker[1].track:
                return
        if (device.device_id, mid) == (talker[0].device_id, talker[1].track):
            clock = self.around.roster.clock_of_reference(device, "talker")
            self._clean(frame, talker[1].channel, now, clock)

    def _clean(self, frame: Frame, channel: int, now: float, clock: ClockLine | None) -> None:
        if self._line is None or self._line.fs != frame.fs:
            self._line = _Line(self.around, frame.fs)
            self._meter.reset(frame.fs, np.zeros(1))
        x, before, after = self._line.talker(frame, channel, now, clock, on=self.control)
        # The meter takes d̂ as e − ŝ∗y: with ŝ = 1 and y the change, d̂ is the talker as he came.
        self._meter.set_path(np.ones(1))
        self._meter.take(x, after - before, after)
        for listener, heard in self.around.roster.holding("listener"):
            self.around.emit(
                PlayAudio(listener.device_id, heard.mid, after, frame.fs, frame.timestamp)
            )

    def parameters(self) -> dict[str, Any]:
        """Return which way the sound takes, and its delay."""
        return {
            "route": "native" if self._native else "aligned",
            "most_delay_ms": 0.0 if self._native else self.around.settings.clean_delay_ms,
        }


class _Line:
    """Talker and reference on the talker's clock, and the filter between them."""

    def __init__(self, around: Surroundings, fs: int) -> None:
        settings = around.settings
        self.fs = fs
        self._pool = around.pool
        self._n_taps = settings.long_clean_taps
        self._converter = RateConverter(fs)
        self._buffer = PlayoutBuffer(fs, max(settings.buffer_ms / 1000, 17 / fs))
        self._clock = ClockTracker(fs)
        self._guide = PlayoutGuide(fs)
        self._unsteered: list[tuple[Floats, Floats]] = []
        # As late as the reference is played, and a little for arrivals that differ.
        delay_ms = min(settings.clean_delay_ms, settings.buffer_ms + _SPARE_MS)
        self._delay = round(delay_ms * fs / 1000)
        self._waiting: Floats = np.zeros(self._delay)
        self._past: Floats = np.zeros(self._n_taps - 1)
        self._taps: Floats = np.zeros(self._n_taps)
        self._gate = AdaptationGate(self._n_taps)
        self._solver = LeastSquaresSolver(
            self._n_taps,
            secondary_path_estimate=np.ones(1),
            fs=fs,
            window_s=settings.clean_window_s,
        )
        self._parts: list[tuple[Floats, Floats]] = []
        self._ticket: Ticket[Floats] | None = None
        self._gain = 0.0
        self._dead = 0

    def reference(self, frame: Frame, channel: int, now: float) -> None:
        """Take a frame of the reference, at whatever rate it comes."""
        line = self._clock.line
        first, pcm = self._converter.take(frame, channel)
        if line is not None and not frame.concealed and len(pcm):
            self._buffer.push(first, line.index_at(now) / self.fs, pcm)

    def talker(
        self, frame: Frame, channel: int, now: float, clock: ClockLine | None, *, on: bool
    ) -> tuple[Floats, Floats, Floats]:
        """Take a frame of the talker; return reference, talker before and after, all aligned."""
        n = len(frame.pcm)
        if not frame.concealed:
            self._clock.update(frame.timestamp, now)
        pcm = frame.finite(channel)
        joined = np.concatenate([self._waiting, pcm])
        before, self._waiting = joined[:n], joined[n:]
        played = self._buffer.pull(n, frame.timestamp / self.fs)
        x = np.concatenate([self._past, played.signal])
        self._past = x[n:]
        self._dead = self._dead + n if played.missing.all() else 0
        usable = on and self._dead < _DEAD_S * self.fs
        made = signal.oaconvolve(x, self._taps)[self._n_taps - 1 : len(x)]
        step = n / (_FADE * self.fs)
        goal = min(1.0, self._gain + step) if usable else max(0.0, self._gain - step)
        after = before + np.linspace(self._gain, goal, n) * made
        self._gain = goal
        adapting = self._gate.process(played.missing)
        self._learn(played.signal, np.where(adapting, before, np.nan), now)
        self._steer(played.signal, before, clock)
        return played.signal, before, after

    def _steer(self, x: Floats, primary: Floats, clock: ClockLine | None) -> None:
        """Keep the lag that the noise in both tracks has; the talker is chance to it."""
        self._unsteered.append((x, primary))
        line = self._buffer.tracker.line
        if sum(len(p) for p, _ in self._unsteered) < _STEER_S * self.fs:
            return
        parts, self._unsteered = self._unsteered, []
        if line is None or not np.isfinite(line.error_ppm):
            return
        rate = 1e6 * (self._buffer.rate - 1)
        self._guide.told({"rate_ppm": rate, "jumps": self._buffer.jumps})
        heard, said = (np.concatenate(side) for side in zip(*parts, strict=True))
        answer = self._guide.take(heard, said, clock)
        if answer is not None:
            self._buffer.guide_ppm = answer["rate_ppm"]
            if answer["skip"]:
                self._buffer.skip(answer["skip"])

    def _learn(self, x: Floats, primary: Floats, now: float) -> None:
        """Collect, and hand on to the solver; what is not known is not learnt from."""
        self._parts.append((x, primary))
        if self._ticket is not None:
            if not self._ticket.ready(now):
                return
            self._taps, self._ticket = self._ticket.result(), None
        if sum(len(p) for p, _ in self._parts) < _SOLVE_S * self.fs:
            return
        parts, self._parts = self._parts, []
        self._ticket = self._pool.submit(_fit_job(self._solver, parts, self._taps), now)


def _fit_job(
    solver: LeastSquaresSolver, parts: list[tuple[Floats, Floats]], before: Floats
) -> Callable[[], Floats]:
    def job() -> Floats:
        x, primary = (np.concatenate(side) for side in zip(*parts, strict=True))
        solver.observe(x, np.zeros(len(x)), primary)
        if not solver.solve():
            return before
        return np.asarray(solver.control_filter, np.float64).reshape(-1)

    return job
