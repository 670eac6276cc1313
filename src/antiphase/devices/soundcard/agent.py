"""What a device does from the first block on: measure, control, and begin again after a change."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator
from typing import Any, Literal

from antiphase.control import Block, Message, SplitDevice
from antiphase.devices.forwarded import PLAYOUT_S, ForwardedReference
from antiphase.devices.soundcard.calibration import Calibration
from antiphase.devices.soundcard.card import CardFormat
from antiphase.devices.soundcard.events import AgentEvent
from antiphase.devices.soundcard.figures import LiveFigures
from antiphase.devices.soundcard.local import LocalDevice
from antiphase.devices.soundcard.loop import Controlled, DeviceLoop, Recorded, Take
from antiphase.devices.soundcard.measure import Measured, check_latency, measure_here
from antiphase.devices.soundcard.progress import ControlWatch, why_silent
from antiphase.errors import SignalError, require
from antiphase.identify import DelayEstimate

__all__ = ["DeviceAgent", "State"]

State = Literal["waiting", "checking", "measuring", "running", "done", "failed"]

_MOVED = 0.5
# The plan of one microphone does not know what a reference from elsewhere makes cancellable.
_FORWARDED_LIMIT = 0.5
_RETRY_S = 5.0
_SOON_S = 20.0
_OUTBOX = 50
_LOG = 200


class DeviceAgent:
    """Leads a `DeviceLoop`; it opens no sound card and looks at no clock.

    Whoever owns the card calls `opened` with its format, feeds the loop with blocks, calls
    `advance` some twenty times a second, and `changed` when the card has changed or gone. Control
    begins when the secondary path is known for this very card, format and round trip: a calibration
    is checked with one chirp, and measured anew where it does not fit. The output is silent from
    `changed` until then.

    Parameters
    ----------
    calibration : Calibration, optional
        Of an earlier measurement.
    goal : {"run", "calibrate"}
        Whether control follows the measurement.
    server : bool
        Whether filters come from a server, so that a reference is of use.
    n_taps : int
        Of the control filter.
    """

    def __init__(
        self,
        calibration: Calibration | None = None,
        *,
        goal: Literal["run", "calibrate"] = "run",
        server: bool = False,
        n_taps: int = 512,
    ) -> None:
        require(goal in ("run", "calibrate"), "goal", goal, "run or calibrate")
        self.calibration = calibration
        self.state: State = "waiting"
        self.failure: SignalError | None = None
        """Why the newest measurement gave nothing."""
        self.doing = ""
        """What is being measured, in words."""
        self.log: deque[AgentEvent] = deque(maxlen=_LOG)
        self.reopened = self.identified = self.outbox_dropped = 0
        self.runs = 0
        """Times that control began."""
        self.loop: DeviceLoop | None = None
        self.figures: LiveFigures | None = None
        self._goal, self._server, self._n_taps = goal, server, n_taps
        self._forwarded = False
        self._device = ""
        self._muted, self._control = False, True
        self._check: Generator[Take, Recorded, DelayEstimate] | None = None
        self._measure: Generator[Take, Recorded, Measured] | None = None
        self._retry_at = 0.0
        self._doubted_at = -_SOON_S
        self._progress: ControlWatch | None = None
        self._outbox: deque[Message] = deque(maxlen=_OUTBOX)

    def say(self, now: float, text: str) -> None:
        """Write a line into the log."""
        self.log.append(AgentEvent(round(now, 3), text))

    @property
    def mode(self) -> Literal["split", "local"]:
        """How the loop is closed."""
        return "split" if self.hears_reference or self._forwarded else "local"

    @property
    def hears_reference(self) -> bool:
        """Whether the card's own second microphone is the reference of a server's filters."""
        known = self.calibration
        return self._server and known is not None and known.mode == "split"

    def use_forwarded(self, on: bool, now: float) -> None:
        """Play against another device's reference, which the server forwards, or not any more.

        A card that hears a reference itself keeps to that.
        """
        if on == self._forwarded or self.hears_reference:
            return
        self._forwarded = on
        known = self.calibration
        if self.state == "running" and known is not None:
            self.say(now, f"the reference is {'another device’s' if on else 'none'}")
            self._control_by(known, now)

    def opened(self, device: str, form: CardFormat, now: float) -> DeviceLoop:
        """Begin with a card that has just been opened.

        Returns
        -------
        DeviceLoop
            To be fed with its blocks.
        """
        self.loop = loop = DeviceLoop(form)
        loop.muted, loop.control = self._muted, self._control
        known = self.calibration
        self._device = device
        if self._progress is None or known is None or known.form != form:
            self._progress = ControlWatch(form)
        self.say(now, f"opened {device}: {form.words}")
        if self._goal == "run" and known is not None and known.form == form:
            self._begin_check(known)
        else:
            if known is not None and self._goal == "run":
                self.say(now, f"the calibration is for {known.form.words}: measuring anew")
            self._begin_measurement()
        return loop

    def changed(self, why: str, now: float) -> None:
        """Fall silent: the card has changed or gone."""
        if self.loop is not None:
            self.loop.stop()
        self.loop, self.figures = None, None
        self._check = self._measure = None
        self.state, self.doing = "waiting", ""
        self.reopened += 1
        self.say(now, f"muted: {why}; opening the card anew")

    @property
    def muted(self) -> bool:
        """The mute key."""
        return self._muted

    @muted.setter
    def muted(self, on: bool) -> None:
        self._muted = on
        if self.loop is not None:
            self.loop.muted = on
        if self.figures is not None:
            self.figures.forget()

    @property
    def control(self) -> bool:
        """The switch of control."""
        return self._control

    @control.setter
    def control(self, on: bool) -> None:
        self._control = on
        if self.loop is not None:
            self.loop.control = on

    def receive(self, message: Message) -> None:
        """Take a message of the solver."""
        if self.loop is not None and self.state == "running":
            self.loop.receive(message)

    def poll(self) -> list[Message]:
        """Return and clear what is due to the server."""
        messages = list(self._outbox)
        self._outbox.clear()
        return messages

    def advance(self, now: float) -> None:
        """Do what is due besides the sound: fetch recordings, compute, begin the next step."""
        if self.loop is None:
            return
        if self.state == "running":
            self._follow(self.loop, now)
        elif self.state in {"checking", "measuring"} and now >= self._retry_at:
            self._lead(self.loop, now)

    def _lead(self, loop: DeviceLoop, now: float) -> None:
        """Give the procedure what was heard, and the loop what is to be played next."""
        if not self.doing:
            self._step(loop, None, now)
            return
        recorded = loop.fetch()
        if recorded is not None:
            self._step(loop, recorded, now)

    def _step(self, loop: DeviceLoop, recorded: Recorded | None, now: float) -> None:
        procedure = self._check if self.state == "checking" else self._measure
        if procedure is None:
            return
        try:
            take = next(procedure) if recorded is None else procedure.send(recorded)
        except StopIteration as end:
            self._finish(end.value, now)
        except SignalError as error:
            self._fail(error, now)
        else:
            self.doing = take.title
            loop.measure(take)

    def _finish(self, found: DelayEstimate | Measured, now: float) -> None:
        self.doing, self.failure = "", None
        if isinstance(found, Measured):
            self._take_measured(found, now)
            return
        known = self.calibration
        if known is None:
            return
        moved = (found.ms - known.latency_ms) * known.form.fs / 1000
        if abs(moved) <= _MOVED:
            self._start(known, now)
        else:
            words = f"the round trip is {found.ms:.2f} ms, it was {known.latency_ms:.2f} ms"
            self.say(now, f"{words}: measuring anew")
            self._begin_measurement()

    def _take_measured(self, found: Measured, now: float) -> None:
        loop = self.loop
        if loop is None:
            return
        self.identified += 1
        self.calibration = known = Calibration.of(found, self._device, loop.form)
        self.say(
            now,
            f"identified: round trip {found.latency_ms:.1f} ms, {len(found.path)} taps, "
            f"noise {found.noise_db:.0f} dB. {found.plan.verdict}",
        )
        if self._goal == "calibrate":
            self.state = "done"
        else:
            self._start(known, now)

    def _fail(self, error: SignalError, now: float) -> None:
        self.doing, self.failure = "", error
        self.say(now, str(error))
        if self.state == "checking":
            self._begin_measurement()
        elif self._goal == "calibrate" or not self.runs:
            self.state = "failed"
        else:
            self._begin_measurement()
            self._retry_at = now + _RETRY_S

    def _begin_check(self, known: Calibration) -> None:
        self.state, self.doing = "checking", ""
        self._check = check_latency(known.form.fs, known.level)

    def _begin_measurement(self) -> None:
        if self.loop is not None:
            self.state, self.doing = "measuring", ""
            self._measure = measure_here(self.loop.fs, n_taps=self._n_taps)

    def _start(self, known: Calibration, now: float) -> None:
        if self.loop is None:
            return
        self._outbox.clear()
        self._control_by(known, now)
        self.state = "running"
        self.runs += 1

    def _control_by(self, known: Calibration, now: float) -> None:
        """Let the controller of the mode drive the loudspeaker."""
        if self.loop is None:
            return
        limit = _FORWARDED_LIMIT if self._forwarded else known.limit
        settings: dict[str, Any] = {
            "secondary_path_estimate": known.path,
            "fs": known.form.fs,
            "limit": limit,
        }
        controlled: Controlled = (
            SplitDevice(self._n_taps, **settings)
            if self.mode == "split"
            else LocalDevice(self._n_taps, **settings)
        )
        heard = None
        if self._forwarded:
            heard = ForwardedReference(known.form.fs, PLAYOUT_S, self._n_taps)
        self.figures = LiveFigures(known.path)
        self.loop.run(controlled, known.path, forwarded=heard)
        if self._progress is not None:
            self._progress.begin()
        self.say(now, f"{self.mode} control runs, from −40 dB up in 2 s; limit {limit:.3f}")

    def _follow(self, loop: DeviceLoop, now: float) -> None:
        for message in loop.poll():
            if isinstance(message, Block) and self.figures is not None:
                self.figures.take(message)
            if self._server:
                self.outbox_dropped += len(self._outbox) == _OUTBOX
                self._outbox.append(message)
        controlled, progress = loop.controlled, self._progress
        if controlled is None or progress is None:
            return
        progress.take(controlled.guard, loop.lost_blocks + loop.unplayed_blocks)
        # In split control the solver follows the path itself, and its noises come and go.
        if not isinstance(controlled, LocalDevice) or self._muted or not self._control:
            return
        if self.figures is not None and self.figures.harm:
            self._doubt(loop, now)
        elif progress.stuck(now):
            loop.stop()
            self.figures = None
            self.say(now, "the guard muted control for most of 15 s: measuring anew")
            self._begin_measurement()

    def _doubt(self, loop: DeviceLoop, now: float) -> None:
        """Fall silent: louder than without control, so the lag may have moved, or the path."""
        known = self.calibration
        if known is None:
            return
        loop.stop()
        self.figures = None
        if now - self._doubted_at > _SOON_S:
            self.say(now, "louder with control than without it: muted, checking the round trip")
            self._begin_check(known)
        else:
            self.say(now, "louder with control again: muted, measuring anew")
            self._begin_measurement()
        self._doubted_at = now

    def status(self) -> dict[str, Any]:
        """Return the figures for a table, as plain types."""
        known, loop, figures = self.calibration, self.loop, self.figures
        controlled = None if loop is None else loop.controlled

        def rounded(value: float | None) -> float | None:
            return None if value is None else round(float(value), 2)

        status: dict[str, Any] = {
            "state": self.state,
            "doing": self.doing,
            "mode": self.mode,
            "muted": self._muted,
            "control": self._control,
            "attenuation_db": {
                "estimated": rounded(figures.estimated_db if figures else None),
                "measured": rounded(figures.measured_db if figures else None),
                "bound": known and known.figures.get("nr_db"),
            },
            "level_dbfs": rounded(figures.level_db if figures else None),
            "guard": None if controlled is None else controlled.guard.state,
            "latency_ms": known and known.latency_ms,
            "verdict": known and known.figures.get("verdict"),
            "lost_blocks": 0 if loop is None else loop.lost_blocks,
            "unplayed_blocks": 0 if loop is None else loop.unplayed_blocks,
            "messages_dropped": self.outbox_dropped + (0 if loop is None else loop.discarded),
            "reopened": self.reopened,
            "identified": self.identified,
        }
        late = self._progress.late_share if self._progress else 0.0
        failure = str(self.failure) if self.failure else ""
        status["why"] = why_silent(status, controlled, late_share=late, failure=failure)
        return status
