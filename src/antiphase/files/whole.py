"""Filtering and analysing files of any length in constant memory."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from antiphase.dsp.spectrum import WelchAccumulator
from antiphase.dsp.stream import Floats, StreamBlock
from antiphase.errors import FileFormatError, SignalError
from antiphase.files.audio import AudioStream
from antiphase.files.audio_out import AudioWriter

__all__ = ["FileAnalysis", "analyse_file", "filter_file"]


@dataclass(frozen=True)
class FileAnalysis:
    """What an audio file holds, per channel.

    Parameters
    ----------
    fs : float
        Hz.
    frames : int
    rms, peak : ndarray, shape (channels,)
        Full scale is 1.
    clipped : ndarray of int, shape (channels,)
        Samples at or beyond full scale (the largest code of the format).
    frequency_hz : ndarray, shape (f,)
    density : ndarray, shape (f, channels)
        One-sided power spectral density in unit²/Hz.
    """

    fs: float
    frames: int
    rms: Floats
    peak: Floats
    clipped: np.typing.NDArray[np.int64]
    frequency_hz: Floats
    density: Floats


def analyse_file(
    path: str | os.PathLike[str],
    *,
    n_segment: int = 8192,
    fs: float | None = None,
    block_size: int = 65536,
) -> FileAnalysis:
    """Return levels and spectrum of an audio file, reading it once in constant memory.

    Parameters
    ----------
    path : str or os.PathLike
    n_segment : int
        Welch segment length, even; halved until the file holds at least two segments.
    fs : float, optional
        Rate wanted in Hz; None keeps the file's.
    block_size : int
        Frames read at once, at least 1.

    Raises
    ------
    FileFormatError
        If the file can't be read or is shorter than 8 frames.
    ParameterError
        If a parameter is outside its range.
    """
    with AudioStream(path, block_size, fs=fs) as stream:
        while n_segment > stream.frames // 2 and n_segment > 8:
            n_segment //= 2
        welch = WelchAccumulator(stream.fs, n_segment + n_segment % 2, channels=stream.channels)
        squares, peak = np.zeros(stream.channels), np.zeros(stream.channels)
        clipped = np.zeros(stream.channels, dtype=np.int64)
        frames = 0
        for block in stream:
            columns = block.reshape(len(block), -1)
            magnitude = np.abs(columns)
            frames += len(block)
            squares += np.sum(columns**2, axis=0)
            peak = np.maximum(peak, magnitude.max(axis=0))
            # The largest positive code of 16 bits is 1 − 2^−15.
            clipped += np.count_nonzero(magnitude >= 1 - 2**-15, axis=0)
            welch.update(block)
        try:
            density = np.einsum("fcc->fc", welch.density).real
        except SignalError as error:
            raise FileFormatError(f"{path}: {frames} frames are too few for a spectrum") from error
        rms = np.sqrt(squares / frames)
        return FileAnalysis(stream.fs, frames, rms, peak, clipped, welch.frequency_hz, density)


def _silence(frames: int, channels: int, block_size: int) -> Iterator[Floats]:
    """Blocks of zeros that push out what the blocks still hold."""
    for start in range(0, frames, block_size):
        count = min(block_size, frames - start)
        yield np.zeros(count if channels == 1 else (count, channels))


def filter_file(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    blocks: Sequence[StreamBlock],
    *,
    fs: float | None = None,
    subtype: str | None = None,
    block_size: int = 65536,
) -> int:
    """Run an audio file through streaming blocks into another, in constant memory.

    The blocks must keep the rate; their latency is taken out, so the files are aligned and of
    equal length.

    Parameters
    ----------
    source, target : str or os.PathLike
        Two different files; formats by extension.
    blocks : sequence of StreamBlock
        Applied in order; reset first. Each takes what the one before gives; the last one's
        channels are the target's.
    fs : float, optional
        Rate wanted in Hz; None keeps the source's.
    subtype : str, optional
        Sample format of the target (see `AudioWriter`).
    block_size : int
        Frames handled at once, at least 1.

    Returns
    -------
    int
        Frames written.

    Raises
    ------
    FileFormatError
        If a file can't be read or written, a sample exceeds the target's full scale, or source
        and target are the same file.
    SignalError
        If a block does not take the channels it is given.
    """
    if os.path.realpath(source) == os.path.realpath(target):
        raise FileFormatError(f"{target}: is the source itself; name another file")
    for block in blocks:
        block.reset()
    with AudioStream(source, block_size, fs=fs) as stream:
        probe: Floats = np.zeros((0,) if stream.channels == 1 else (0, stream.channels))
        for block in blocks:
            probe = block.process(probe)
        channels = 1 if probe.ndim == 1 else probe.shape[1]
        late = skip = sum(block.latency for block in blocks)
        written = 0
        with AudioWriter(target, stream.fs, channels, subtype=subtype) as writer:
            for signal in itertools.chain(stream, _silence(late, stream.channels, block_size)):
                out = signal
                for block in blocks:
                    out = block.process(out)
                cut = min(skip, len(out))
                skip -= cut
                writer.write(out[cut:])
                written += len(out) - cut
    return written
