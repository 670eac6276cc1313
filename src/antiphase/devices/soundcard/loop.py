"""The device itself: blocks of the sound card in, blocks out; it knows no sound card and no clock.

It measures (plays given samples and records meanwhile) or controls (a controller drives the
loudspeaker). Whatever happens, what is played is finite, within the limit, and starts softly.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from antiphase.control import Ack, Block, Message, Probe, Push, Rollback, SplitDevice
from antiphase.devices.forwarded import ForwardedReference
from antiphase.devices.gaps import with_gaps
from antiphase.devices.soundcard.card import CardConverter, CardFormat
from antiphase.devices.soundcard.local import LocalDevice
from antiphase.errors import require

__all__ = ["RAMP_S", "Controlled", "DeviceLoop", "Recorded", "Take"]

Floats = npt.NDArray[np.float64]
Frames = npt.NDArray[np.float32]
Controlled = SplitDevice | LocalDevice
"""A controller that records what it does and obeys messages."""

RAMP_S = 2.0
"""From −40 dB to full output when control starts."""
_START = 0.01
_MUTE_S = 0.01
_MOST_MESSAGES = 50


@dataclass(frozen=True, eq=False)
class Take:
    """What to play while recording.

    Attributes
    ----------
    title : str
        What it is for.
    samples : ndarray, shape (n,)
        At the control rate; silence follows.
    frames : int
        How long to record, control samples.
    """

    title: str
    samples: Floats
    frames: int


@dataclass(frozen=True, eq=False)
class Recorded:
    """What was heard during a `Take`.

    Attributes
    ----------
    error : ndarray, shape (frames,)
    reference : ndarray, shape (frames,), or None
        None where the card has one channel.
    peak : float
        Largest sample of the card, 1 is full scale.
    faults : int
        Blocks lost or late meanwhile, or a muted output: the recording is not to be trusted.
    """

    error: Floats
    reference: Floats | None
    peak: float
    faults: int


class _Recording:
    def __init__(self, take: Take, *, two: bool) -> None:
        self.take, self.at = take, 0
        self.error = np.zeros(take.frames)
        self.reference = np.zeros(take.frames) if two else None
        self.peak, self.faults = 0.0, 0


class DeviceLoop:
    """Plays and records, block by block; commands may come from another thread.

    While the output is not yet at its full level, muted, cut at full scale or not played, the
    controller is given ``e + ŝ∗(y − played)``, the error it would have heard: nothing winds up.

    Parameters
    ----------
    form : CardFormat
    """

    def __init__(self, form: CardFormat) -> None:
        self.form = form
        self._converter = CardConverter(form)
        self._lock = threading.RLock()
        self._recording: _Recording | None = None
        self._recorded: Recorded | None = None
        self._controlled: Controlled | None = None
        self._forwarded: ForwardedReference | None = None
        self._before = 0
        self._path: Floats = np.zeros(1)
        self._last_error = 0.0
        self._gain = 0.0
        self._muted, self._control = False, True
        self._gaps: list[tuple[int, int]] = []
        self._messages: list[Message] = []
        # What the controller wanted and what of it was not played, newest last.
        self._newest: Floats = np.zeros(1)
        self._unplayed: Floats = np.zeros(1)
        self._energy = np.zeros(2)
        self._metered = 0
        self.discarded = 0
        """Messages dropped, oldest first, because nobody fetched them."""
        self.lost_blocks = self.unplayed_blocks = 0

    @property
    def fs(self) -> int:
        """Control rate, Hz."""
        return self.form.fs

    @property
    def rejected(self) -> int:
        """Samples of the card that were not finite."""
        return self._converter.rejected

    def measure(self, take: Take) -> None:
        """Stop control, play and record; `fetch` brings the result.

        Raises
        ------
        ParameterError
            If there is nothing to record.
        """
        require(take.frames >= 1, "frames", take.frames, "at least 1")
        with self._lock:
            self.stop()
            self._recording = _Recording(take, two=self.form.inputs >= 2)

    def fetch(self) -> Recorded | None:
        """Return the recording once, when it is complete."""
        with self._lock:
            recorded, self._recorded = self._recorded, None
            return recorded

    def run(
        self,
        controlled: Controlled,
        path: npt.ArrayLike,
        *,
        forwarded: ForwardedReference | None = None,
    ) -> None:
        """Let a controller drive the loudspeaker, from −40 dB up in 2 s.

        Blocks go on counting where those of the run before ended.

        Parameters
        ----------
        controlled : SplitDevice or LocalDevice
            At the rate `fs`, one channel each.
        path : array_like, shape (taps,)
            Ŝ, by which what was not played is made up for.
        forwarded : ForwardedReference, optional
            The reference of another device, in place of the card's own.
        """
        with self._lock:
            self.stop()
            self._controlled, self._forwarded = controlled, forwarded
            self._path = np.asarray(path, np.float64)
            self._unplayed = np.zeros(len(self._path) - 1 + self.form.block)
            self._last_error = 0.0
            self._rest()

    def stop(self) -> None:
        """Play nothing."""
        with self._lock:
            if self._controlled is not None:
                self._before += self._controlled.now
            self._recording = self._recorded = self._controlled = self._forwarded = None
            self._gain = 0.0
            self._gaps.clear()
            self._messages.clear()

    @property
    def controlled(self) -> Controlled | None:
        """What runs, None while nothing does."""
        return self._controlled

    @property
    def muted(self) -> bool:
        """Silent whatever the controller wants."""
        return self._muted

    @muted.setter
    def muted(self, on: bool) -> None:
        with self._lock:
            self._muted = on
            self._rest()

    @property
    def control(self) -> bool:
        """The switch of control."""
        return self._control

    @control.setter
    def control(self, on: bool) -> None:
        with self._lock:
            self._control = on
            self._rest()

    def _rest(self) -> None:
        """Silence the controller itself, so that the guard's model of what is heard stays true."""
        controlled = self._controlled
        if controlled is None:
            return
        resting = self._muted or not self._control
        if isinstance(controlled, LocalDevice):
            controlled.adapting = not resting
        if resting:
            controlled.receive(Rollback(0))
            if isinstance(controlled, SplitDevice):
                controlled.receive(Probe(level_db=-np.inf))

    def receive(self, message: Message) -> None:
        """Take a message of split control."""
        with self._lock:
            if isinstance(message, Push):
                message = replace(message, apply_at=max(0, message.apply_at - self._before))
            if self._controlled is not None and self._control and not self._muted:
                self._keep([self._told(m) for m in self._controlled.receive(message)])

    def hear(self, timestamp: int, pcm: Floats) -> None:
        """Take a packet of another device's reference, at the moment it comes."""
        with self._lock:
            if self._forwarded is not None and self._controlled is not None:
                self._forwarded.push(timestamp, self._controlled.now / self.fs, pcm)

    def obey(self, message: dict[str, Any]) -> None:
        """Take what the server's guide says of that reference."""
        with self._lock:
            if self._forwarded is not None:
                self._forwarded.obey(message)

    def report(self) -> dict[str, Any] | None:
        """Return what the server should know of its playout, twice a second."""
        with self._lock:
            now = 0 if self._controlled is None else self._controlled.now
            return None if self._forwarded is None else self._forwarded.report(now / self.fs)

    def poll(self) -> list[Message]:
        """Return and clear what is due to the solver and to those who watch."""
        with self._lock:
            messages, self._messages = self._messages, []
            return messages

    def _keep(self, messages: list[Message]) -> None:
        self._messages += messages
        over = len(self._messages) - _MOST_MESSAGES
        if over > 0:
            self.discarded += over
            del self._messages[:over]

    def process(self, captured: Frames, *, lost: int = 0) -> Floats:
        """Take a block of the card and return what to play for it.

        Parameters
        ----------
        captured : ndarray, shape (block, inputs)
        lost : int
            Blocks before it that never came.

        Returns
        -------
        ndarray, shape (block,)
            Finite, in [−1, 1].
        """
        with self._lock:
            if lost:
                self.lost_blocks += lost
                self._skip(lost)
            played = self._work(captured, 0)
            self._energy[1] += played @ played
            return np.clip(self._converter.up(played), -1.0, 1.0)

    def not_played(self) -> None:
        """Say that the newest block came too late to be played."""
        with self._lock:
            self.unplayed_blocks += 1
            if self._recording is not None:
                self._recording.faults += 1
            if self._controlled is not None:
                self._note_unplayed()

    def _note_unplayed(self) -> None:
        if self._controlled is not None:
            self._unplayed[-len(self._newest) :] = self._newest

    def levels_db(self) -> tuple[float, float]:
        """Return the RMS of error and drive since the last call, dB re full scale."""
        with self._lock:
            error, drive = 10 * np.log10(self._energy / max(self._metered, 1) + 1e-12)
            self._energy[:], self._metered = 0.0, 0
            return float(error), float(drive)

    def _skip(self, lost: int) -> None:
        """Let the time of blocks that never came pass; nothing is learnt from them."""
        silence = np.zeros((self.form.block, self.form.inputs), np.float32)
        for _ in range(min(lost, self.form.rate // self.form.block)):
            self._converter.up(self._work(silence, 1))
            self._note_unplayed()

    def _work(self, captured: Frames, faults: int) -> Floats:
        error, reference = self._converter.down(captured)
        drive = np.zeros(len(error))
        self._energy[0] += error @ error
        self._metered += len(error)
        if self._recording is not None:
            self._record(error, reference, drive, float(np.abs(captured).max()), faults)
            return np.zeros(len(drive)) if self._muted else np.clip(drive, -1.0, 1.0)
        if self._controlled is None:
            return drive
        return self._drive(self._controlled, error, reference, faults)

    def _record(
        self, error: Floats, reference: Floats | None, drive: Floats, peak: float, faults: int
    ) -> None:
        recording = self._recording
        if recording is None:
            return
        at, n = recording.at, min(len(error), recording.take.frames - recording.at)
        part = recording.take.samples[at : at + n]
        drive[: len(part)] = part
        recording.error[at : at + n] = error[:n]
        if reference is not None and recording.reference is not None:
            recording.reference[at : at + n] = reference[:n]
        recording.peak = max(recording.peak, peak)
        recording.faults += faults + self._muted
        recording.at += n
        if recording.at == recording.take.frames:
            self._recorded = Recorded(
                recording.error, recording.reference, recording.peak, recording.faults
            )
            self._recording = None

    def _drive(
        self, controlled: Controlled, error: Floats, reference: Floats | None, faults: int
    ) -> Floats:
        n, taps = len(error), len(self._path)
        heard = error
        if self._unplayed.any():
            # Ŝ begins with more than a block of pure delay: the block to come has no part yet.
            history = np.concatenate([self._unplayed, np.zeros(n)])[-(taps - 1 + n) :]
            heard = error + np.convolve(history, self._path, "valid")
        late = np.empty(n, np.float32)
        late[0], late[1:] = self._last_error, heard[:-1]
        self._last_error = float(heard[-1])
        if self._forwarded is not None:
            reference = self._forwarded.pull(n, controlled.now / self.fs, controlled.now)
        x = np.zeros(n, np.float32) if reference is None else reference.astype(np.float32)
        if faults:
            self._gaps.append((controlled.now, controlled.now + n + taps))
        was = controlled.adapting
        listening = isinstance(controlled, LocalDevice) and controlled.now < controlled.settle
        controlled.adapting = was and not (faults or listening)
        drive = np.asarray(controlled.process(x, late), np.float64)
        controlled.adapting = was
        played = self._soften(drive)
        self._newest = drive
        self._unplayed = np.concatenate([self._unplayed, drive - played])[n:]
        due = controlled.poll()
        # What is played while muted is not what the controller recorded.
        self._keep([self._told(m) for m in due if not (self._muted and isinstance(m, Block))])
        return played

    def _told(self, message: Message) -> Message:
        """Return a message with what is not known, counted on from the runs before."""
        message = with_gaps(message, self._gaps)
        if self._forwarded is not None:
            message = self._forwarded.with_gaps(message)
        if isinstance(message, Block):
            return replace(message, first_sample=message.first_sample + self._before)
        if isinstance(message, Ack):
            return replace(message, applied_at=message.applied_at + self._before)
        return message

    def _soften(self, drive: Floats) -> Floats:
        """Return the drive behind mute, ramp and full scale."""
        n, fs = len(drive), self.fs
        if self._muted:
            gains = np.maximum(self._gain - np.arange(1, n + 1) / (_MUTE_S * fs), 0.0)
        elif self._gain < 1.0:
            begin = max(self._gain, _START)
            gains = np.minimum(begin * _START ** (-np.arange(1, n + 1) / (RAMP_S * fs)), 1.0)
        else:
            return np.clip(np.nan_to_num(drive), -1.0, 1.0)
        self._gain = float(gains[-1])
        return np.clip(np.nan_to_num(drive) * gains, -1.0, 1.0)
