"""Pieces of a live recording: samples by their timestamps, and the files made of them."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import soundfile

from antiphase.arrays import Signal
from antiphase.codecs.pcm import to_int16
from antiphase.sync import ClockTracker

__all__ = ["PIECE_FILE", "Piece", "Strip", "as_pcm", "piece_files"]

PIECE_FILE = r"[0-9]{5}(\.json|-(reference|error|talker|output)-[0-9]{1,3}\.flac)"
"""What the files of a piece are called, as a regular expression."""

Samples = npt.NDArray[np.int16]
_BUCKET_S = 0.25
_MOST = 2  # times the samples that a piece should have: no clock is so fast


def as_pcm(pcm: Signal, channel: int) -> Samples:
    """Return one channel as 16-bit integers, shape (n,); what is no number is silence."""
    side = pcm if pcm.ndim == 1 else pcm[:, min(channel, pcm.shape[1] - 1)]
    return to_int16(np.nan_to_num(side, posinf=0.0, neginf=0.0))


@dataclass(eq=False)
class Strip:
    """One track of one piece.

    Samples are counted by the device's timestamps. A jump of these (a device that began anew) is
    bridged by the server's clock.

    Attributes
    ----------
    number : int
        Of the track in the recording.
    role, device_id, device : str
        ``reference``, ``error``, ``talker`` or ``output``, and whose.
    channel, fs : int
    start : float
        When the piece starts, s.
    first : int or None
        Index of its first sample; None in a track's first piece until that is cut.
    end : int or None
        Index behind its last sample; None while it is open.
    chunks : list of (int, ndarray of int16)
        Index of the first sample, samples.
    """

    number: int
    role: str
    device_id: str
    device: str
    channel: int
    fs: int
    start: float
    first: int | None = None
    end: int | None = None
    chunks: list[tuple[int, Samples]] = field(default_factory=list)
    _clock: ClockTracker | None = None
    _shift: int = 0
    _next: int | None = None
    _held: int = 0

    def add(self, samples: Samples, timestamp: int, now: float, jump_s: float) -> None:
        """Take samples that have come just now; `jump_s`: what counts as a jump."""
        if self._clock is None:
            self._clock = ClockTracker(self.fs, bucket_s=_BUCKET_S)
        index = timestamp + self._shift
        line = self._clock.line
        jumps = self._next is not None and abs(index - self._next) > jump_s * self.fs
        if jumps and line is not None:
            due = max(round(line.index_at(now)) - len(samples), self._next or 0)
            self._shift += due - index
            index = due
        # A packet can be sent when its last sample is there: frames of all lengths compare by that.
        self._clock.update(index + len(samples), now)
        self._next = index + len(samples)
        self._held += len(samples)
        if self._held <= _MOST * self.fs * (now - self.start + 1.0):
            self.chunks.append((index, samples))

    def _index_at(self, time: float) -> int:
        line = None if self._clock is None else self._clock.line
        return 0 if line is None else round(line.index_at(time))

    @property
    def drift_ppm(self) -> float | None:
        """How much faster than the server's its clock runs; None until it is known."""
        line = None if self._clock is None else self._clock.line
        return line.drift_ppm if line is not None and np.isfinite(line.error_ppm) else None

    def split(self, at: float) -> Strip:
        """End it at a time; return the strip of the next piece, which begins where this ends."""
        if self.first is None:
            # Only now: the clock is known better than when the first packet had come.
            self.first = self._index_at(self.start)
        most = self.first + round(_MOST * self.fs * (at - self.start))
        self.end = min(max(self.first, self._index_at(at)), most)
        late = [(i, s) for i, s in self.chunks if i + len(s) > self.end]
        names = (self.number, self.role, self.device_id, self.device, self.channel, self.fs)
        return Strip(*names, at, self.end, None, late, self._clock, self._shift, self._next)

    def assemble(self) -> tuple[Samples, list[tuple[int, int]]]:
        """Return the samples of the whole piece, shape (n,), and its gaps as (start, length)."""
        first = self.first or 0
        size = max(0, (first if self.end is None else self.end) - first)
        whole, known = np.zeros(size, np.int16), np.zeros(size, bool)
        for index, samples in self.chunks:
            begin, stop = max(0, index - first), min(size, index - first + len(samples))
            if begin < stop:
                whole[begin:stop] = samples[begin + first - index : stop + first - index]
                known[begin:stop] = True
        edges = np.flatnonzero(np.diff(np.concatenate([[True], known, [True]]).astype(np.int8)))
        gaps = [(int(a), int(b - a)) for a, b in edges.reshape(-1, 2)]
        return whole, gaps


@dataclass(eq=False)
class Piece:
    """What one span of time brought.

    Attributes
    ----------
    number : int
    start_s, end_s : float
        From the recording's start, s.
    strips : list of Strip
    devices : dict
        Who has consented, when, and when that was withdrawn.
    figures : dict
        Of the room, at the end of the piece.
    """

    number: int
    start_s: float
    end_s: float
    strips: list[Strip]
    devices: dict[str, dict[str, Any]]
    figures: dict[str, Any]


def piece_files(piece: Piece) -> dict[str, bytes]:
    """Return a piece's files by name: FLAC of 16 bit for each track, and JSON, which comes last."""
    files, tracks = {}, []
    for strip in piece.strips:
        samples, gaps = strip.assemble()
        if len(samples) == 0 or gaps == [(0, len(samples))]:
            continue
        name = f"{piece.number:05d}-{strip.role}-{strip.number}.flac"
        into = io.BytesIO()
        soundfile.write(into, samples, strip.fs, format="FLAC", subtype="PCM_16")
        files[name] = into.getvalue()
        drift = strip.drift_ppm
        tracks.append(
            {
                "file": name,
                "role": strip.role,
                "device_id": strip.device_id,
                "device": strip.device,
                "channel": strip.channel,
                "fs": strip.fs,
                "samples": len(samples),
                "first_sample": strip.first,
                "drift_ppm": None if drift is None else round(drift, 2),
                "gaps": gaps,
            }
        )
    about = {
        "piece": piece.number,
        "start_s": piece.start_s,
        "end_s": piece.end_s,
        "tracks": tracks,
        "devices": piece.devices,
        "figures": piece.figures,
    }
    files[f"{piece.number:05d}.json"] = json.dumps(about).encode()
    return files
