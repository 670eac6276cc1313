"""A filter as bytes, and whom it is for."""

from __future__ import annotations

import numpy as np
import pytest

from antiphase.errors import StateError
from antiphase.realtime.carried import Carried, device_key

from .engine_loop import paths, speaker

SECONDARY = paths()[1]


def carried() -> Carried:
    taps = np.random.default_rng(1).standard_normal(256)
    return Carried("split", device_key(speaker(SECONDARY)), taps, SECONDARY, 17)


def test_it_comes_back_from_its_bytes() -> None:
    """All of it, both arrays as float32."""
    before = carried()
    after = Carried.from_bytes(before.to_bytes())
    assert (after.kind, after.key, after.lag) == ("split", before.key, 17)
    np.testing.assert_array_equal(after.control_filter, np.float32(before.control_filter))
    np.testing.assert_array_equal(after.secondary_path_estimate, np.float32(SECONDARY))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"[1]\nxxxx",
        carried().to_bytes()[:-4],
        carried().to_bytes()[:-1],
        carried().to_bytes().replace(b'"v": 1', b'"v": 2'),
        carried().to_bytes()[:-4] + b"\x00\x00\xc0\x7f",
        b'{"v": 1, "kind": "split", "key": "", "lag": 0, "sizes": [0, 0]}\n',
    ],
)
def test_what_is_none_is_refused(data: bytes) -> None:
    """Cut, of another version, with NaN or empty."""
    with pytest.raises(StateError, match="carried filter"):
        Carried.from_bytes(data)


def test_it_is_for_a_device_of_the_same_rate_taps_and_path() -> None:
    """Its name and roles do not matter."""
    mine = carried()
    assert mine.fits("split", speaker(SECONDARY, name="other"))
    assert not mine.fits("lookahead", speaker(SECONDARY))
    assert not mine.fits("split", speaker(SECONDARY, fs=16000))
    assert not mine.fits("split", speaker(SECONDARY, taps=128))
    assert not mine.fits("split", speaker(SECONDARY[:-1]))
    assert not mine.fits("split", speaker(SECONDARY, secondary_path_estimate=None))
