"""Opus through libopus: the copy that the PyAV wheel carries, called by ctypes.

PyAV's own interface fixes the frame at 20 ms and hides the controls that low delay needs, so the
library is called directly. Its version is checked when it is loaded.
"""

from __future__ import annotations

import ctypes
import importlib.util
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from antiphase.errors import MissingDependencyError, SignalError, require

__all__ = ["FRAME_MS", "OpusDecoder", "OpusEncoder", "library"]

FRAME_MS = (2.5, 5.0, 10.0, 20.0, 40.0, 60.0)
"""Frame lengths that Opus knows, in ms."""

Application = Literal["lowdelay", "audio", "voip"]
_APPLICATIONS = {"voip": 2048, "audio": 2049, "lowdelay": 2051}
_RATES = (8000, 12000, 16000, 24000, 48000)
_SET_BITRATE, _SET_COMPLEXITY, _SET_FEC, _SET_LOSS, _GET_LOOKAHEAD = 4002, 4010, 4012, 4014, 4027
_MAX_PACKET = 1500
_INT = ctypes.c_int
_POINTER = ctypes.c_void_p


@cache
def library() -> ctypes.CDLL:
    """Load libopus and declare what is called.

    Raises
    ------
    MissingDependencyError
        If PyAV is not installed or carries no libopus of version 1.x.
    """
    spec = importlib.util.find_spec("av")
    root = Path(spec.origin).parent.parent if spec and spec.origin else Path()
    found = sorted(root.glob("av.libs/libopus*")) + sorted(root.glob("av/.dylibs/libopus*"))
    if spec is None or not found:
        raise MissingDependencyError("Opus needs libopus from the PyAV wheel: pip install av")
    lib = ctypes.CDLL(str(found[0]))
    lib.opus_get_version_string.restype = ctypes.c_char_p
    version = lib.opus_get_version_string()
    if not version.startswith(b"libopus 1."):
        raise MissingDependencyError(f"libopus 1.x is needed, PyAV carries {version.decode()}")
    lib.opus_encoder_create.restype = _POINTER
    lib.opus_encoder_create.argtypes = [ctypes.c_int32, _INT, _INT, ctypes.POINTER(_INT)]
    lib.opus_encoder_destroy.argtypes = [_POINTER]
    lib.opus_encode_float.argtypes = [_POINTER, _POINTER, _INT, _POINTER, ctypes.c_int32]
    lib.opus_decoder_create.restype = _POINTER
    lib.opus_decoder_create.argtypes = [ctypes.c_int32, _INT, ctypes.POINTER(_INT)]
    lib.opus_decoder_destroy.argtypes = [_POINTER]
    lib.opus_decode_float.argtypes = [_POINTER, _POINTER, ctypes.c_int32, _POINTER, _INT, _INT]
    lib.opus_strerror.restype = ctypes.c_char_p
    return lib


def _check(lib: ctypes.CDLL, code: int, what: str) -> int:
    if code < 0:
        raise SignalError(f"{what}: {lib.opus_strerror(code).decode()}")
    return code


class OpusEncoder:
    """Opus encoder of one stream.

    Parameters
    ----------
    fs : int
        Sample rate in Hz: 8000, 12000, 16000, 24000 or 48000.
    channels : int
        1 or 2.
    application : {"lowdelay", "audio", "voip"}
        "lowdelay" (RESTRICTED_LOWDELAY) has 2.5 ms of look-ahead, the others 6.5 ms.
    bitrate : int
        Bits per second, 6000 to 510000.
    complexity : int
        0 (cheapest) to 10.
    expected_loss : float
        Share of packets expected to be lost, 0 to 1; above 0, in-band forward error correction is
        switched on where the mode has it ("audio" and "voip").

    Raises
    ------
    ParameterError
        If a parameter is outside its range.
    MissingDependencyError
        If libopus can't be had.

    References
    ----------
    RFC 6716 (2012), Definition of the Opus Audio Codec.
    """

    def __init__(
        self,
        fs: int = 48000,
        channels: int = 1,
        *,
        application: Application = "lowdelay",
        bitrate: int = 64000,
        complexity: int = 5,
        expected_loss: float = 0.0,
    ) -> None:
        require(fs in _RATES, "fs", fs, f"one of {_RATES}")
        require(channels in {1, 2}, "channels", channels, "1 or 2")
        require(application in _APPLICATIONS, "application", application, "lowdelay, audio or voip")
        require(0 <= complexity <= 10, "complexity", complexity, "in 0 … 10")
        require(0 <= expected_loss <= 1, "expected_loss", expected_loss, "in 0 … 1")
        self.fs = fs
        self.channels = channels
        self._lib = library()
        error = _INT()
        self._handle = self._lib.opus_encoder_create(
            fs, channels, _APPLICATIONS[application], ctypes.byref(error)
        )
        _check(self._lib, error.value, "opus encoder")
        self._set(_SET_COMPLEXITY, complexity)
        self._set(_SET_FEC, int(expected_loss > 0))
        self._set(_SET_LOSS, round(100 * expected_loss))
        self.bitrate = bitrate
        lookahead = ctypes.c_int32()
        self._lib.opus_encoder_ctl(_POINTER(self._handle), _GET_LOOKAHEAD, ctypes.byref(lookahead))
        self.latency = lookahead.value
        """Look-ahead in samples at `fs`, the codec's whole delay apart from the frame."""
        self._packet = ctypes.create_string_buffer(_MAX_PACKET)

    def _set(self, request: int, value: int) -> None:
        code = self._lib.opus_encoder_ctl(_POINTER(self._handle), request, ctypes.c_int32(value))
        _check(self._lib, code, "opus encoder")

    @property
    def handle(self) -> int:
        """Address of libopus's state, for the native loop, which is then its only user."""
        return int(self._handle)

    def adopt_bitrate(self, bitrate: int) -> None:
        """Note a bitrate that the native loop sets."""
        self._bitrate = bitrate

    @property
    def bitrate(self) -> int:
        """Bits per second; may be set while running."""
        return self._bitrate

    @bitrate.setter
    def bitrate(self, bitrate: int) -> None:
        require(6000 <= bitrate <= 510000, "bitrate", bitrate, "in 6000 … 510000")
        self._set(_SET_BITRATE, bitrate)
        self._bitrate = bitrate

    def encode(self, frame: npt.ArrayLike) -> bytes:
        """Encode one frame of a length in `FRAME_MS`.

        Parameters
        ----------
        frame : array_like, shape (n,) or (n, 2)
            Full scale 1.0.

        Raises
        ------
        SignalError
            If its length or shape is none that Opus knows, or it holds NaN or Inf.
        """
        pcm = np.ascontiguousarray(frame, dtype=np.float32)
        if pcm.size % self.channels or pcm.ndim > 2:
            raise SignalError(f"frame has shape {pcm.shape}, not {self.channels} channels")
        n = pcm.size // self.channels
        if n * 1000 / self.fs not in FRAME_MS:
            raise SignalError(f"frame of {n * 1000 / self.fs:g} ms must be one of {FRAME_MS} ms")
        if not np.isfinite(pcm).all():
            raise SignalError("frame holds NaN or Inf; pass the signal through the guard")
        size = self._lib.opus_encode_float(
            self._handle, pcm.ctypes.data, n, self._packet, _MAX_PACKET
        )
        return self._packet.raw[: _check(self._lib, size, "opus encode")]

    def __del__(self) -> None:
        if getattr(self, "_handle", None):
            self._lib.opus_encoder_destroy(self._handle)


class OpusDecoder:
    """Opus decoder of one stream.

    Parameters
    ----------
    fs : int
        Sample rate of the output in Hz, as for `OpusEncoder`; need not be the sender's.
    channels : int
        1 or 2; mono streams decode to two equal channels and stereo to their mean, as asked.
    """

    def __init__(self, fs: int = 48000, channels: int = 1) -> None:
        require(fs in _RATES, "fs", fs, f"one of {_RATES}")
        require(channels in {1, 2}, "channels", channels, "1 or 2")
        self.fs = fs
        self.channels = channels
        self._lib = library()
        error = _INT()
        self._handle = self._lib.opus_decoder_create(fs, channels, ctypes.byref(error))
        _check(self._lib, error.value, "opus decoder")
        self._pcm = np.zeros((fs * 120 // 1000, channels), dtype=np.float32)

    @property
    def handle(self) -> int:
        """Address of libopus's state, for the native loop, which is then its only user."""
        return int(self._handle)

    def decode(self, packet: bytes) -> npt.NDArray[np.float32]:
        """Decode one packet to (n,) or (n, 2) samples.

        Raises
        ------
        SignalError
            If the packet is no Opus packet.
        """
        if not packet:
            raise SignalError("an empty packet can't be decoded; use conceal for a lost one")
        return self._run(packet, len(self._pcm), fec=False)

    def conceal(self, n: int, following: bytes | None = None) -> npt.NDArray[np.float32]:
        """Fill a gap of n samples, from forward error correction in the packet after it if given.

        Raises
        ------
        SignalError
            If n is no multiple of 2.5 ms or longer than 120 ms.
        """
        if n > len(self._pcm) or n * 400 % self.fs:
            raise SignalError(f"a gap of {n} samples must be a multiple of 2.5 ms, at most 120 ms")
        return self._run(following, n, fec=following is not None)

    def _run(self, packet: bytes | None, n: int, *, fec: bool) -> npt.NDArray[np.float32]:
        size = self._lib.opus_decode_float(
            self._handle, packet, len(packet or b""), self._pcm.ctypes.data, n, int(fec)
        )
        pcm = self._pcm[: _check(self._lib, size, "opus decode")].copy()
        return pcm[:, 0] if self.channels == 1 else pcm

    def __del__(self) -> None:
        if getattr(self, "_handle", None):
            self._lib.opus_decoder_destroy(self._handle)
