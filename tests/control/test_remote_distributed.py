"""Two devices whose loudspeakers hear each other."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import signal

from antiphase.control import DistributedSolver, Rollback
from antiphase.control.split_messages import Ack, Block, Message, Push
from antiphase.errors import ParameterError, SignalError

FS = 8000
N = 64
BLOCK = 800
NAMES = ["left", "right"]
S = np.zeros((2, 2, 16))
S[0, 0, 4], S[1, 1, 5], S[0, 1, 7], S[1, 0, 8] = 0.9, 1.0, 0.7, 0.6
RNG = np.random.default_rng(1)
X = RNG.standard_normal(16 * BLOCK)
D = np.stack(
    [signal.lfilter(np.r_[np.zeros(20 + m), 1.0, 0.3], 1.0, X) for m in range(2)], axis=1
) + 0.01 * RNG.standard_normal((len(X), 2))


def _run(
    solvers: list[tuple[list[str], DistributedSolver]], disturbance: np.ndarray = D
) -> np.ndarray:
    """Play 1.6 s with pushes applied at once; return the noise reduction of the last block."""
    y, filters = np.zeros((len(X), 2)), np.zeros((2, N))
    error = disturbance.copy()
    for seq in range(len(X) // BLOCK):
        part = slice(seq * BLOCK, (seq + 1) * BLOCK)
        for k in range(2):
            y[part, k] = signal.lfilter(filters[k], 1.0, X[: part.stop])[part]
        for m, k in np.ndindex(2, 2):
            error[part, m] += signal.lfilter(S[m, k], 1.0, y[: part.stop, k])[part]
        for names, solver in solvers:
            answers: dict[str, list[Message]] = {}
            for name in names:
                k = NAMES.index(name)
                a, b, c = (s[part, None].astype(np.float32) for s in (X, y[:, k], error[:, k]))
                answers |= solver.receive(name, Block(seq, part.start, FS, a, b, c))
            for name, messages in answers.items():
                for message in messages:
                    taps = message.taps[0, 0] if isinstance(message, Push) else np.zeros(N)
                    filters[NAMES.index(name)] = taps
    last = slice(len(X) - BLOCK, None)
    ratio = np.sum(disturbance[last] ** 2, axis=0) / np.sum(error[last] ** 2, axis=0)
    return np.asarray(10 * np.log10(ratio))


def _solver(names: list[str], paths: np.ndarray) -> DistributedSolver:
    return DistributedSolver(names, N, secondary_path_estimate=paths, fs=FS)


def test_filters_solved_together_work_where_those_solved_alone_disturb_each_other() -> None:
    """Together above 25 dB at both places; one by one at least 10 dB less at one of them."""
    together = _run([(NAMES, _solver(NAMES, S))])
    alone = _run(
        [([name], _solver([name], S[k : k + 1, k : k + 1])) for k, name in enumerate(NAMES)]
    )
    assert together.min() > 25
    assert alone.min() < together.min() - 10


def test_nothing_to_gain_means_silence() -> None:
    """A disturbance that the reference does not know is left as it is."""
    foreign = np.random.default_rng(9).standard_normal(D.shape)
    assert np.abs(_run([(NAMES, _solver(NAMES, S))], foreign)).max() < 0.5


def test_a_span_that_one_device_never_sent_is_bridged() -> None:
    """The missing block is counted; what came twice changes nothing; acks are not for it."""
    solver = _solver(NAMES, S)

    def block(seq: int) -> Block:
        part = slice(seq * BLOCK, (seq + 1) * BLOCK)
        x = X[part, None].astype(np.float32)
        return Block(seq, part.start, FS, x, 0 * x, D[part, :1].astype(np.float32))

    for seq, names in enumerate((NAMES, NAMES, NAMES[:1], NAMES)):
        for name in names:
            answers = solver.receive(name, block(seq))
    assert solver.incomplete == 1
    assert set(answers) <= set(NAMES)
    before = solver.control_filters
    assert np.isfinite(before).all()
    assert solver.receive("left", block(3)) == {}
    assert solver.receive("left", Ack(1, 0)) == {}
    np.testing.assert_array_equal(before, solver.control_filters)
    for name in NAMES:
        answers = solver.receive(name, block(4))
    assert all(isinstance(m[0], Push | Rollback) for m in answers.values())


def test_strangers_and_misfits_are_refused() -> None:
    """Unknown devices, doubled names, paths of another shape, other rates."""
    solver = _solver(NAMES, S)
    x = np.zeros((4, 1), np.float32)
    with pytest.raises(ParameterError):
        solver.receive("middle", Ack(1, 0))
    with pytest.raises(SignalError):
        solver.receive("left", Block(0, 0, 16000, x, x, x))
    with pytest.raises(ParameterError):
        _solver(["a", "a"], S)
    with pytest.raises(SignalError):
        _solver(NAMES, S[:1])
