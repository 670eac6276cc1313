"""Audio files in: any format, length and rate, in constant memory; errors in one line."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import soundfile

from antiphase.dsp.resample import PolyphaseResampler, rate_ratio
from antiphase.dsp.stream import Floats
from antiphase.errors import FileFormatError, ParameterError, require

__all__ = [
    "AudioStream",
    "AudioWarning",
    "problem",
    "read_audio",
    "stream_audio",
]

# Sizes that writers leave in the header when they stream and never come back.
_UNKNOWN_SIZES = {0, 0xFFFFFFFF, 0x7FFFFFFF, 0x7FFFF000}


class AudioWarning(UserWarning):
    """An audio file that was read or written, but not as it should be."""


def problem(path: Path, reason: str) -> FileFormatError:
    """Return the error for a file, in one line that names it."""
    return FileFormatError(f"{path}: {reason}")


def _open(path: Path) -> soundfile.SoundFile:
    if not path.exists():
        raise problem(path, "no such file")
    if path.is_dir():
        raise problem(path, "is a folder; name an audio file")
    if path.stat().st_size == 0:
        raise problem(path, "is empty")
    try:
        return soundfile.SoundFile(os.fspath(path))
    except (soundfile.LibsndfileError, TypeError, OSError) as error:
        reason = " ".join(str(getattr(error, "error_string", error)).split())
        raise problem(path, f"not readable as audio ({reason.rstrip('.')})") from error


def _missing_bytes(path: Path) -> int:
    """Bytes that a WAV file's data chunk promises and the file does not hold."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(12)
        if head[:4] != b"RIFF" or head[8:] != b"WAVE":
            return 0
        while len(chunk := file.read(8)) == 8:
            length = int.from_bytes(chunk[4:], "little")
            if chunk[:4] == b"data":
                known = length not in _UNKNOWN_SIZES
                return max(0, file.tell() + length - size) if known else 0
            file.seek(length + length % 2, os.SEEK_CUR)
    return 0


class AudioStream(Iterator[Floats]):
    """Frames of an audio file, block by block, in constant memory.

    Iterate over it; use it in a ``with`` block, or close it.

    Parameters
    ----------
    path : str or os.PathLike
    block_size : int
        Frames per block, at least 1; the last block may be shorter.
    fs : float, optional
        Rate wanted in Hz; None keeps the file's. Converted blocks vary in length; the whole is
        aligned with the original.

    Raises
    ------
    FileFormatError
        If the file can't be read as audio, holds no frames, or (while reading) NaN or Inf.
    ParameterError
        If a parameter is outside its range.

    Warns
    -----
    AudioWarning
        If the file ends before what its header promises.
    """

    def __init__(
        self, path: str | os.PathLike[str], block_size: int = 65536, *, fs: float | None = None
    ) -> None:
        require(block_size >= 1, "block_size", block_size, "at least 1")
        self._path = Path(path)
        self._block_size = block_size
        self._file = _open(self._path)
        if self._file.frames == 0:
            self._file.close()
            raise problem(self._path, "holds no frames")
        self._read = 0
        self._ended = False
        self._converter: PolyphaseResampler | None = None
        self._skip = self._left = 0
        missing = _missing_bytes(self._path)
        if missing:
            self._warn(f"is truncated: {missing} bytes are missing at the end")
        if fs is not None and fs != self._file.samplerate:
            self._convert_to(fs)

    def _convert_to(self, fs: float) -> None:
        try:
            up, down = rate_ratio(self._file.samplerate, fs)
        except ParameterError:
            self._file.close()
            raise
        self._converter = PolyphaseResampler(
            up, down, bandwidth=0.95, attenuation_db=100.0, channels=self.channels
        )
        self._skip = self._converter.latency
        self._left = self.frames

    def _warn(self, reason: str) -> None:
        warnings.warn(f"{self._path}: {reason}", AudioWarning, stacklevel=3)

    @property
    def fs(self) -> float:
        """Rate of the blocks in Hz."""
        if self._converter is None:
            return float(self._file.samplerate)
        return float(self._file.samplerate) * self._converter.up / self._converter.down

    @property
    def channels(self) -> int:
        """Number of channels."""
        return int(self._file.channels)

    @property
    def frames(self) -> int:
        """Frames to come in all, at the rate of the blocks."""
        frames = int(self._file.frames)
        if self._converter is None:
            return frames
        return -(-frames * self._converter.up // self._converter.down)

    @property
    def description(self) -> str:
        """Format of the file, such as ``WAV PCM_24``."""
        return f"{self._file.format} {self._file.subtype}"

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Floats:
        while True:
            block = self._next_raw()
            if self._converter is None:
                if not len(block):
                    raise StopIteration
                return block
            converted = self._converted(block)
            if len(converted):
                return converted
            if self._ended:
                raise StopIteration

    def _next_raw(self) -> Floats:
        """Next frames of the file, (n,) or (n, channels); empty at its end."""
        try:
            block: Floats = self._file.read(self._block_size, dtype="float64")
        except soundfile.LibsndfileError as error:
            raise problem(self._path, f"is damaged after frame {self._read}") from error
        if not np.isfinite(block).all():
            frames = np.isfinite(block).reshape(len(block), -1).all(axis=1)
            first = self._read + int(np.argmin(frames))
            raise problem(self._path, f"holds NaN or Inf at frame {first}")
        self._read += len(block)
        if len(block) < self._block_size and not self._ended:
            self._ended = True
            if self._read < self._file.frames:
                self._warn(f"is truncated: {self._read} of {self._file.frames} frames are there")
        return block

    def _converted(self, block: Floats) -> Floats:
        """Convert frames; take out the converter's delay and what lies beyond the end."""
        if self._converter is None:
            return block
        if self._ended and self._left > 0:
            converter = self._converter
            tail = -(-(converter.latency + 1) * converter.down // converter.up)
            block = np.concatenate([block, np.zeros((tail, *block.shape[1:]))])
        ready = self._converter.process(block)
        skipped = min(self._skip, len(ready))
        self._skip -= skipped
        ready = ready[skipped:][: self._left]
        self._left = 0 if self._ended else self._left - len(ready)
        return ready

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def stream_audio(
    path: str | os.PathLike[str], block_size: int = 65536, *, fs: float | None = None
) -> AudioStream:
    """Open an audio file for reading block by block (see `AudioStream`)."""
    return AudioStream(path, block_size, fs=fs)


def read_audio(path: str | os.PathLike[str], fs: float | None = None) -> tuple[Floats, float]:
    """Read a whole audio file.

    WAV in all its forms (8 to 32 bit, float, extensible header, RF64, W64), FLAC, OGG and what
    else libsndfile reads; integers are scaled to [−1, 1).

    Parameters
    ----------
    path : str or os.PathLike
    fs : float, optional
        Rate wanted in Hz; None keeps the file's.

    Returns
    -------
    signal : ndarray of float64, shape (n,) or (n, channels)
    fs : float
        Rate of the signal in Hz.

    Raises
    ------
    FileFormatError
        If the file can't be read as audio, holds no frames, or NaN or Inf.
    ParameterError
        If the rate wanted has no small ratio to the file's.

    Warns
    -----
    AudioWarning
        If the file ends before what its header promises.
    """
    with AudioStream(path, fs=fs) as stream:
        return np.concatenate(list(stream)), stream.fs
