"""Split control's messages as bytes (label ``anc.split``) and as JSON for debugging.

Little endian. Each message starts with ``b"AP"``, the protocol's version (1) and a type:

====  ========  ==================================================================================
type  message   fields after the header
====  ========  ==================================================================================
1     block     seq u32 · first_sample i64 · fs u32 · taps_version u32 · secondary_version u32 ·
                frames u32 · channels of x, y, e 3×u8 · flags u8 (1, 2, 4: x, y, e clipped;
                8: muted) · scale of x, y, e 3×f32 · number of gaps u16 · gaps (start u32,
                length u32) · x, y, e as i16, frames first
2     push      version u32 · secondary_version u32 · apply_at i64 · fade u32 · shape of w 3×u32 ·
                shape of Ŝ 3×u32 · w, Ŝ as f32
3     ack       version u32 · applied_at i64
4     nack      version u32 · reason u8
5     rollback  to_version u32
6     probe     generator u8 · seed u32 · level_db f32
====  ========  ==================================================================================

A sample is its i16 times its stream's scale, which is what brings the stream's peak in the block to
32767: the rounding lies 96 dB below the peak, however quiet the microphone.
"""

from __future__ import annotations

import json
import math
import struct
from dataclasses import fields
from typing import Any

import numpy as np

from antiphase.arrays import Signal
from antiphase.control.split_messages import Ack, Block, Message, Nack, Probe, Push, Rollback
from antiphase.errors import ParameterError, ProtocolError

__all__ = ["MOST_BYTES", "decode", "decode_json", "encode", "encode_json"]

MOST_BYTES = 2**20
_VERSION = 1
_HEADER = struct.Struct("<2sBB")
_BLOCK = struct.Struct("<IqIIII4B3fH")
_GAP = struct.Struct("<II")
_PUSH = struct.Struct("<IIqI6I")
_ACK = struct.Struct("<Iq")
_NACK = struct.Struct("<IB")
_ROLLBACK = struct.Struct("<I")
_PROBE = struct.Struct("<BIf")
_REASONS = ("stale", "shape", "rolled_back", "muted")
_GENERATORS = ("gaussian", "mls")
_KINDS: tuple[type[Any], ...] = (Block, Push, Ack, Nack, Rollback, Probe)
_SIGNALS = ("reference", "drive", "error")


def encode(message: Message) -> bytes:
    """Return a message as bytes.

    Parameters
    ----------
    message : Block, Push, Ack, Nack, Rollback or Probe

    Returns
    -------
    bytes
        At most `MOST_BYTES`.

    Raises
    ------
    ProtocolError
        If it would be longer.
    """
    kind = _KINDS.index(type(message)) + 1
    data = _HEADER.pack(b"AP", _VERSION, kind) + _body(message)
    if len(data) > MOST_BYTES:
        raise ProtocolError(f"the message has {len(data)} bytes; send at most {MOST_BYTES}")
    return data


def _body(message: Message) -> bytes:
    match message:
        case Block():
            return _encode_block(message)
        case Push():
            m, taps, path = message, message.taps, message.secondary_path
            head = (m.version, m.secondary_version, m.apply_at, m.fade_samples)
            arrays = (np.asarray(a, "<f4").tobytes() for a in (taps, path))
            return _PUSH.pack(*head, *taps.shape, *path.shape) + b"".join(arrays)
        case Ack():
            return _ACK.pack(message.version, message.applied_at)
        case Nack():
            return _NACK.pack(message.version, _REASONS.index(message.reason))
        case Rollback():
            return _ROLLBACK.pack(message.to_version)
        case Probe():
            generator = _GENERATORS.index(message.generator)
            return _PROBE.pack(generator, message.seed, message.level_db)


def _encode_block(block: Block) -> bytes:
    scales, samples = [], []
    for name in _SIGNALS:
        signal: Signal = getattr(block, name)
        peak = float(np.abs(signal).max(initial=0.0))
        scale = float(np.float32(peak / 32767)) or 1.0
        scales.append(scale)
        whole = np.clip(np.rint(signal / scale), -32768, 32767)
        samples.append(whole.astype("<i2").tobytes())
    flags = sum(1 << k for k, on in enumerate((*block.clipped, block.muted)) if on)
    channels = (getattr(block, name).shape[1] for name in _SIGNALS)
    head = _BLOCK.pack(
        block.seq,
        block.first_sample,
        block.fs,
        block.taps_version,
        block.secondary_version,
        block.frames,
        *channels,
        flags,
        *scales,
        len(block.gaps),
    )
    return head + b"".join(_GAP.pack(*gap) for gap in block.gaps) + b"".join(samples)


def decode(data: bytes) -> Message:
    """Return the message that bytes from a peer stand for.

    Parameters
    ----------
    data : bytes

    Returns
    -------
    Block, Push, Ack, Nack, Rollback or Probe

    Raises
    ------
    ProtocolError
        If they are no message of this version: too long or short, unknown, or with values outside
        their range. Nothing is allocated by a size that the bytes do not have.
    """
    if len(data) > MOST_BYTES:
        raise ProtocolError(f"a message of {len(data)} bytes; send at most {MOST_BYTES}")
    try:
        mark, version, kind = _HEADER.unpack_from(data)
        if mark != b"AP" or version != _VERSION or not 1 <= kind <= len(_KINDS):
            raise ProtocolError(f"no message of split control version {_VERSION}: {data[:4].hex()}")
        return _DECODERS[kind - 1](data[_HEADER.size :])
    except struct.error:
        raise ProtocolError("the message ends too early") from None
    except ParameterError as error:
        raise ProtocolError(f"the message holds a bad value: {error}") from None


def _exact(data: bytes, size: int) -> None:
    if len(data) != size:
        raise ProtocolError(f"the message has {len(data)} bytes after its header, not {size}")


def _decode_block(data: bytes) -> Block:
    seq, first, fs, taps, secondary, frames, *rest = _BLOCK.unpack_from(data)
    channels, flags, scales, n_gaps = rest[:3], rest[3], rest[4:7], rest[7]
    at = _BLOCK.size + n_gaps * _GAP.size
    _exact(data, at + 2 * frames * sum(channels))
    gaps = tuple(_GAP.iter_unpack(data[_BLOCK.size : at]))
    signals: list[Signal] = []
    for count, scale in zip(channels, scales, strict=True):
        if not (math.isfinite(scale) and scale > 0):
            raise ProtocolError(f"the block has a scale of {scale}; it must be > 0")
        whole = np.frombuffer(data, "<i2", frames * count, at)
        signals.append(whole.reshape(frames, count).astype(np.float32) * np.float32(scale))
        at += 2 * frames * count
    x, y, e = signals
    return Block(
        seq,
        first,
        fs,
        x,
        y,
        e,
        taps_version=taps,
        secondary_version=secondary,
        muted=bool(flags & 8),
        clipped=(bool(flags & 1), bool(flags & 2), bool(flags & 4)),
        gaps=gaps,
    )


def _decode_push(data: bytes) -> Push:
    version, secondary, apply_at, fade, *shape = _PUSH.unpack_from(data)
    sizes = [math.prod(shape[:3]), math.prod(shape[3:])]
    _exact(data, _PUSH.size + 4 * sum(sizes))
    floats = np.frombuffer(data, "<f4", sum(sizes), _PUSH.size).astype(np.float32)
    taps, path = floats[: sizes[0]].reshape(shape[:3]), floats[sizes[0] :].reshape(shape[3:])
    return Push(version, taps, apply_at, fade, secondary, path)


def _decode_ack(data: bytes) -> Ack:
    _exact(data, _ACK.size)
    return Ack(*_ACK.unpack(data))


def _decode_nack(data: bytes) -> Nack:
    _exact(data, _NACK.size)
    version, reason = _NACK.unpack(data)
    return Nack(version, _one_of(_REASONS, reason))


def _decode_rollback(data: bytes) -> Rollback:
    _exact(data, _ROLLBACK.size)
    return Rollback(*_ROLLBACK.unpack(data))


def _decode_probe(data: bytes) -> Probe:
    _exact(data, _PROBE.size)
    generator, seed, level_db = _PROBE.unpack(data)
    return Probe(_one_of(_GENERATORS, generator), seed, level_db)


def _one_of(names: tuple[str, ...], index: int) -> Any:  # noqa: ANN401 - a literal of the caller's
    if index >= len(names):
        raise ProtocolError(f"the message holds the choice {index} of {len(names)}")
    return names[index]


_DECODERS = (
    _decode_block,
    _decode_push,
    _decode_ack,
    _decode_nack,
    _decode_rollback,
    _decode_probe,
)


def encode_json(message: Message) -> str:
    """Return a message as JSON: the fields by name, with ``type``; arrays as nested lists."""
    values = {f.name: getattr(message, f.name) for f in fields(message)}
    plain = {k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in values.items()}
    return json.dumps({"type": type(message).__name__.lower(), **plain})


def decode_json(text: str) -> Message:
    """Return the message that `encode_json` wrote.

    Raises
    ------
    ProtocolError
        If the text is no such message.
    """
    if len(text) > 16 * MOST_BYTES:
        raise ProtocolError(f"{len(text)} characters of JSON; send at most {16 * MOST_BYTES}")
    try:
        values = json.loads(text)
        kinds = {kind.__name__.lower(): kind for kind in _KINDS}
        cls = kinds[values.pop("type")]
        for name in ("reference", "drive", "error", "taps", "secondary_path"):
            if name in values:
                array = np.asarray(values[name], np.float32)
                empty = name == "secondary_path" and array.size == 0
                values[name] = array.reshape(1, 1, 0) if empty else array
        if "gaps" in values:
            values["gaps"] = tuple((int(a), int(b)) for a, b in values["gaps"])
        if "clipped" in values:
            x, y, e = map(bool, values["clipped"])
            values["clipped"] = (x, y, e)
        message: Message = cls(**values)
        # The bytes are the law: what they can't hold is no message.
        return decode(encode(message)) if not isinstance(message, Block) else message
    except ProtocolError:
        raise
    except (ValueError, TypeError, KeyError, AttributeError, struct.error, RecursionError) as error:
        raise ProtocolError(f"no message of split control in JSON: {error}") from None
