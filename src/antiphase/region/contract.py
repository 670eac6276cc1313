"""What `POST /anc-process` takes and answers, as JSON and as bytes.

The `contract*` modules and `state_token` use the standard library only and import one another
relatively: the edge function carries the same files, so that both functions read a request in the
same way. Faults are `ContractError`, one line and an HTTP status.
"""

from __future__ import annotations

import math
import struct
from typing import Any, NamedTuple

__all__ = [
    "ALGORITHMS",
    "ENCODINGS",
    "ENGINES",
    "FULL_SCALE",
    "JSON_TYPE",
    "OCTET_TYPE",
    "OUTPUTS",
    "PLACES",
    "Answer",
    "ContractError",
    "Request",
    "encode_audio",
    "need",
]

JSON_TYPE = "application/json"
OCTET_TYPE = "application/octet-stream"
# The number of an algorithm in the binary form and in the token is its place here: append only.
ALGORITHMS = (
    "nlms",
    "fxnlms",
    "rls",
    "fxrls",
    "affine_projection",
    "multichannel",
    "wiener",
    "infer",
)
OUTPUTS = ("anti_noise", "residual")
ENCODINGS = ("pcm16", "float32")
FULL_SCALE = 32767.0
LONGEST_BLOCK_S = 30.0
FILTERED = ("fxnlms", "fxrls", "multichannel")
PLACES = ("edge", "region")
ENGINES = ("python", "native")


class ContractError(ValueError):
    """A request that can't be served as it stands.

    Parameters
    ----------
    status : int
        HTTP status, 4xx.
    reason : str
        One line that says what to change.
    """

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


def need(ok: bool, name: str, value: object, rule: str) -> None:
    """Raise `ContractError` with status 400 and one line unless `ok`."""
    if not ok:
        shown = ascii(value)
        raise ContractError(
            400, f"{name}={shown if len(shown) <= 60 else shown[:57] + '...'} must be {rule}"
        )


class Request:
    """One block and how to process it; the JSON form has the same names.

    A plain class: `dataclasses` would be a quarter of the edge function's start.

    Parameters
    ----------
    audio : bytes
        PCM16, little endian, frames interleaved: first the references, then primaries or errors.
    sample_rate : int
        Hz, 4000 ... 48000.
    algorithm : str
        One of `ALGORITHMS`.
    references, errors, loudspeakers : int
        Channels. `references` = 0 with "nlms": the one channel is predicted from its own past.
    taps : int
        Length of the control filter, 1 ... 8192.
    mu : float, optional
        Step in (0, 2). None: the algorithm's default.
    leakage : float
        Multiplies the weights each sample, in (0, 1].
    delay : int
        Samples. Filtered-x: the error of frame k belongs to frame k − 1 − delay. Prediction: how
        far ahead (at least 1).
    order : int
        Reused vectors of affine projection, 1 ... 16.
    secondary_path : tuple of float
        Ŝ in the order [error, loudspeaker, tap].
    state : bytes
        The previous answer's token, empty at the start.
    sequence : int, optional
        Number of the block. None: one more than the token's.
    strict : bool
        Refuse a block that is not newer than the token (status 409).
    output : {"anti_noise", "residual"}
        What a canceller answers; filtered-x always answers the drive, to be played as it is.
    encoding : {"pcm16", "float32"}
        Of the answer's audio.
    binary : bool
        Whether the request came as bytes; so does its answer then.
    """

    def __init__(
        self,
        audio: bytes,
        *,
        sample_rate: int = 16000,
        algorithm: str = "nlms",
        references: int = 0,
        errors: int = 1,
        loudspeakers: int = 1,
        taps: int = 128,
        mu: float | None = None,
        leakage: float = 1.0,
        delay: int = 0,
        order: int = 4,
        secondary_path: tuple[float, ...] = (),
        state: bytes = b"",
        sequence: int | None = None,
        strict: bool = False,
        output: str = "anti_noise",
        encoding: str = "pcm16",
        binary: bool = False,
    ) -> None:
        self.audio = audio
        self.sample_rate = sample_rate
        self.algorithm = algorithm
        self.references = references
        self.errors = errors
        self.loudspeakers = loudspeakers
        self.taps = taps
        self.mu = mu
        self.leakage = leakage
        self.delay = delay
        self.order = order
        self.secondary_path = secondary_path
        self.state = state
        self.sequence = sequence
        self.strict = strict
        self.output = output
        self.encoding = encoding
        self.binary = binary
        self._check_numbers()
        self._check_channels()
        self._check_audio()

    def changed(self, **changes: Any) -> Request:  # noqa: ANN401 - fields of several types
        """Return the request with other values for some fields."""
        return Request(**{**vars(self), **changes})

    def __eq__(self, other: object) -> bool:
        """Compare by value."""
        return isinstance(other, Request) and vars(self) == vars(other)

    __hash__ = None  # type: ignore[assignment]  # equal by value and not frozen

    def _check_numbers(self) -> None:
        need(self.algorithm in ALGORITHMS, "algorithm", self.algorithm, f"one of {ALGORITHMS}")
        need(4000 <= self.sample_rate <= 48000, "sample_rate", self.sample_rate, "4000 ... 48000")
        need(1 <= self.taps <= 8192, "taps", self.taps, "1 ... 8192")
        need(self.mu is None or 0.0 < self.mu < 2.0, "mu", self.mu, "in (0, 2)")
        need(0.0 < self.leakage <= 1.0, "leakage", self.leakage, "in (0, 1]")
        need(0 <= self.delay <= 48000, "delay", self.delay, "0 ... 48000 samples")
        need(1 <= self.order <= 16, "order", self.order, "1 ... 16")
        need(self.output in OUTPUTS, "output", self.output, f"one of {OUTPUTS}")
        need(self.encoding in ENCODINGS, "encoding", self.encoding, f"one of {ENCODINGS}")
        sequence = self.sequence
        need(sequence is None or 0 <= sequence < 2**32, "sequence", sequence, "0 ... 2³² − 1")
        need(0 <= self.references <= 16, "references", self.references, "0 ... 16")
        need(0 <= self.errors <= 16, "errors", self.errors, "0 ... 16")
        need(1 <= self.loudspeakers <= 16, "loudspeakers", self.loudspeakers, "1 ... 16")

    def _check_channels(self) -> None:
        channels = (self.references, self.errors)
        if self.algorithm == "infer":
            need(self.references == 1, "channels", channels, "with one reference for infer")
        elif self.algorithm in ("multichannel", "wiener"):
            least = min(channels)
            need(least >= 1, "channels", channels, "with a reference and an error")
        else:
            one = channels == (1, 1) or (self.algorithm == "nlms" and channels == (0, 1))
            need(one, "channels", channels, "one reference and one primary or error")
        filtered = self.algorithm in FILTERED or self.algorithm == "wiener"
        count = len(self.secondary_path)
        if filtered:
            width = self.errors * self.loudspeakers
            rule = "a path of 1 ... 8192 taps for each error and loudspeaker"
            fits = count > 0 and count % width == 0 and count // width <= 8192
            need(fits, "secondary_path", f"{count} taps", rule)
        good = all(map(math.isfinite, self.secondary_path))
        need(good, "secondary_path", "values", "finite numbers")
        small = all(abs(tap) <= 1e6 for tap in self.secondary_path)
        need(small, "secondary_path", "values", "at most 1e6 in size")

    def _check_audio(self) -> None:
        width = 2 * (self.references + self.errors)
        size = len(self.audio)
        need(size > 0, "audio_data", "empty", "at least one frame of PCM16")
        need(size % width == 0, "audio_data", f"{size} bytes", f"whole frames of {width} bytes")
        seconds = self.frames / self.sample_rate
        if seconds > LONGEST_BLOCK_S:
            raise ContractError(413, f"audio_data={seconds:.1f} s must be at most 30 s")

    @property
    def frames(self) -> int:
        """Frames in the block."""
        return len(self.audio) // (2 * (self.references + self.errors))


class Answer(NamedTuple):
    """What comes back for one block.

    Parameters
    ----------
    audio : bytes
        The processed block in `encoding`: anti-noise, residual or drive.
    state : bytes
        Token for the next request.
    sequence : int
        Number of the block that was processed.
    sample_rate : int
        Hz.
    attenuation_db : float, optional
        Level of the disturbance over that of the residual in this block. Filtered-x: estimated with
        d̂ = e − ŝ∗y. None where it can't be known.
    compute_ms : float
        Time in the handler.
    where : {"edge", "region"}
        Which function ran.
    engine : {"python", "native"}
        Which kernel ran.
    encoding : {"pcm16", "float32"}
        Of `audio`.
    details : dict
        What an algorithm adds: a designed filter, the choice of a model.
    """

    audio: bytes
    state: bytes
    sequence: int
    sample_rate: int
    attenuation_db: float | None
    compute_ms: float
    where: str
    engine: str
    encoding: str = "pcm16"
    details: dict[str, Any] | None = None


def encode_audio(samples: list[float], encoding: str = "pcm16") -> bytes:
    """Return samples with full scale 1.0 as PCM16 (rounded, clipped) or float32, little endian."""
    if encoding == "float32":
        return struct.pack(f"<{len(samples)}f", *samples)
    if samples and not -1.0 <= min(samples) <= max(samples) <= 1.0:
        samples = [max(-1.0, min(1.0, v)) for v in samples]
    ints = [round(FULL_SCALE * v) for v in samples]
    return struct.pack(f"<{len(ints)}h", *ints)
