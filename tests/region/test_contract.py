"""What a request may hold."""

from __future__ import annotations

import struct

import pytest

from antiphase.region.contract import ContractError, Request, encode_audio


def test_frames_are_counted_over_channels() -> None:
    """A stereo block has half the frames of a mono one."""
    assert Request(audio=bytes(16), references=1).frames == 4
    assert Request(audio=bytes(16)).frames == 8


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"audio": b""}, 400),
        ({"audio": bytes(3)}, 400),
        ({"mu": 2.0}, 400),
        ({"leakage": 0.0}, 400),
        ({"sample_rate": 3000}, 400),
        ({"algorithm": "rls"}, 400),
        ({"algorithm": "multichannel", "references": 2}, 400),
        ({"secondary_path": (float("nan"),)}, 400),
        ({"sequence": -1}, 400),
        ({"audio": bytes(300_000), "sample_rate": 4000}, 413),
    ],
)
def test_request_outside_its_limits_is_refused(fields: dict[str, object], status: int) -> None:
    """Each limit has a status and one line."""
    with pytest.raises(ContractError) as fault:
        Request(**{"audio": bytes(8), **fields})  # type: ignore[arg-type]
    assert fault.value.status == status


def test_audio_is_clipped_and_rounded() -> None:
    """PCM16 clips what is louder than full scale; float32 keeps it."""
    assert struct.unpack("<3h", encode_audio([2.0, -2.0, 0.5])) == (32767, -32767, 16384)
    assert struct.unpack("<f", encode_audio([2.0], "float32")) == (2.0,)
