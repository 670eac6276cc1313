"""Audio files out: whole or block by block, never half, never clipped in silence."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

import numpy as np
import numpy.typing as npt
import soundfile

from antiphase.arrays import as_signal
from antiphase.dsp.stream import as_block
from antiphase.errors import require
from antiphase.files.audio import AudioWarning, problem

__all__ = ["AudioWriter", "write_audio"]

Clipping = Literal["refuse", "clip", "scale"]

_FORMATS = {
    ".wav": ("WAV", "PCM_24"),
    ".flac": ("FLAC", "PCM_24"),
    ".ogg": ("OGG", "VORBIS"),
    ".w64": ("W64", "PCM_24"),
    ".rf64": ("RF64", "PCM_24"),
    ".aiff": ("AIFF", "PCM_24"),
    ".caf": ("CAF", "PCM_24"),
}
# Float formats keep what exceeds full scale.
_UNLIMITED = {"FLOAT", "DOUBLE"}
_WAV_BYTES = 2**32 - 2**16


class AudioWriter:
    """Audio file written block by block; it appears under its name only when complete.

    Parameters
    ----------
    path : str or os.PathLike
        Format by extension: .wav, .flac, .ogg, .w64, .rf64, .aiff, .caf.
    fs : float
        Hz, a whole number ≥ 1.
    channels : int
    subtype : str, optional
        Sample format of libsndfile, such as ``PCM_16`` or ``FLOAT``; default 24 bit, for .ogg
        Vorbis.
    clipping : {"refuse", "clip"}
        What to do with samples beyond full scale in formats that have one.

    Raises
    ------
    ParameterError
        If the extension, the rate or the subtype is unknown or does not fit.
    FileFormatError
        If the file can't be written.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        fs: float,
        channels: int = 1,
        *,
        subtype: str | None = None,
        clipping: Literal["refuse", "clip"] = "refuse",
    ) -> None:
        self._path = Path(path)
        suffix = self._path.suffix.lower()
        require(suffix in _FORMATS, "extension", suffix, f"one of {', '.join(_FORMATS)}")
        require(fs >= 1 and float(fs).is_integer(), "fs", fs, "a whole number of Hz, ≥ 1")
        require(channels >= 1, "channels", channels, "at least 1")
        require(clipping in {"refuse", "clip"}, "clipping", clipping, "'refuse' or 'clip'")
        self._format, default = _FORMATS[suffix]
        self._subtype = subtype or default
        fits = soundfile.check_format(self._format, self._subtype)
        require(fits, "subtype", self._subtype, f"one that {suffix} files can have")
        self._channels, self._clipping, self._clipped = channels, clipping, 0
        self._part = self._path.with_name(self._path.name + ".part")
        try:
            self._file = soundfile.SoundFile(
                os.fspath(self._part),
                "w",
                samplerate=int(fs),
                channels=channels,
                format=self._format,
                subtype=self._subtype,
            )
        except (soundfile.LibsndfileError, OSError) as error:
            self._part.unlink(missing_ok=True)
            reason = " ".join(str(getattr(error, "error_string", error)).split())
            raise problem(self._path, f"can't be written ({reason.rstrip('.')})") from error

    @property
    def clipped(self) -> int:
        """Samples clipped so far."""
        return self._clipped

    def write(self, signal: npt.ArrayLike) -> None:
        """Append frames, shape (n,) or (n, channels).

        Raises
        ------
        SignalError
            If the shape does not fit or a sample is not finite.
        FileFormatError
            If a sample exceeds full scale and clipping is refused, or a .wav would pass 4 GB.
        """
        block, _ = as_block(signal, self._channels)
        if self._subtype not in _UNLIMITED and len(block):
            over = int(np.count_nonzero(np.abs(block) > 1))
            if over and self._clipping == "refuse":
                peak = 20 * np.log10(np.abs(block).max())
                reason = f"{over} samples exceed full scale by up to {peak:.1f} dB"
                raise problem(self._path, f"{reason}; scale the signal or write FLOAT")
            self._clipped += over
            block = np.clip(block, -1, 1)
        if self._format == "WAV" and self._part.stat().st_size + block.nbytes > _WAV_BYTES:
            raise problem(self._path, "would pass the 4 GB of a .wav; write .rf64, .w64 or .flac")
        self._file.write(block)

    def close(self) -> None:
        """Finish the file and give it its name.

        Warns
        -----
        AudioWarning
            If samples were clipped.
        """
        self._file.close()
        if self._part.exists():
            self._part.replace(self._path)
            if self._clipped:
                text = f"{self._path}: {self._clipped} samples were clipped at full scale"
                warnings.warn(text, AudioWarning, stacklevel=2)

    def discard(self) -> None:
        """Drop what was written."""
        self._file.close()
        self._part.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.discard()


def write_audio(
    path: str | os.PathLike[str],
    signal: npt.ArrayLike,
    fs: float,
    *,
    subtype: str | None = None,
    clipping: Clipping = "refuse",
) -> float:
    """Write a whole signal to an audio file.

    Parameters
    ----------
    path, fs, subtype
        As for `AudioWriter`.
    signal : array_like, shape (n,) or (n, channels)
    clipping : {"refuse", "clip", "scale"}
        As for `AudioWriter`; "scale" brings the peak to −1 dB of full scale if it exceeds it.

    Returns
    -------
    float
        The factor that the signal was scaled by, 1 if not at all.

    Raises
    ------
    ParameterError, SignalError, FileFormatError
        As for `AudioWriter`.

    Warns
    -----
    AudioWarning
        If samples were clipped.
    """
    require(clipping in {"refuse", "clip", "scale"}, "clipping", clipping, "refuse, clip or scale")
    whole = as_signal("signal", signal)
    channels = 1 if whole.ndim == 1 else whole.shape[1]
    peak = float(np.abs(whole).max(initial=0.0))
    factor = 10 ** (-1 / 20) / peak if clipping == "scale" and peak > 1 else 1.0
    mode: Literal["refuse", "clip"] = "clip" if clipping == "clip" else "refuse"
    with AudioWriter(path, fs, channels, subtype=subtype, clipping=mode) as writer:
        writer.write(whole * factor)
    return factor
