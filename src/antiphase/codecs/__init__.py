"""Audio codecs: samples to bytes and back, with their delay stated; no transport."""

from __future__ import annotations

from antiphase.codecs.g711 import decode_g711, encode_g711
from antiphase.codecs.g722 import G722Decoder, G722Encoder
from antiphase.codecs.opus import OpusDecoder, OpusEncoder
from antiphase.codecs.pcm import decode_pcm16, encode_pcm16, from_int16, to_int16

__all__ = [
    "G722Decoder",
    "G722Encoder",
    "OpusDecoder",
    "OpusEncoder",
    "decode_g711",
    "decode_pcm16",
    "encode_g711",
    "encode_pcm16",
    "from_int16",
    "to_int16",
]
