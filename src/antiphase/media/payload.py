"""Audio formats of RTP: what SDP calls them, and the codec behind each.

Opus, L16, G.722 (whose RTP clock says 8000 though it samples at 16000, RFC 3551), PCMU and PCMA.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from antiphase.arrays import Signal
from antiphase.codecs import (
    G722Decoder,
    G722Encoder,
    OpusDecoder,
    OpusEncoder,
    decode_g711,
    decode_pcm16,
    encode_g711,
    encode_pcm16,
)
from antiphase.codecs.opus import Application
from antiphase.errors import SignalError

__all__ = ["AudioFormat", "Decoder", "Encoder", "OpusSettings", "known_format"]


class Decoder(Protocol):
    """Payloads of one stream to samples."""

    def decode(self, payload: bytes) -> Signal:
        """Return (n,) or (n, channels) samples with full scale 1.0."""

    def conceal(self, n: int, following: bytes | None = None) -> Signal:
        """Return n samples in place of lost ones; `following` is the payload after the gap."""


class Encoder(Protocol):
    """Samples of one stream to payloads."""

    def encode(self, frame: Signal) -> bytes:
        """Return the payload of one frame."""


@dataclass(frozen=True)
class OpusSettings:
    """How we encode Opus.

    Parameters
    ----------
    application : {"lowdelay", "audio", "voip"}
        "lowdelay" for 2.5 ms of look-ahead.
    bitrate : int
        Start value in bits per second; rate control moves it within its limits.
    complexity : int
        0 … 10.
    expected_loss : float
        Share of packets for which forward error correction is planned.
    """

    application: Application = "lowdelay"
    bitrate: int = 64000
    complexity: int = 5
    expected_loss: float = 0.0


@dataclass(frozen=True)
class AudioFormat:
    """One audio format as negotiated.

    Parameters
    ----------
    name : str
        Encoding name as in SDP, upper or lower case.
    payload_type : int
        0 … 127.
    clock_rate : int
        RTP clock in Hz.
    channels : int
        Channels of the samples (Opus says 2 in rtpmap always; here it is what is sent).
    parameters : dict of str to str
        From ``a=fmtp``.
    """

    name: str
    payload_type: int
    clock_rate: int
    channels: int = 1
    parameters: dict[str, str] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """Encoding name in upper case."""
        return self.name.upper()

    def sample_rate(self, opus_rate: int = 48000) -> int:
        """Rate in Hz at which samples are handed over; Opus decodes at the rate asked for."""
        return {"OPUS": opus_rate, "G722": 16000}.get(self.kind, self.clock_rate)

    def decoder(self, opus_rate: int = 48000) -> Decoder:
        """Return a new decoder."""
        return _DECODERS[self.kind](self, opus_rate)

    def encoder(self, opus_rate: int = 48000, opus: OpusSettings | None = None) -> Encoder:
        """Return a new encoder."""
        return _ENCODERS[self.kind](self, opus_rate, opus or OpusSettings())


class _Waveform:
    """Formats without concealment of their own: a lost frame is the last one, faded to silence."""

    def __init__(self, form: AudioFormat, decode: Callable[[bytes], Signal]) -> None:
        self._channels = form.channels
        self._decode = decode
        self._last: Signal = np.zeros(0)

    def decode(self, payload: bytes) -> Signal:
        self._last = self._decode(payload)
        return self._last

    def conceal(self, n: int, following: bytes | None = None) -> Signal:  # noqa: ARG002 - protocol
        shape = (n,) if self._channels == 1 else (n, self._channels)
        if len(self._last) != n:
            self._last = np.zeros(shape)
            return self._last
        fade = np.linspace(1.0, 0.0, n)
        self._last = self._last * (fade if self._channels == 1 else fade[:, None])
        return self._last


class _Function:
    def __init__(self, encode: Callable[[Signal], bytes]) -> None:
        self._encode = encode

    def encode(self, frame: Signal) -> bytes:
        return self._encode(frame)


def _l16_decoder(form: AudioFormat, _: int) -> Decoder:
    return _Waveform(form, lambda p: decode_pcm16(p, channels=form.channels, byte_order="big"))


def _g722_decoder(form: AudioFormat, _: int) -> Decoder:
    decoder = G722Decoder()
    return _Waveform(form, decoder.decode)


_DECODERS: dict[str, Callable[[AudioFormat, int], Decoder]] = {
    "OPUS": lambda form, rate: OpusDecoder(rate, form.channels),
    "L16": _l16_decoder,
    "G722": _g722_decoder,
    "PCMU": lambda form, _: _Waveform(form, lambda p: decode_g711(p, law="mu")),
    "PCMA": lambda form, _: _Waveform(form, lambda p: decode_g711(p, law="a")),
}


def _opus_encoder(form: AudioFormat, rate: int, opus: OpusSettings) -> Encoder:
    return OpusEncoder(
        rate,
        form.channels,
        application=opus.application,
        bitrate=opus.bitrate,
        complexity=opus.complexity,
        expected_loss=opus.expected_loss,
    )


_ENCODERS: dict[str, Callable[[AudioFormat, int, OpusSettings], Encoder]] = {
    "OPUS": _opus_encoder,
    "L16": lambda *_: _Function(lambda frame: encode_pcm16(frame, byte_order="big")),
    "G722": lambda *_: G722Encoder(),
    "PCMU": lambda *_: _Function(lambda frame: encode_g711(frame, law="mu")),
    "PCMA": lambda *_: _Function(lambda frame: encode_g711(frame, law="a")),
}


def known_format(form: AudioFormat) -> bool:
    """Whether we can decode and encode this format."""
    kind, rate, channels = form.kind, form.clock_rate, form.channels
    if kind == "OPUS":
        return rate == 48000 and channels in {1, 2}
    if kind == "L16":
        return rate in {8000, 16000, 24000, 44100, 48000} and channels in {1, 2}
    return kind in {"G722", "PCMU", "PCMA"} and rate == 8000 and channels == 1


def check_channels(frame: Signal, channels: int) -> None:
    """Refuse a frame with another number of channels than its stream has.

    Raises
    ------
    SignalError
        If they differ.
    """
    have = 1 if frame.ndim == 1 else frame.shape[1]
    if have != channels:
        raise SignalError(f"frame has {have} channels but the stream has {channels}")
