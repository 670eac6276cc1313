"""The engine of one session: streams in, drives, filters and figures out; no clock, no sockets."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any, Literal, get_args

from antiphase.arrays import Signal
from antiphase.control import Block, Choice, Mode
from antiphase.control.split_protocol import decode
from antiphase.errors import AntiphaseError, ProtocolError, require
from antiphase.realtime.blocks import explained_by, samples_of
from antiphase.realtime.bound import BoundKeeper
from antiphase.realtime.carried import Carried
from antiphase.realtime.choice import Chooser, budget, missing_for, words_of
from antiphase.realtime.figures import Figures
from antiphase.realtime.load import InlinePool, SolverPool
from antiphase.realtime.meter import Meter
from antiphase.realtime.mode import ModeRunner, Surroundings
from antiphase.realtime.modes import make_mode
from antiphase.realtime.outputs import Flow, Notice, Output, SendMessage, SetRoutes
from antiphase.realtime.roles import DeviceDescription
from antiphase.realtime.roster import Device, Frame, Roster
from antiphase.realtime.settings import EngineSettings
from antiphase.realtime.shown import Shown
from antiphase.realtime.upkeep import LoadGuard

__all__ = ["Engine"]

_CHOOSE_S = 0.25
_MODES = get_args(Mode)


class Engine:
    """One session.

    Parameters
    ----------
    settings : EngineSettings, optional
    pool : SolverPool, optional
        Shared between sessions; by default filters are solved at once.
    now : float
        When the session was created, s.
    scene : dict, optional
        Geometry to show with the figures.
    cpu : callable
        Processor time of this thread, s.

    Notes
    -----
    Give it what comes (`push_audio`, `push_message`), call `tick` often (each 5–20 ms) and do what
    `poll` says. Time is what it is told.
    """

    def __init__(
        self,
        settings: EngineSettings | None = None,
        *,
        pool: SolverPool | None = None,
        now: float = 0.0,
        scene: dict[str, Any] | None = None,
        cpu: Callable[[], float] = time.thread_time,
    ) -> None:
        self.settings = settings or EngineSettings()
        self.roster = Roster()
        self.deadline_misses = 0
        self.bad_messages = 0
        self._pool = InlinePool() if pool is None else pool
        self._started, self._scene, self._cpu = now, scene, cpu
        self._outputs: list[Output] = []
        self._meter = Meter()
        self._shown = Shown(self.settings.limit)
        self._chooser = Chooser()
        self._around = Surroundings(
            self.settings,
            self.roster,
            self._pool,
            self._meter,
            self._outputs.append,
            self._miss,
            lambda: self._chooser.margin_ms,
        )
        self._wanted: Mode | Literal["auto"] = "auto"
        self._bound = BoundKeeper(self._pool, self._meter)
        self._load = LoadGuard(self.settings.busy_share)
        self._choice = Choice("forward", "no devices yet")
        self._runner: ModeRunner = make_mode("forward", self._around)
        self._control = True
        self._flows: tuple[Flow, ...] = ()
        self._chosen_at = now
        self._looper: Device | None = None

    # Devices

    def add_device(self, device_id: str, description: DeviceDescription, now: float) -> None:
        """Take a device in; one of a known id that comes again begins anew."""
        if device_id in self.roster:
            self.remove_device(device_id, now)
        self.roster.add(device_id, description)
        self._changed(now)

    def remove_device(self, device_id: str, now: float) -> None:
        """Let a device go; an unknown id is ignored."""
        if self.roster.remove(device_id) is not None:
            self._changed(now)

    def open_channel(self, device_id: str, label: str, now: float) -> None:
        """Take note that a data channel of a device is open."""
        device = self.roster.get(device_id)
        if device is None or label in device.channels:
            return
        device.channels.add(label)
        self._changed(now)

    def close_channel(self, device_id: str, label: str, now: float) -> None:
        """Take note that a data channel is closed."""
        device = self.roster.get(device_id)
        if device is not None and label in device.channels:
            device.channels.discard(label)
            self._changed(now)

    def _changed(self, now: float) -> None:
        looper = self.roster.looper()
        if looper is not self._looper:
            self._looper = looper
            self._chooser.reset()
            self._shown.forget()
            if looper is not None and looper.description.secondary_path_estimate is not None:
                self._meter.reset(looper.description.fs, looper.description.secondary_path_estimate)
        self._choose(now, 0.0)
        self._route()

    # Streams

    def push_audio(
        self,
        device_id: str,
        mid: str,
        pcm: Signal,
        timestamp: int,
        fs: int,
        concealed: bool,
        now: float,
    ) -> None:
        """Take a frame.

        Parameters
        ----------
        device_id, mid : str
        pcm : ndarray, shape (n,) or (n, channels)
        timestamp : int
            Index of its first sample at `fs`, not wrapped.
        fs : int
            Hz.
        concealed : bool
            Made up for a lost packet.
        now : float
            s.
        """
        device = self.roster.get(device_id)
        if device is None or len(pcm) == 0:
            return
        frame = Frame(pcm, timestamp, fs, concealed)
        track = device.track(mid)
        if track.take(frame, now) and track.restarts > 1:
            words = f"track {mid} began anew at {fs} Hz with {track.channels} channel(s)"
            told = {"type": "device", "device_id": device_id, "event": "changed", "reason": words}
            self._outputs.append(Notice(told))
            self._runner.restarted(device, mid)
        self._timed(lambda: self._runner.hear(device, mid, frame, now), len(pcm) / fs, now)

    def push_message(self, device_id: str, label: str, data: bytes | str, now: float) -> None:
        """Take a message of a data channel; a bad one is counted and answered with an error."""
        device = self.roster.get(device_id)
        if device is None:
            return
        self.open_channel(device_id, label, now)
        try:
            if label == "anc.split":
                self._take_split(device, data if isinstance(data, bytes) else data.encode(), now)
            elif label == "anc.control":
                self._take_control(device, data, now)
        except AntiphaseError as error:
            self.bad_messages += 1
            words = {"type": "error", "code": "message", "message": str(error)}
            self._outputs.append(Notice(words, device_id))

    def _take_split(self, device: Device, data: bytes, now: float) -> None:
        message = decode(data)
        if isinstance(message, Block):
            if message.fs != device.description.fs:
                told = f"joined at {device.description.fs} Hz; join again to change it"
                raise ProtocolError(f"a block of {message.fs} Hz from a device that {told}")
            frame = Frame(message.error[:, 0], message.first_sample, message.fs)
            device.track("data").take(frame, now)
            if device is self._looper:
                self._meter.take(*samples_of(message), explained_by(message))
        self._timed(lambda: self._runner.receive(device, message, now), None, now)

    def _take_control(self, device: Device, data: bytes | str, now: float) -> None:
        try:
            message = json.loads(data)
        except (ValueError, RecursionError) as error:
            raise ProtocolError(f"no JSON on anc.control: {error}") from None
        if not isinstance(message, dict):
            raise ProtocolError("a message of anc.control must be a JSON object with a type")
        if message.get("type") == "latency":
            device.take_latency(message)
        self._runner.told(device, message, now)

    def link_report(
        self,
        device_id: str,
        *,
        round_trip_ms: float | None = None,
        loss: float | None = None,
        jitter_ms: float | None = None,
    ) -> None:
        """Take what RTCP says of a device's link; None leaves what was known."""
        device = self.roster.get(device_id)
        if device is not None:
            device.take_link(round_trip_ms, loss, jitter_ms)

    # Wishes

    @property
    def mode(self) -> str:
        """The mode in force."""
        return self._choice.mode

    @property
    def reason(self) -> str:
        """Why."""
        return self._choice.reason

    @property
    def control(self) -> bool:
        """Whether anti-noise is asked for."""
        return self._control

    def set_control(self, on: bool, now: float) -> None:
        """Switch anti-noise on or off."""
        if on == self._control:
            return
        self._control = on
        self._runner.set_control(on, now)
        self._outputs.append(Notice({"type": "control", "on": on}))

    def set_mode(self, mode: str, now: float) -> None:
        """Ask for a mode, or for ``auto``.

        Raises
        ------
        ParameterError
            If there is no such mode.
        """
        require(mode in (*_MODES, "auto"), "mode", mode, "auto, " + ", ".join(_MODES))
        self._wanted = mode  # type: ignore[assignment]
        self._load.forgive()
        self._choose(now, 0.0)

    def report_truth(self, nr_db: float, now: float) -> None:
        """Take what a rig knows of the true attenuation, dB."""
        self._shown.take_truth(nr_db, now)

    # Time

    def tick(self, now: float) -> None:
        """Do what is due."""
        self._timed(lambda: self._runner.tick(now), None, now)
        self._bound.tick(self.roster.looper(), now)
        if now - self._chosen_at >= _CHOOSE_S:
            if self._runner.knows_the_loop():
                self._chooser.measure(self._meter, now)
            self._choose(now, now - self._chosen_at)
            self._chosen_at = now

    @property
    def tick_s(self) -> float:
        """How often `tick` has something to do, s; 0: as often as there is time."""
        return min(self._runner.tick_s, _CHOOSE_S)

    def poll(self) -> list[Output]:
        """Return and clear what is to be done outside."""
        outputs = list(self._outputs)
        self._outputs.clear()
        return outputs

    def close(self, now: float) -> None:
        """End the session: silence for the loudspeakers, its place in the pool is free."""
        self._runner.stop(now)
        self._runner = make_mode("forward", self._around)

    def _timed(self, work: Callable[[], None], sound_s: float | None, now: float) -> None:
        """Do work of the mode; one that costs too much degrades this session and no other."""
        before = self._cpu()
        try:
            work()
        except ProtocolError:
            raise
        except AntiphaseError as error:
            self._load.fault(f"{self._choice.mode} failed: {error}", now)
        self._shown.note(self._runner.meter(), now)
        if self._load.spent(self._cpu() - before, sound_s, now):
            self._miss()
        if self._load.reason(now) is not None and self._choice.mode != "forward":
            self._choose(now, 0.0)

    def _miss(self) -> None:
        self.deadline_misses += 1

    def _choose(self, now: float, elapsed_s: float) -> None:
        overload = self._load.reason(now)
        if overload is not None:
            choice = Choice("forward", overload)
        elif self._wanted == "auto":
            room = self._pool.has_room() or self._runner.mode in ("split", "predictive")
            choice = self._chooser.choose(self.roster, elapsed_s, room=room)
        else:
            choice = Choice(self._wanted, "asked for")
        missing = None if choice.mode == "forward" else missing_for(choice.mode, self.roster)
        if missing is not None:
            choice = Choice("forward", f"{missing}; sound is passed on")
        self._run(choice, now)

    def _run(self, choice: Choice, now: float) -> None:
        same = choice.mode == self._runner.mode and self._runner.fits()
        said = self._choice
        self._choice = choice
        if not same:
            self._runner.stop(now)
            self._runner = make_mode(choice.mode, self._around)
            self._runner.control = self._control
        if not same or said.mode != choice.mode or words_of(said) != words_of(choice):
            self._announce()
        if not same:
            self._runner.start(now)
            if not self._control:
                self._runner.set_control(False, now)
            self._route()

    def _announce(self, device_id: str | None = None) -> None:
        message = {
            "type": "mode",
            "mode": self._choice.mode,
            "reason": self._choice.reason,
            "parameters": self._runner.parameters(),
        }
        self._outputs.append(Notice(message, device_id))
        for device in self.roster.devices:
            if "anc.control" in device.channels and device_id in (None, device.device_id):
                text = json.dumps(message)
                self._outputs.append(SendMessage(device.device_id, "anc.control", text))

    def tell_state(self, device_id: str) -> None:
        """Tell a device that has just come the mode in force and the switch."""
        self._announce(device_id)
        self._outputs.append(Notice({"type": "control", "on": self._control}, device_id))

    def _route(self) -> None:
        flows = tuple(self._runner.flows())
        if flows != self._flows:
            self._flows = flows
            self._outputs.append(SetRoutes(flows))

    # Moving to another server

    def to_carry(self) -> Carried | None:
        """Return the filter in force for another engine to go on with, None where there is none."""
        return self._runner.to_carry()

    def take_over(self, carried: Carried) -> None:
        """Let the first mode and device that it suits begin with a filter found elsewhere."""
        self._around.carried = carried

    # Figures

    def figures(self, now: float) -> Figures:
        """Return the figures of now; what nothing measures any more is left out."""
        attenuation, output, spectrum = self._shown.read(now, self._runner.drive_snr_db())
        heard = self._shown.holds(now) and self.roster.first("reference") is not None
        margin_ms = self._chooser.margin_ms if heard else None
        server_ms = self._load.server_ms + self._runner.delay_ms()
        return Figures(
            time_s=now - self._started,
            mode=self._choice.mode,
            reason=self._choice.reason,
            control=self._control,
            attenuation=attenuation,
            margin_ms=margin_ms,
            latency=budget(self.roster, margin_ms, server_ms),
            devices=tuple(device.figures(now) for device in self.roster.devices),
            deadline_misses=self.deadline_misses,
            output=output,
            spectrum=spectrum,
            split=self._runner.split_figures(),
            scene=self._scene,
        )
