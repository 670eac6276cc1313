"""What a codec makes of a stream, with its delay taken out and told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from antiphase.arrays import as_signal
from antiphase.codecs import (
    G722Decoder,
    G722Encoder,
    OpusDecoder,
    OpusEncoder,
    decode_pcm16,
    encode_pcm16,
    g722,
)
from antiphase.dsp import PolyphaseResampler
from antiphase.errors import require

__all__ = ["Codec", "Transcoded", "transcode"]

Floats = npt.NDArray[np.float64]
Name = Literal["none", "pcm16", "g722", "opus"]


@dataclass(frozen=True)
class Codec:
    """Which codec a stream goes through.

    Parameters
    ----------
    name : {"none", "pcm16", "g722", "opus"}
    frame_ms : float
        Frame of the codec; for Opus one of its own (2.5, 5, 10, 20, …).
    bitrate : int
        Of Opus, bits per second.
    peak : float
        Level of the largest sample after the sender's gain, in (0, 1] of full scale.

    Raises
    ------
    ParameterError
        If a parameter is outside its range.
    """

    name: Name = "pcm16"
    frame_ms: float = 5.0
    bitrate: int = 64000
    peak: float = 0.5

    def __post_init__(self) -> None:
        names = ("none", "pcm16", "g722", "opus")
        require(self.name in names, "name", self.name, f"one of {', '.join(names)}")
        require(self.frame_ms > 0, "frame_ms", self.frame_ms, "> 0 ms")
        require(0 < self.peak <= 1, "peak", self.peak, "in (0, 1]")


@dataclass(frozen=True)
class Transcoded:
    """A stream after its codec.

    Attributes
    ----------
    signal : ndarray, shape (n,)
        Aligned with what went in.
    latency_ms : float
        What the codec (with resamplers to its rate) needs; counts against the causality margin. The
        frame itself is the packets' matter.
    """

    signal: Floats
    latency_ms: float


def transcode(signal: npt.ArrayLike, fs: float, codec: Codec) -> Transcoded:
    """Send a stream through encoder and decoder.

    Parameters
    ----------
    signal : array_like, shape (n,)
    fs : float
        Hz: for G.722 8000 or 16000, for Opus one of its rates, otherwise any.
    codec : Codec

    Returns
    -------
    Transcoded

    Raises
    ------
    ParameterError
        If the codec does not run at this rate.
    SignalError
        If the signal is not one finite channel.
    """
    whole = as_signal("signal", signal, channels=1)
    require(fs > 0, "fs", fs, "> 0 Hz")
    peak = float(np.abs(whole).max(initial=0.0))
    if codec.name == "none" or peak == 0:
        return Transcoded(whole.copy(), 0.0)
    gain = codec.peak / peak
    coded, latency = {"pcm16": _pcm16, "g722": _g722, "opus": _opus}[codec.name](
        gain * whole, fs, codec
    )
    return Transcoded(coded / gain, 1000 * latency / fs)


def _pcm16(signal: Floats, fs: float, codec: Codec) -> tuple[Floats, float]:
    del fs, codec
    return decode_pcm16(encode_pcm16(signal)), 0.0


def _g722(signal: Floats, fs: float, codec: Codec) -> tuple[Floats, float]:
    del codec
    require(fs in {8000, 16000}, "fs", fs, "8000 or 16000 Hz for G.722")
    factor = round(g722.FS / fs)
    up, down = PolyphaseResampler(factor, 1), PolyphaseResampler(1, factor)
    latency = (up.delay + g722.LATENCY) / factor + down.delay
    whole = int(np.ceil(latency))
    padded = np.concatenate([signal, np.zeros(whole + 2)])
    wide = up.process(padded)
    wide = wide[: len(wide) // 2 * 2]
    decoded = down.process(G722Decoder().decode(G722Encoder().encode(wide)))
    return decoded[whole : whole + len(signal)], float(whole)


def _opus(signal: Floats, fs: float, codec: Codec) -> tuple[Floats, float]:
    rate = round(fs)
    encoder = OpusEncoder(rate, application="lowdelay", bitrate=codec.bitrate, complexity=10)
    decoder = OpusDecoder(rate)
    frame = round(fs * codec.frame_ms / 1000)
    frames = -(-(len(signal) + encoder.latency) // frame)
    padded = np.zeros(frames * frame)
    padded[: len(signal)] = signal
    parts = [decoder.decode(encoder.encode(block)) for block in padded.reshape(frames, frame)]
    decoded = np.concatenate(parts).astype(np.float64)
    return decoded[encoder.latency :][: len(signal)], float(encoder.latency)
