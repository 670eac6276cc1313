"""Times to a level and divergence on runs whose course is known."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from antiphase.errors import ParameterError
from antiphase.metrics.convergence import (
    count_divergences,
    diverged,
    seconds_to_final,
    seconds_to_level,
)

Floats = npt.NDArray[np.float64]
FS = 1000.0


def run(*levels: tuple[float, float]) -> tuple[Floats, Floats]:
    """Return d = 1 and an error with the given (seconds, reduction in dB) one after another."""
    e = np.concatenate([np.full(round(s * FS), 10 ** (-db / 20)) for s, db in levels])
    return np.ones_like(e), e


def test_step_is_timed_to_a_window() -> None:
    """Quiet from 0.7 s on: that is the first window from which the mean holds."""
    assert seconds_to_level(*run((0.7, 0), (5, 20)), FS, 19.9) == pytest.approx(0.7)


def test_a_short_quiet_spell_does_not_count() -> None:
    """Half a second of quiet and loud again is not reached; the later lasting one is."""
    signals = run((1, 0), (0.5, 40), (1, 0), (3, 40))
    assert seconds_to_level(*signals, FS, 20) == pytest.approx(2.5)


def test_never_reached_is_none() -> None:
    """A level never held within the run is censored, as is one reached too close to its end."""
    assert seconds_to_level(*run((5, 10)), FS, 10.5) is None
    assert seconds_to_level(*run((3, 0), (0.5, 40)), FS, 30) is None


def test_final_level_is_that_of_the_last_second() -> None:
    """20 dB in the end: within 1 dB of it from 1.5 s on."""
    assert seconds_to_final(*run((1.5, 5), (4, 20)), FS) == pytest.approx(1.5)
    assert seconds_to_final(*run((0.5, 5)), FS) is None


@pytest.mark.parametrize(
    ("levels", "expected"),
    [
        ([(5, 10)], False),
        ([(1, -20), (4, 10)], False),
        ([(2, 10), (1, -1.2), (2, 10)], True),
        ([(2, 10), (0.5, -1.2), (2, 10)], False),
        ([(5, -0.9)], False),
        ([(1.5, -20)], False),
    ],
)
def test_divergence_is_a_loud_second_after_the_first(
    levels: list[tuple[float, float]], expected: bool
) -> None:
    """More than 1 dB louder over a whole second after the first; not shorter, not earlier."""
    assert diverged(*run(*levels), FS) is expected


def test_nan_has_diverged() -> None:
    """An error that is not finite counts, whatever its length."""
    d, e = run((0.5, 0))
    e[7] = np.nan
    assert diverged(d, e, FS)


def test_divergences_are_counted_over_runs() -> None:
    """Two of three."""
    runs = [run((5, 10)), run((5, -10)), run((2, 10), (3, -3))]
    assert count_divergences(runs, FS) == 2


def test_bad_parameters_say_what_to_change() -> None:
    """Holds shorter than a window and negative distances are refused."""
    with pytest.raises(ParameterError, match="hold_s"):
        seconds_to_level(*run((2, 0)), FS, 10, hold_s=0.01)
    with pytest.raises(ParameterError, match="within_db"):
        seconds_to_final(*run((2, 0)), FS, within_db=-1)
