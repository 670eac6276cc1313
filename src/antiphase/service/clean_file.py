"""Adaptive cancellation of a recording: what a second microphone hears as well is taken out."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from antiphase.adaptive import FrequencyDomainKalmanFilter
from antiphase.errors import FileFormatError
from antiphase.files.audio import AudioStream, stream_audio
from antiphase.files.audio_out import AudioWriter
from antiphase.identify.latency import estimate_delay
from antiphase.metrics.attenuation import band_reduction

__all__ = ["CleanReport", "check_recording", "clean_file"]

Floats = npt.NDArray[np.float64]
Progress = Callable[[float], None]

_SPAN_S = 0.064
_LEAST_S = 1.0
_LOOK_S = 20.0
_LEARN_S = 60.0
_FURTHEST_S = 1.0
_BLOCK = 256
_QUIET_SHARE = 0.1
_WINDOW_S = 0.1
_CHUNK_S = 10.0
_FLOOR = 1e-12


@dataclass(frozen=True)
class CleanReport:
    """What came of it.

    Attributes
    ----------
    seconds, fs : float
        Length and rate, s and Hz.
    delay_ms : float
        How much later the primary microphone hears what the reference hears.
    reduction_db : float
        Energy before over energy after, talker included.
    pause_reduction_db : float
        The same over the quietest tenth of the result, where the talker pauses.
    bands_hz, before_db, after_db : list of float
        Levels by octave, dB of full scale.
    level_before_db, level_after_db : list of float
        Levels second by second, dB of full scale.
    """

    seconds: float
    fs: float
    delay_ms: float
    reduction_db: float
    pause_reduction_db: float
    bands_hz: list[float]
    before_db: list[float]
    after_db: list[float]
    level_before_db: list[float]
    level_after_db: list[float]

    def as_dict(self) -> dict[str, Any]:
        """Return it ready for JSON."""
        return asdict(self)


def check_recording(primary: Path, reference: Path | None) -> float:
    """Return the length of a recording in s.

    Parameters
    ----------
    primary : path-like
        Of talker and noise; with no `reference` file its second channel is the reference.
    reference : path-like or None

    Raises
    ------
    FileFormatError
        If a file can't be read as audio, is too short or has no second channel where one is needed.
    """
    lengths = []
    for path in (primary, *([] if reference is None else [reference])):
        with stream_audio(path) as stream:
            if reference is None and stream.channels < 2:
                raise FileFormatError(
                    f"{path}: has one channel; give a reference file, or two channels: "
                    "primary and reference"
                )
            lengths.append(stream.frames / stream.fs)
    shortest = min(lengths)
    if shortest < _LEAST_S:
        raise FileFormatError(f"{primary}: {shortest:.2f} s are too short; at least {_LEAST_S:g} s")
    return shortest


def clean_file(primary: Path, reference: Path | None, out: Path, progress: Progress) -> CleanReport:
    """Take out of the primary microphone what the reference microphone hears too.

    The delay between the two is found first (GCC-PHAT over 20 s); a frequency-domain Kalman filter
    of at least 64 ms, a quarter of it ahead of that delay, learns over the first minute and then
    runs over the whole, so that the beginning is as clean as the rest.

    Parameters
    ----------
    primary, reference : path-like
        As for `check_recording`.
    out : path-like
        WAV to write: mono, at the primary's rate.
    progress : callable
        Takes the share that is done, 0 to 1.

    Returns
    -------
    CleanReport

    Raises
    ------
    FileFormatError
        As `check_recording`.
    SignalError
        If a side is silent.

    References
    ----------
    Enzner & Vary (2006), Frequency-domain adaptive Kalman filter for acoustic echo control in
    hands-free telephones.
    """
    seconds = check_recording(primary, reference)
    pairs = _Pairs(primary, reference, seconds)
    n_taps = _BLOCK * max(2, 2 ** math.ceil(math.log2(_SPAN_S * pairs.fs / _BLOCK)))
    delay = pairs.delay()
    shift = round(delay) - n_taps // 4
    canceller = FrequencyDomainKalmanFilter(n_taps, _BLOCK)
    learn_s = min(_LEARN_S, seconds)
    for x, d in pairs.blocks(shift, learn_s):
        canceller.process(x, d)
    progress(0.3)
    tally = _Tally(pairs.fs)
    writer = AudioWriter(out, pairs.fs, clipping="clip")
    try:
        _run(pairs, shift, canceller, writer, tally, progress)
    except BaseException:
        writer.discard()
        raise
    writer.close()
    return tally.report(seconds, 1000 * delay / pairs.fs)


def _run(
    pairs: _Pairs,
    shift: int,
    canceller: FrequencyDomainKalmanFilter,
    writer: AudioWriter,
    tally: _Tally,
    progress: Progress,
) -> None:
    """Cancel from beginning to end; the residual lags by one block of the filter."""
    total = pairs.seconds * pairs.fs
    late, done = np.zeros(0), 0
    end = (np.zeros(_BLOCK), np.zeros(_BLOCK))
    skip = _BLOCK
    for x, d in (*pairs.blocks(shift, pairs.seconds), end):
        residual = np.asarray(canceller.process(x, d), np.float64)
        ready = residual[skip:]
        skip = max(0, skip - len(residual))
        late = np.concatenate([late, d])
        before, late = late[: len(ready)], late[len(ready) :]
        writer.write(ready)
        tally.take(before, ready)
        done += len(d)
        progress(0.3 + 0.7 * min(1.0, done / total))


class _Pairs:
    """Reference and primary, block by block at the primary's rate, in constant memory."""

    def __init__(self, primary: Path, reference: Path | None, seconds: float) -> None:
        self._primary, self._reference = primary, reference
        self.seconds = seconds
        with stream_audio(primary) as stream:
            self.fs = stream.fs

    def _sides(self) -> Iterator[tuple[Floats, Floats]]:
        """Yield pieces of equal length: reference, primary."""
        if self._reference is None:
            with stream_audio(self._primary) as stereo:
                for block in stereo:
                    yield block[:, 1], block[:, 0]
            return
        with (
            stream_audio(self._primary) as talker,
            stream_audio(self._reference, fs=self.fs) as other,
        ):
            waiting = [np.zeros(0), np.zeros(0)]
            streams = (other, talker)
            while True:
                for k, stream in enumerate(streams):
                    if not len(waiting[k]):
                        waiting[k] = _first_channel(stream)
                n = min(len(waiting[0]), len(waiting[1]))
                if not n:
                    return
                yield waiting[0][:n], waiting[1][:n]
                waiting = [w[n:] for w in waiting]

    def delay(self) -> float:
        """Return how many samples later the primary hears what the reference hears."""
        sides = list(self.blocks(0, min(_LOOK_S, self.seconds)))
        x, d = (np.concatenate(side) for side in zip(*sides, strict=True))
        furthest = round(min(_FURTHEST_S, self.seconds / 4) * self.fs)
        found = estimate_delay(x, d, self.fs, max_delay=furthest, allow_negative=True)
        return found.samples

    def blocks(self, shift: int, seconds: float) -> Iterator[tuple[Floats, Floats]]:
        """Yield reference and primary, the reference `shift` samples later, for some seconds."""
        left = round(seconds * self.fs)
        held: list[Floats] = [np.zeros(max(shift, 0)), np.zeros(0)]
        skip = max(-shift, 0)
        for x, d in self._sides():
            cut = min(skip, len(x))
            skip -= cut
            held = [np.concatenate([held[0], x[cut:]]), np.concatenate([held[1], d])]
            n = min(len(held[0]), len(held[1]), left)
            yield held[0][:n], held[1][:n]
            held = [h[n:] for h in held]
            left -= n
            if left <= 0:
                return
        n = min(left, len(held[1]))
        # Where the reference ends early there is nothing left to take out.
        yield np.pad(held[0][:n], (0, max(0, n - len(held[0])))), held[1][:n]


def _first_channel(stream: AudioStream) -> Floats:
    block = next(stream, np.zeros(0))
    return block if block.ndim == 1 else block[:, 0]


class _Tally:
    """Levels before and after, gathered block by block."""

    def __init__(self, fs: float) -> None:
        self._fs = fs
        self._held: list[Floats] = [np.zeros(0), np.zeros(0)]
        self._windows: list[Floats] = []
        self._seconds: list[Floats] = []
        self._bands: list[tuple[Floats, Floats]] = []
        self._bands_hz: Floats = np.zeros(0)

    def take(self, before: Floats, after: Floats, *, last: bool = False) -> None:
        """Add what came out."""
        held = zip(self._held, (before, after), strict=True)
        self._held = [np.concatenate(pair) for pair in held]
        chunk = round(_CHUNK_S * self._fs)
        while len(self._held[0]) >= chunk or (last and len(self._held[0]) >= self._fs):
            self._measure(*(h[:chunk] for h in self._held))
            self._held = [h[chunk:] for h in self._held]

    def _measure(self, before: Floats, after: Floats) -> None:
        both = np.stack([before, after])
        for length_s, into in ((_WINDOW_S, self._windows), (1.0, self._seconds)):
            n = round(length_s * self._fs)
            whole = both.shape[1] // n
            into.append(np.mean(both[:, : whole * n].reshape(2, whole, n) ** 2, axis=2))
        found = band_reduction(before, after, self._fs, fraction=1)
        self._bands_hz = found.centre_hz
        self._bands.append((10 ** (found.disturbance_db / 10), 10 ** (found.error_db / 10)))

    def report(self, seconds: float, delay_ms: float) -> CleanReport:
        """Return all of it."""
        self.take(np.zeros(0), np.zeros(0), last=True)
        windows, each = (np.concatenate(p, axis=1) for p in (self._windows, self._seconds))
        quiet = np.argsort(windows[1])[: max(1, round(_QUIET_SHARE * windows.shape[1]))]
        bands = [np.mean([pair[k] for pair in self._bands], axis=0) for k in range(2)]
        return CleanReport(
            round(seconds, 3),
            self._fs,
            round(delay_ms, 3),
            _db(windows[0].sum() / max(windows[1].sum(), _FLOOR)),
            _db(windows[0][quiet].sum() / max(windows[1][quiet].sum(), _FLOOR)),
            [round(float(hz), 1) for hz in self._bands_hz],
            *(_levels(power) for power in (*bands, *each)),
        )


def _db(ratio: float) -> float:
    return round(float(10 * np.log10(max(ratio, _FLOOR))), 2)


def _levels(power: Floats) -> list[float]:
    return [_db(value) for value in power]
