"""What the region computes, without HTTP."""

from __future__ import annotations

import numpy as np
import pytest

from antiphase.region.contract import ContractError, Request
from antiphase.region.solver import block_signals, design, run_kernel
from tests.edge.events import block


def test_channels_come_apart() -> None:
    """References and primaries are told apart and scaled as the codec scales them."""
    pcm, x, d = block(50)
    reference, primary = block_signals(Request(audio=pcm, references=1))
    np.testing.assert_array_equal(reference[:, 0], x)
    np.testing.assert_array_equal(primary[:, 0], d)


def test_multichannel_control_lowers_the_error_on_its_plant() -> None:
    """Played through the path, the drive of two loudspeakers quietens two microphones."""
    rng = np.random.default_rng(2)
    path = np.array([[[1.0, 0.2], [0.3, 0.0]], [[0.2, 0.1], [0.9, -0.2]]])
    x = 0.1 * rng.standard_normal(200)
    d = np.stack([x, -0.5 * x], axis=1)
    blob, drive_before = None, np.zeros((200, 2))
    levels = []
    for _ in range(40):
        anti = np.zeros((200, 2))
        for m, k in np.ndindex(2, 2):
            anti[:, m] += np.convolve(drive_before[:, k], path[m, k])[:200]
        error = d + anti
        levels.append(float(np.mean(error**2)))
        late = np.vstack([np.zeros((1, 2)), error[:-1]])
        pcm = np.rint(32767 * np.column_stack([x, late])).astype("<i2").tobytes()
        request = Request(
            audio=pcm,
            algorithm="multichannel",
            references=1,
            errors=2,
            loudspeakers=2,
            taps=4,
            mu=0.02,
            secondary_path=tuple(path.ravel()),
        )
        result = run_kernel(request, blob)
        blob, drive_before = result.blob, result.samples
    assert levels[-1] < 0.05 * levels[0]


@pytest.mark.parametrize("fields", [{"taps": 4000}, {"taps": 300}])
def test_large_or_empty_designs_are_refused(fields: dict[str, int]) -> None:
    """A design needs fewer weights than the limit and than samples."""
    asked = Request(
        audio=block(200)[0],
        algorithm="wiener",
        references=1,
        secondary_path=(1.0,),
        taps=fields["taps"],
    )
    with pytest.raises(ContractError, match="taps"):
        design(asked)
