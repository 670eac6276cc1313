"""Both paths at once from what was heard and played."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import signal

from antiphase.acoustics import noise
from antiphase.control.remote_paths import ChangeRule, JointPaths
from antiphase.errors import ParameterError, SignalError

FS = 8000
TAPS = 48
BLOCK = 400
RNG = np.random.default_rng(8)
P = signal.lfilter([1.0], [1.0, -0.7], np.eye(1, TAPS, 12)[0])
S = signal.lfilter([1.0], [1.0, -0.5], np.eye(1, TAPS, 4)[0])
P2 = signal.lfilter([0.9], [1.0, -0.4], np.eye(1, TAPS, 15)[0])
S2 = signal.lfilter([0.8], [1.0, -0.6], np.eye(1, TAPS, 7)[0])


def _db(estimate: np.ndarray, truth: np.ndarray) -> float:
    return float(10 * np.log10(np.sum((estimate - truth) ** 2) / np.sum(truth**2)))


def _signals(x: np.ndarray, y: np.ndarray, p: np.ndarray, s: np.ndarray) -> np.ndarray:
    ambient = 0.01 * np.random.default_rng(1).standard_normal(len(x))
    return np.asarray(signal.lfilter(p, 1.0, x) + signal.lfilter(s, 1.0, y) + ambient)


def _feed(paths: JointPaths, x: np.ndarray, y: np.ndarray, e: np.ndarray) -> list[int]:
    found = []
    for k in range(0, len(x) - BLOCK + 1, BLOCK):
        at = paths.observe(*(s[k : k + BLOCK] for s in (x, y, e)))
        if at is not None:
            found.append(k + at)
    return found


def test_both_paths_are_found_when_the_drive_is_its_own_noise() -> None:
    """With an independent drive the joint fit identifies P and S below −25 dB."""
    x, y = RNG.standard_normal((2, FS))
    paths = JointPaths(np.zeros(TAPS) + 1e-3, FS)
    assert not _feed(paths, x, y, _signals(x, y, P, S))
    assert _db(paths.primary_path, P) < -25
    assert _db(paths.secondary_path, S) < -25


def test_a_change_is_found_within_75_ms_and_a_silence_tells_the_new_paths() -> None:
    """Anti-noise on, paths change, anti-noise off: the two stretches separate P and S."""
    x = RNG.standard_normal(2 * FS)
    w = np.zeros(TAPS)
    w[8:12] = [-0.9, -0.1, 0.05, 0.02]
    y = signal.lfilter(w, 1.0, x)
    y[FS + 1600 :] = 0.0
    e = np.concatenate([_signals(x, y, P, S)[:FS], _signals(x, y, P2, S2)[FS:]])
    paths = JointPaths(S, FS)
    found = _feed(paths, x, y, e)
    assert len(found) == 1
    assert 0 < found[0] - FS <= 0.075 * FS
    assert _db(paths.primary_path, P2) < -25
    assert _db(paths.secondary_path, S2) < -15
    assert paths.changes == 1


@pytest.mark.parametrize("kind", ["impulsive", "babble", "traffic", "engine"])
def test_blows_and_speech_are_no_change(kind: str) -> None:
    """Sound that comes and goes through unchanged paths raises no alarm in 4 s."""
    x = noise.make(kind, 4.0, FS, 2)
    y = -0.5 * np.roll(x, 3)
    paths = JointPaths(S, FS)
    assert _feed(paths, x, y, _signals(x, y, P, S)) == []


def test_unknown_errors_say_nothing_and_silence_is_harmless() -> None:
    """NaN errors and zero signals leave everything finite."""
    x, y = RNG.standard_normal((2, FS))
    e = _signals(x, y, P, S)
    e[1000:1400] = np.nan
    paths = JointPaths(S, FS)
    _feed(paths, np.zeros(FS), np.zeros(FS), np.zeros(FS))
    _feed(paths, x, y, e)
    assert np.isfinite(paths.secondary_path).all()
    assert _db(paths.primary_path, P) < -15


def test_bad_parameters_are_named() -> None:
    """Rules outside their range and paths of another shape are refused."""
    for bad in ({"share": 0.0}, {"factor": 1.0}, {"in_a_row": 0}, {"stretch_s": 0.0}):
        with pytest.raises(ParameterError):
            ChangeRule(**bad)
    with pytest.raises(SignalError):
        JointPaths(np.zeros((2, 3)), FS)
