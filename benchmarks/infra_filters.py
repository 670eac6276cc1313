"""Sessions of a rolling restart whose filters run: `clean` and `split`.

A clean session's talker has a noise beside the tone, and the same noise on the second channel as
the reference; what is left of it is measured where the listener hears it. A split session is one
simulated barrier, loudspeaker and both microphones; it is silent while its drive is 20 dB below
what it was before the restart, and its true noise reduction is known.
"""

from __future__ import annotations

import asyncio
import itertools
import time

import numpy as np
import numpy.typing as npt
from scipy import signal

from antiphase.devices.rig import (
    DeviceWire,
    LevelRecord,
    LoudspeakerDevice,
    make_devices,
    make_scene,
)
from antiphase.errors import ProtocolError
from antiphase.media.dtls import Certificate
from antiphase.media.payload import AudioFormat
from benchmarks.infra_callers import FS, Caller, Session

__all__ = ["CleanSession", "SplitSession", "longest_silence_s"]

Floats = npt.NDArray[np.float64]

_CERTIFICATE = Certificate()
_NOISE_RMS = 0.1
_PATH = np.array([0.0, 0.6, -0.3, 0.2, 0.1])
_WINDOW_S = 0.1
_SILENT = 0.1
_SPAN_S = 2.0
_RETRY_S = 0.25
# Of the session "drill": a steady noise, so that its drive never pauses by itself.
_SCENE = make_scene("drill", kind="traffic", seconds=20.0, loss=0.0, frame_ms=20.0)


class _Talker(Caller):
    """Sends talker and reference as the two channels of one track."""

    roles = ("talker", "reference")

    def prepare(self, seed: int) -> None:
        """Choose the noise."""
        self.form = AudioFormat("L16", 97, FS, channels=2)
        self._noise = np.random.default_rng(seed)
        self._state = np.zeros(len(_PATH) - 1)

    def speak(self) -> Floats:
        """Return the next frame, shape (n, 2)."""
        tone = super().speak()
        noise = _NOISE_RMS * self._noise.standard_normal(len(tone))
        heard, self._state = signal.lfilter(_PATH, 1.0, noise, zi=self._state)
        return np.stack([tone + heard, noise], axis=1)


class _Listener(Caller):
    """Knows how much of the noise is left in each frame."""

    def prepare(self) -> None:
        """Begin with nothing heard."""
        self.left: list[float] = []

    def hear(self, pcm: Floats) -> None:
        """Take a frame: whatever is not the tone is noise."""
        n = np.arange(len(pcm))
        basis = np.stack([np.sin(2 * np.pi * 440 * n / FS), np.cos(2 * np.pi * 440 * n / FS)], 1)
        mono = pcm.reshape(len(pcm), -1)[:, 0]
        rest = mono - basis @ np.linalg.lstsq(basis, mono, rcond=None)[0]
        self.left.append(float(np.mean(rest**2)))


class CleanSession(Session):
    """A talker in noise, a reference of it, and a listener.

    Parameters
    ----------
    session_id : str
    fronts : list of str
    """

    mode = "clean"

    def __init__(self, session_id: str, fronts: list[str]) -> None:
        super().__init__(session_id, fronts)
        turns = itertools.cycle(fronts)
        talker, listener = (
            _Talker(session_id, "talker", turns),
            _Listener(session_id, "listener", turns),
        )
        talker.prepare(hash(session_id) % 2**32)
        listener.prepare()
        self.talker, self.listener = talker, listener
        self._left = listener.left

    def reduction_db(self, end: float) -> float:
        """Return by how much the noise was reduced in the two seconds before a moment, dB."""
        at = np.array(self.listener.heard)
        left = np.array(self._left)[(at > end - _SPAN_S) & (at <= end)]
        made = _NOISE_RMS**2 * float(_PATH @ _PATH)
        return 10 * np.log10(made / max(float(np.mean(left)), 1e-12)) if left.size else 0.0


class _Levels(LevelRecord):
    """Keeps when each block was played, and its mean squares of d, e and y."""

    def __init__(self) -> None:
        super().__init__(FS)
        self.rows: list[tuple[float, float, float, float]] = []

    def take(self, disturbance: Floats, sound: Floats, drive: Floats) -> None:
        """Take a block of the same instants."""
        super().take(disturbance, sound, drive)
        d, e, y = (float(np.mean(part**2)) for part in (disturbance, sound, drive))
        self.rows.append((time.monotonic(), d, e, y))


def longest_silence_s(rows: Floats, begin: float, end: float) -> float:
    """Return the longest time in which a drive is 20 dB below what it was, s.

    Parameters
    ----------
    rows : ndarray, shape (n, 4)
        Times and mean squares of d, e, y.
    begin, end : float
        Of the restart; what was played before the beginning is the measure.
    """
    before = rows[(rows[:, 0] > begin - _SPAN_S) & (rows[:, 0] <= begin), 3]
    usual = float(np.mean(before)) if before.size else np.inf
    edges = begin + _WINDOW_S * np.arange(int((end - begin) / _WINDOW_S))
    windows = [rows[(rows[:, 0] >= at) & (rows[:, 0] < at + _WINDOW_S), 3] for at in edges]
    silent = [not w.size or float(np.mean(w)) < _SILENT**2 * usual for w in windows]
    runs = [len(list(run)) for is_silent, run in itertools.groupby(silent) if is_silent]
    return _WINDOW_S * max(runs, default=0)


class SplitSession:
    """One barrier whose filter the server adapts.

    Parameters
    ----------
    session_id : str
    fronts : list of str
    """

    mode = "auto"

    def __init__(self, session_id: str, fronts: list[str]) -> None:
        self.session_id = session_id
        self.moves = 0
        self.refusals = 0
        self._urls = itertools.cycle(f"{front}/{session_id}" for front in fronts)
        self._levels = _Levels()
        (device,) = make_devices(_SCENE, time.monotonic(), certificate=_CERTIFICATE)
        if not isinstance(device, LoudspeakerDevice):
            raise TypeError("the scene must have one device, with a loudspeaker")
        device.record = self._levels
        self._device = device

    def start(self) -> list[asyncio.Task[None]]:
        """Let it begin."""
        return [asyncio.create_task(self._run())]

    async def _run(self) -> None:
        while True:
            wire = DeviceWire(self._device, next(self._urls), told=self._told)
            try:
                await wire.run()
            except ProtocolError:
                self.refusals += 1
            await asyncio.sleep(_RETRY_S)
            self._device.reconnect()

    def _told(self, message: dict[str, object]) -> None:
        self.moves += message.get("type") == "moved"

    @property
    def _rows(self) -> Floats:
        return np.array(self._levels.rows).reshape(-1, 4)

    def is_heard(self, now: float) -> bool:
        """Whether it cancels: less is heard than there would be without it."""
        return self._device.mode == "split" and self.reduction_db(now) > 1.0

    def longest_gap_s(self, begin: float, end: float) -> float:
        """Return the longest time without a drive, s."""
        return longest_silence_s(self._rows, begin, end)

    def reduction_db(self, end: float) -> float:
        """Return the true noise reduction of the two seconds before a moment, dB."""
        rows = self._rows
        span = rows[(rows[:, 0] > end - _SPAN_S) & (rows[:, 0] <= end)]
        if not len(span):
            return 0.0
        d, e = span[:, 1].mean(), span[:, 2].mean()
        return float(10 * np.log10(d / max(e, 1e-12 * d)))
