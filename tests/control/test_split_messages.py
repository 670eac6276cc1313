"""The messages of split control refuse what no device could mean."""

from __future__ import annotations

import numpy as np
import pytest

from antiphase.control.split_messages import Block, Probe, Push
from antiphase.errors import ParameterError

X = np.zeros((4, 1), np.float32)
TAPS = np.zeros((1, 1, 8), np.float32)


@pytest.mark.parametrize(
    "bad",
    [
        {"seq": -1},
        {"fs": 0},
        {"first_sample": -1},
        {"taps_version": 2**32},
        {"gaps": ((3, 2),)},
        {"drive": X[:2]},
        {"error": np.full((4, 1), np.nan, np.float32)},
        {"reference": X[:, 0]},
    ],
)
def test_a_block_with_an_impossible_field_is_refused(bad: dict[str, object]) -> None:
    """Each field that the wire or the solver could not take is named in a ParameterError."""
    good = {"seq": 0, "first_sample": 0, "fs": 8000, "reference": X, "drive": X, "error": X}
    assert Block(**good).frames == 4  # type: ignore[arg-type]
    with pytest.raises(ParameterError):
        Block(**(good | bad))  # type: ignore[arg-type]


def test_a_push_needs_a_version_and_finite_taps() -> None:
    """Version 0 is silence and can't be pushed; NaN must never reach a loudspeaker."""
    assert Push(1, TAPS, 0, 0).secondary_path.size == 0
    for version, taps in ((0, TAPS), (1, TAPS * np.nan), (1, TAPS[0])):
        with pytest.raises(ParameterError):
            Push(version, taps, 0, 0)


def test_a_probe_is_never_louder_than_the_error() -> None:
    """A level above 0 dB or an unknown generator is refused."""
    with pytest.raises(ParameterError):
        Probe(level_db=3.0)
    with pytest.raises(ParameterError):
        Probe(generator="pink")  # type: ignore[arg-type]
