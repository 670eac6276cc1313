"""Mode `split`: the device runs the control filter, filters for it are solved here."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from scipy import signal

from antiphase.control import (
    Ack,
    Block,
    Message,
    Mode,
    Nack,
    Probe,
    Push,
    Rollback,
    SplitSettings,
    SplitSolver,
)
from antiphase.control.remote_settings import Energies
from antiphase.control.split_protocol import encode
from antiphase.dsp.response import first_arrival
from antiphase.errors import AntiphaseError
from antiphase.realtime.blocks import samples_of
from antiphase.realtime.carried import Carried, device_key
from antiphase.realtime.guide import PlayoutGuide
from antiphase.realtime.mode import ModeRunner, Surroundings, listening
from antiphase.realtime.outputs import Flow, Notice, SendMessage
from antiphase.realtime.roster import Device
from antiphase.realtime.solving import Solved, SolverQueue

__all__ = ["SplitMode", "reach"]

Floats = npt.NDArray[np.float64]
_KEPT_FILTERS = 12
_LISTEN_S = 0.5  # of silence first: the figures need to know what it sounds like
_SPARE = 40
_LONGEST = 4
_TAIL_S = 0.012
_ASSUMED_MS = 25.0
_SLOW = 1.5  # an interval so much longer than the blocks is told


def reach(path: Floats, margin_ms: float, fs: float) -> int:
    """Return the taps by which primary and secondary path are followed together.

    The earlier the reference, the later the disturbance follows it.
    """
    early = math.ceil(max(0.0, margin_ms) * fs / 1000)
    needed = early + int(first_arrival(path)) + round(_TAIL_S * fs)
    return max(len(path), min(needed, _LONGEST * len(path)))


class SplitMode(ModeRunner):
    """One device, one solver.

    The reference is the device's own microphone, or the track of another device that is forwarded
    to it and that it aligns to its own clock. All that the solver needs comes up in blocks.

    Parameters
    ----------
    around : Surroundings
    device : Device
        With loudspeaker, error microphone and Ŝ.
    """

    mode: ClassVar[Mode] = "split"
    tick_s: ClassVar[float] = 0.0

    def __init__(self, around: Surroundings, device: Device) -> None:
        super().__init__(around)
        self.device = device
        path = device.description.secondary_path_estimate
        if path is None:
            raise AntiphaseError("split control needs a secondary path estimate at join")
        self._device_reach = len(path)
        carried = around.take_carried("split", device)
        known = path if carried is None else carried.secondary_path_estimate
        self._path = np.pad(known, (0, max(0, self._reach() - len(known))))
        self._solver = SplitSolver(
            device.description.taps,
            secondary_path_estimate=self._path,
            fs=device.description.fs,
            settings=self.solver_settings(),
        )
        self._goes_on = carried is not None
        if carried is not None:
            self._solver.take_over(carried.control_filter)
        self._status = self._solver.status
        self._queue = SolverQueue(around.pool, self._solver, around.misses)
        self._probe: Probe | None = None
        self._interval_s = self._block_s = self._heard_s = 0.0
        self._slow = False
        self._seq: int | None = None
        self.lost = 0
        """Blocks that never came."""
        self._taps: dict[int, Floats] = {}
        self._reference_tail: Floats = np.zeros(device.description.taps - 1)
        self._applied: dict[int, int] = {}
        self._purity = Energies(device.description.fs)
        self._guide = PlayoutGuide(device.description.fs)

    def _reach(self) -> int:
        """Return the taps that the primary path needs too, which the solver follows as it does Ŝ.

        The earlier the reference, the later the disturbance follows it.
        """
        description = self.device.description
        path = description.secondary_path_estimate
        known = self.around.margin_ms()
        assumed = _ASSUMED_MS if self._reference() else None
        margin_ms = known or description.device_margin_ms or assumed
        if path is None or margin_ms is None:
            return 0 if path is None else len(path)
        return reach(path, margin_ms, description.fs)

    def solver_settings(self) -> SplitSettings:
        """Return how filters are solved in this mode."""
        settings = self.around.settings
        return settings.forwarded if self._reference() else settings.split

    def start(self, now: float) -> None:
        """Begin from silence, so that versions count anew on both sides."""
        del now
        self.around.pool.open()
        self._send(Rollback(0))

    def stop(self, now: float) -> None:
        """Leave silence."""
        del now
        self.around.pool.close()
        self._send(Rollback(0))
        self._send(Probe(level_db=-math.inf))

    def set_control(self, on: bool, now: float) -> None:
        """Silence the device, or let the next filter play."""
        super().set_control(on, now)
        if on:
            self._send(self._probe)
        else:
            self._send(Rollback(0))
            self._send(Probe(level_db=-math.inf))

    def flows(self) -> list[Flow]:
        """Bring another device's reference to the loudspeaker; let listeners hear."""
        return [*self._reference(), *listening(self.around.roster)]

    def _reference(self) -> list[Flow]:
        own = self.device.description.binding("reference")
        found = self.around.roster.first("reference")
        if own is not None or found is None or found[1].track == "data":
            return []
        source, heard = found
        played = self.device.description.binding("loudspeaker")
        mid = "" if played is None else played.mid
        ours = self.device.device_id
        return [
            Flow(source.device_id, heard.track, "forward", ours, mid),
            Flow(source.device_id, heard.track, "hear"),
            *self._own_clock(),
        ]

    def _own_clock(self) -> list[Flow]:
        """Hear the device itself: two clocks known here beat one over two queues."""
        ear = self.device.description.binding("error")
        track = "data" if ear is None else ear.track
        return [] if track == "data" else [Flow(self.device.device_id, track, "hear")]

    def parameters(self) -> dict[str, Any]:
        """Return where the reference comes from, taps and rate."""
        forwarded = bool(self._reference())
        return {
            "device_id": self.device.device_id,
            "reference": "network" if forwarded else "own",
            "taps": self.device.description.taps,
            "fs": self.device.description.fs,
        }

    def receive(self, device: Device, message: Message, now: float) -> None:
        """Take a block, ack or nack of the device."""
        if device is not self.device:
            return
        if isinstance(message, Block):
            self._block_s = message.frames / message.fs
            self._heard_s += self._block_s
            self._note_lost(message)
            self._judge_drive(message)
            self._steer(message)
        elif isinstance(message, Ack) and message.version in self._taps:
            self._applied[message.version] = message.applied_at
        self._queue.put(message)
        # No more than the longest interval waits.
        longest_s = self.around.settings.longest_interval_s
        self._queue.keep(max(1, int(longest_s / max(self._block_s, 1e-3))))
        self.tick(now)

    def _note_lost(self, block: Block) -> None:
        if self._seq is not None:
            self.lost += max(0, block.seq - self._seq - 1)
        self._seq = block.seq

    def told(self, device: Device, message: dict[str, Any], now: float) -> None:
        """Take what the device says of its playout."""
        del now
        if device is self.device and message.get("type") == "playout":
            self._guide.told(message)

    def _steer(self, block: Block) -> None:
        """Keep the lag of a forwarded reference, where the noise tells one lag from others."""
        clock = self.around.roster.clock_of_reference(self.device)
        if self.around.margin_ms() is None:
            answer = self._guide.hold(clock)
        else:
            reference, _, _, disturbance = self.around.meter.window(block.frames / block.fs)
            answer = self._guide.take(reference, disturbance, clock)
        if self._guide.has_moved():
            self.around.meter.doubt()
        if answer is not None:
            text = json.dumps(answer)
            self.around.emit(SendMessage(self.device.device_id, "anc.control", text))

    def tick(self, now: float) -> None:
        """Take what was solved and hand in what has come since."""
        solved = self._queue.take(now)
        if solved is not None:
            self._apply(solved)
        if self._queue.hand_in(now):
            self.tick(now)

    def _apply(self, solved: Solved) -> None:
        self._status = solved.status
        self._path = solved.path
        self.around.meter.set_path(solved.path)
        self._note_interval(solved.seconds)
        for answer in solved.answers:
            if isinstance(answer, Probe):
                self._probe = answer
            elif isinstance(answer, Push):
                self._keep(answer)
            listened = self._goes_on or self._heard_s >= _LISTEN_S
            if self.control and (listened or not isinstance(answer, Push)):
                self._send(answer)
            elif isinstance(answer, Push):
                # Nobody plays it: without this the solver would wait for an answer for ever.
                self._queue.put(Nack(answer.version, "stale"))

    def _keep(self, push: Push) -> None:
        self._taps[push.version] = np.asarray(push.taps[0, 0], np.float64)
        for old in sorted(self._taps)[:-_KEPT_FILTERS]:
            del self._taps[old]
            self._applied.pop(old, None)

    def _note_interval(self, seconds: float) -> None:
        known = self._interval_s or seconds
        self._interval_s = 0.8 * known + 0.2 * seconds
        slow = self._interval_s > _SLOW * max(self._block_s, 1e-3)
        if slow:
            self.around.misses()
        if slow != self._slow:
            self._slow = slow
            words = (
                f"the solver is busy: filters come every {self._interval_s:.1f} s"
                if slow
                else "filters come with every block again"
            )
            self.around.emit(Notice({"type": "load", "slow": slow, "message": words}))

    def _send(self, message: Message | None) -> None:
        if isinstance(message, Push) and message.secondary_path.size:
            path = message.secondary_path[..., : self._device_reach]
            message = replace(message, secondary_path=path)
        if message is not None:
            data = encode(message)
            self.around.emit(SendMessage(self.device.device_id, "anc.split", data))

    def fits(self) -> bool:
        """Whether the device is still the one that closes the loop."""
        reach = self._solver.secondary_path_estimate.size
        return self.around.roster.looper() is self.device and self._reach() <= reach + _SPARE

    def drive_snr_db(self) -> float | None:
        """Return the share of the reference in what was played lately, dB."""
        return self._purity.reduction_db if self._purity.before > 0 else None

    def _judge_drive(self, block: Block) -> None:
        """Compare what was played with what the filter in force makes of the reference."""
        x, y, _ = samples_of(block)
        joined = np.concatenate([self._reference_tail, x])
        self._reference_tail = joined[len(joined) - len(self._reference_tail) :]
        taps, applied = self._taps.get(block.taps_version), self._applied.get(block.taps_version)
        if taps is None or applied is None:
            return
        fade = round(self.solver_settings().fade_ms * block.fs / 1000)
        known = max(0, applied + fade - block.first_sample)  # a fade is no fault of the output
        wanted = signal.oaconvolve(joined, taps)[len(joined) - len(x) : len(joined)][known:]
        rest = float(np.sum((y[known:] - wanted) ** 2))
        self._purity.add(float(wanted @ wanted), rest, len(wanted))

    def to_carry(self) -> Carried | None:
        """Return the filter in force and Ŝ as it is followed."""
        taps = self._taps.get(self._status.in_force)
        if taps is None:
            return None
        return Carried("split", device_key(self.device.description), taps, self._path)

    def split_figures(self) -> dict[str, Any]:
        """Return versions, changes and the update interval."""
        s = self._status
        return {
            "version": s.version,
            "in_force": s.in_force,
            "changes": s.changes,
            "foretold_db": round(s.foretold_db, 2),
            "interval_s": round(self._interval_s, 3),
            "lost_blocks": self.lost + self._queue.dropped,
            "refused": s.refused,
        }
