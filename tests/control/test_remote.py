"""The solver of split control, message by message."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import signal

from antiphase.control import SplitSettings, SplitSolver
from antiphase.control.split_messages import Ack, Block, Message, Nack, Probe, Push, Rollback
from antiphase.errors import SignalError

FS = 8000
N = 64
BLOCK = 800
S = np.concatenate([np.zeros(5), [0.9, 0.2, -0.1, 0.02]])
P = np.concatenate([np.zeros(20), [1.0, 0.4, -0.3, 0.1]])


class _Device:
    """Plays what it is told at once, without noise of its own."""

    def __init__(self, solver: SplitSolver, *, acks: bool = True, primary: np.ndarray = P) -> None:
        self.solver, self.acks = solver, acks
        self.x = np.random.default_rng(4).standard_normal(40 * BLOCK)
        self.d = signal.lfilter(primary, 1.0, self.x)
        self.d += 0.01 * np.random.default_rng(5).standard_normal(len(self.x))
        self.w, self.version, self.seq, self.at = np.zeros(N), 0, 0, 0
        self.y = np.zeros(len(self.x))

    def step(self, **fields: object) -> list[Message]:
        part = slice(self.at, self.at + BLOCK)
        self.y[part] = signal.lfilter(self.w, 1.0, self.x[: part.stop])[part]
        e = (self.d + signal.lfilter(S, 1.0, self.y))[part]
        x, y, error = (s[:, None].astype(np.float32) for s in (self.x[part], self.y[part], e))
        fields = {"taps_version": self.version, **fields}
        block = Block(self.seq, self.at, FS, x, y, error, **fields)  # type: ignore[arg-type]
        self.at, self.seq = part.stop, self.seq + 1
        self.e = e
        out = self.solver.receive(block)
        for message in out:
            if isinstance(message, Push) and self.acks:
                self.w, self.version = message.taps[0, 0].astype(float), message.version
                self.solver.receive(Ack(message.version, self.at))
            elif isinstance(message, Rollback):
                self.w, self.version = np.zeros(N), 0
        return out


def _solver(**settings: object) -> SplitSolver:
    return SplitSolver(
        N,
        secondary_path_estimate=np.pad(S, (0, 40)),
        fs=FS,
        settings=SplitSettings(**settings),  # type: ignore[arg-type]
    )


def _reduction(device: _Device) -> float:
    d = device.d[device.at - BLOCK : device.at]
    return float(10 * np.log10(np.sum(d**2) / np.sum(device.e**2)))


def test_blocks_in_filters_out() -> None:
    """Probe first, a filter with the second block at the latest, 25 dB within half a second."""
    device = _Device(_solver())
    first = device.step()
    assert isinstance(first[0], Probe)
    second = device.step()
    assert any(isinstance(m, Push) for m in [*first, *second])
    for _ in range(4):
        device.step()
    assert _reduction(device) > 25
    for _ in range(25):
        device.step()
    status = device.solver.status
    assert status.foretold_db > 25
    assert abs(status.estimated_db - _reduction(device)) < 3
    assert status.in_force == device.version


def test_versions_rise_by_one() -> None:
    """Each push is newer than the last."""
    device = _Device(_solver())
    versions = [m.version for _ in range(6) for m in device.step() if isinstance(m, Push)]
    assert versions == list(range(1, len(versions) + 1))
    assert len(versions) >= 4


def test_nothing_is_pushed_when_nothing_can_be_gained() -> None:
    """A reference that has nothing to do with the disturbance leads to silence, not to pushes."""
    device = _Device(_solver())
    device.d = np.random.default_rng(77).standard_normal(len(device.x))
    out = [m for _ in range(15) for m in device.step()]
    assert sum(isinstance(m, Push) for m in out[-10:]) == 0
    assert not device.w.any()


def test_an_answer_that_stays_away_is_asked_for_once_and_then_waited_for() -> None:
    """No ack for three round trips: one copy of the newest, then nothing until it answers."""
    device = _Device(_solver(), acks=False)
    out = [m for _ in range(30) for m in device.step(taps_version=0) if isinstance(m, Push)]
    versions = [m.version for m in out]
    assert versions == [*range(1, len(versions)), len(versions) - 1]
    assert len(versions) <= 9
    assert device.solver.status.resent == 1
    device.solver.receive(Ack(versions[-1], 0))
    assert any(isinstance(m, Push) for m in device.step(taps_version=versions[-1]))


def test_a_refusal_is_counted_and_frees_the_next_push() -> None:
    """After a nack the next block brings a new version."""
    device = _Device(_solver(), acks=False)
    pushed = [m for _ in range(2) for m in device.step() if isinstance(m, Push)]
    device.solver.receive(Nack(pushed[-1].version, "shape"))
    assert any(isinstance(m, Push) and m.version > 1 for m in device.step())
    assert device.solver.status.refused == 1


def test_lost_and_repeated_blocks() -> None:
    """A hole is counted and bridged, a repetition changes nothing."""
    device = _Device(_solver())
    for _ in range(4):
        device.step()
    device.at, device.seq = device.at + 2 * BLOCK, device.seq + 2
    for _ in range(5):
        device.step()
    assert device.solver.status.lost_blocks == 2
    assert _reduction(device) > 20
    before = device.solver.control_filter
    device.at, device.seq = device.at - BLOCK, device.seq - 1
    assert device.step() == []
    np.testing.assert_array_equal(before, device.solver.control_filter)


def test_gaps_and_silence_are_harmless() -> None:
    """Unknown errors and digital silence leave a finite filter that still works."""
    device = _Device(_solver())
    for _ in range(5):
        device.step(gaps=((100, 200),))
    zeros = np.zeros((BLOCK, 1), np.float32)
    for _ in range(5):
        device.solver.receive(Block(device.seq, device.at, FS, zeros, zeros, zeros, device.version))
        device.at, device.seq = device.at + BLOCK, device.seq + 1
    assert np.isfinite(device.solver.control_filter).all()
    for _ in range(6):
        device.step()
    assert _reduction(device) > 20


def test_other_rates_and_channels_are_refused() -> None:
    """A block that this solver was not made for."""
    solver = _solver()
    x = np.zeros((BLOCK, 1), np.float32)
    with pytest.raises(SignalError):
        solver.receive(Block(0, 0, 16000, x, x, x))
    with pytest.raises(SignalError):
        solver.receive(Block(0, 0, FS, x, np.zeros((BLOCK, 2), np.float32), x))


def test_a_filter_that_was_taken_over_is_pushed_with_the_first_block() -> None:
    """With the Ŝ that it rests on; one that does harm is answered with silence at the next one."""
    first = _Device(_solver())
    for _ in range(12):
        first.step()
    good = first.solver.control_filter
    device = _Device(_solver())
    device.solver.take_over(good)
    pushes = [m for m in device.step() if isinstance(m, Push)]
    assert len(pushes) == 1
    # The block itself has been learnt from by then.
    assert np.linalg.norm(pushes[0].taps[0, 0] - good) < 0.01 * np.linalg.norm(good)
    assert pushes[0].secondary_path.shape == (1, 1, len(S) + 40)
    device.step()
    device.step()
    assert _reduction(device) > 15
    harmed = _Device(_solver())
    harmed.solver.take_over(-3 * good)
    harmed.step()
    assert any(isinstance(m, Rollback | Push) for m in harmed.step())
    harmed.step()
    assert _reduction(harmed) > -0.5
