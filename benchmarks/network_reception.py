"""A reference that comes over a network, as the controller hears it: blocks of 5 ms."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from antiphase.metrics import noise_reduction_db
from antiphase.simulation import Codec, DriftingClock, Link, packetise, sample_on, transcode
from antiphase.sync import LagTracker, Played, PlayoutBuffer, SyncLoop

__all__ = ["Receiver", "after_1_s"]

Floats = npt.NDArray[np.float64]

_BLOCK_S = 0.005
_SEGMENT = 2048
_END_S = 0.1


def after_1_s(disturbance: Floats, error: Floats, fs: int) -> float:
    """Return the noise reduction from 1 s on, dB.

    The stream ends before the sound does: its last buffer is no part of the figure.
    """
    judged = slice(fs, -round(_END_S * fs))
    return noise_reduction_db(disturbance[judged], error[judged])


class Receiver:
    """Plays out, block by block, what a device on `clock` sends of a reference.

    Parameters
    ----------
    reference : ndarray, shape (n,)
        At the sender's microphone.
    fs : int
        Hz.
    link : Link
    delay_s : float
        From the earliest arrival to playing, as in `PlayoutBuffer`.
    clock : DriftingClock
        The sender's.
    frame : int
        Samples per packet.
    redundancy : int
        Earlier frames that each packet carries.
    codec : Codec, optional
    compensate : bool
        False: play at the receiver's own rate.
    seed : int
        Of the link.
    """

    def __init__(
        self,
        reference: Floats,
        fs: int,
        link: Link,
        delay_s: float,
        *,
        clock: DriftingClock,
        frame: int,
        redundancy: int = 0,
        codec: Codec | None = None,
        compensate: bool = True,
        seed: int = 0,
    ) -> None:
        coded = transcode(reference, fs, codec or Codec("none"))
        samples, capture = sample_on(coded.signal, fs, clock)
        packets = packetise(
            samples,
            capture + coded.latency_ms / 1000,
            link,
            frame=frame,
            redundancy=redundancy,
            seed=seed,
        )
        self._fs = fs
        self._block = round(fs * _BLOCK_S)
        self._blocks = len(reference) // self._block
        self._coming = iter(packets)
        self._packet = next(self._coming, None)
        self._buffer = PlayoutBuffer(fs, delay_s, compensate=compensate)
        self._tracker = LagTracker(segment=_SEGMENT)
        self._loop: SyncLoop | None = None

    @property
    def position(self) -> float | None:
        """Sender index that is played next; None before the first packet."""
        return self._buffer.position

    def blocks(self) -> Iterator[tuple[slice, Played]]:
        """Yield where each block belongs and what is played there, in order."""
        for k in range(self._blocks):
            now_s = k * self._block / self._fs
            while self._packet is not None and self._packet.arrival_s <= now_s:
                packet = self._packet
                self._buffer.push(packet.timestamp, packet.arrival_s, packet.samples)
                self._packet = next(self._coming, None)
            yield (
                slice(k * self._block, (k + 1) * self._block),
                self._buffer.pull(self._block, now_s),
            )

    def align(self, heard: Floats, felt: Floats) -> None:
        """Let the audio steer the buffer, from when the timestamps know the clock.

        Parameters
        ----------
        heard, felt : ndarray, shape (block,)
            The block of the reference, and of the disturbance at the receiver.
        """
        line = self._buffer.tracker.line
        if line is None or not np.isfinite(line.error_ppm):
            return
        for change in self._tracker.process(heard, felt):
            if self._loop is None:
                self._loop = SyncLoop(self._tracker.hop, drift_ppm=line.drift_ppm)
            skip = self._loop.update(change, line)
            if skip:
                self._buffer.skip(skip)
            self._buffer.guide_ppm = self._loop.rate_ppm
