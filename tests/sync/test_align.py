"""Lag changes through echoes, against lags that were put in."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from scipy import signal

from antiphase.acoustics import noise
from antiphase.errors import ParameterError, SignalError
from antiphase.simulation import delay_by
from antiphase.sync.align import LagChange, LagTracker, SyncLoop
from antiphase.sync.clock import ClockLine

Floats = npt.NDArray[np.float64]
FS = 16000


def path(seed: int = 0) -> Floats:
    rng = np.random.default_rng(seed)
    return np.concatenate([np.zeros(90), rng.standard_normal(400) * np.exp(-np.arange(400) / 80)])


@pytest.mark.parametrize("drift_ppm", [-100.0, 5.0, 300.0])
def test_a_creeping_lag_is_followed_through_echoes(drift_ppm: float) -> None:
    """A reference that drifts away: the lag is right to 0.1 sample, its trend to 3 ppm."""
    x = noise.make("band", 6, FS)
    d = signal.lfilter(path(), 1, x)
    drifting = delay_by(x, FS, 0.01 - drift_ppm * 1e-6 * np.arange(len(x)) / FS)
    tracker = LagTracker()
    changes = tracker.process(drifting, d)
    lags = np.array([c.samples for c in changes])
    assert min(c.clarity for c in changes) > 0.8
    trend = np.polyfit(np.arange(len(lags)) * tracker.hop, lags, 1)
    assert 1e6 * trend[0] == pytest.approx(drift_ppm, abs=3)
    assert np.std(lags - np.polyval(trend, np.arange(len(lags)) * tracker.hop)) < 0.1


def test_a_slip_is_seen_at_once_and_in_full() -> None:
    """80 samples lost in a buffer: the lag jumps by 80 within six segments."""
    x = noise.make("band", 4, FS)
    d = signal.lfilter(path(), 1, x)
    slipped = np.concatenate([x[: 2 * FS], x[2 * FS + 80 :], np.zeros(80)])
    tracker = LagTracker()
    changes = tracker.process(slipped, d)
    after = changes[int(np.ceil(2 * FS / tracker.hop)) :]
    assert changes[10].samples == pytest.approx(0, abs=0.05)
    assert after[0].samples == pytest.approx(80, abs=0.5)


def test_a_path_that_changes_is_told_from_a_lag() -> None:
    """A moved microphone makes the change unclear; then the anchor is taken anew."""
    x = noise.make("white", 6, FS)
    d = np.concatenate(
        [signal.lfilter(path(1), 1, x)[: 3 * FS], signal.lfilter(path(2), 1, x)[3 * FS :]]
    )
    changes = LagTracker().process(x, d)
    assert min(c.clarity for c in changes) < 0.4
    assert changes[-1].clarity > 0.8
    assert changes[-1].samples == pytest.approx(changes[0].samples, abs=80)


def test_blocks_do_not_matter_and_silence_is_survived() -> None:
    """Any split gives the same estimates; silence has no clarity and no NaN."""
    x = noise.make("band", 2, FS)
    d = signal.lfilter(path(), 1, x)
    whole = LagTracker().process(x, d)
    tracker, parts = LagTracker(), []
    for start in range(0, len(x), 777):
        parts += tracker.process(x[start : start + 777], d[start : start + 777])
    assert parts == whole
    silent = LagTracker().process(np.zeros(FS), np.zeros(FS))
    assert all(c.clarity == 0 and np.isfinite(c.samples) for c in silent)


def test_the_loop_finds_the_drift() -> None:
    """Against a clock 80 ppm fast: the lag goes to zero and the drift is known to 0.5 ppm."""
    loop, lag = SyncLoop(1024), 0.0
    for _ in range(400):
        loop.update(LagChange(lag, 1.0))
        lag += (loop.rate_ppm - 80.0) * 1e-6 * 1024
    assert lag == pytest.approx(0, abs=1e-3)
    assert loop.drift_ppm == pytest.approx(80, abs=0.5)


def line(drift_ppm: float, error_ppm: float = 0.5) -> ClockLine:
    return ClockLine(0.0, 0.0, 1 / FS, drift_ppm, error_ppm)


def test_the_error_bounds_how_far_a_lag_is_wrong() -> None:
    """On a lag that does not move, the scatter is at most the stated error, and no tenth of it."""
    for kind in ("band", "white", "traffic"):
        x = noise.make(kind, 12, FS)
        changes = LagTracker().process(x, signal.lfilter(path(), 1, x))[8:]
        scatter = np.sqrt(np.mean([c.samples**2 for c in changes]))
        stated = np.sqrt(np.mean([c.error**2 for c in changes]))
        assert 0.1 < scatter / stated < 1


def test_noise_of_the_lag_moves_the_stream_less_than_itself() -> None:
    """Estimates wrong by .1 sample, clock known to the timestamps: the true lag stays below .05."""
    loop, lag, lags = SyncLoop(1024, drift_ppm=30), 0.0, []
    rng = np.random.default_rng(3)
    for wrong in 0.1 * rng.standard_normal(400):
        loop.update(LagChange(lag + wrong, 0.9, 0.1), line(50))
        lag += (loop.rate_ppm - 50.0) * 1e-6 * 1024
        lags.append(lag)
    assert np.std(lags[100:]) < 0.05
    assert loop.drift_ppm == pytest.approx(50, abs=3)


def test_a_lag_that_is_certain_overrules_the_timestamps() -> None:
    """The clock falls by 40 ppm, the timestamps don't know: the lag stays below 1 sample."""
    loop, lag, most = SyncLoop(1024, drift_ppm=100), 0.0, 0.0
    for _ in range(200):
        loop.update(LagChange(lag, 0.9, 0.1), line(100))
        lag += (loop.rate_ppm - 60.0) * 1e-6 * 1024
        most = max(most, abs(lag))
    assert most < 1


def test_timestamps_that_know_nothing_are_not_asked() -> None:
    """With an error of 500 ppm their drift is not taken."""
    loop = SyncLoop(1024, drift_ppm=10)
    loop.update(LagChange(0.0, 1.0, 0.1), line(300, 500))
    assert loop.drift_ppm == 10


def test_the_loop_skips_slips_and_ignores_what_is_unclear() -> None:
    """40 samples at once; nothing on an unclear estimate."""
    loop = SyncLoop(1024, drift_ppm=10)
    assert loop.update(LagChange(40.0, 0.9)) == -40.0
    assert loop.update(LagChange(40.0, 0.1)) == 0.0
    assert loop.rate_ppm == loop.drift_ppm == 10


def test_bad_input_is_refused() -> None:
    """Parameters and lengths."""
    for bad in ({"segment": 10}, {"average": 0}, {"max_lag": 0}):
        with pytest.raises(ParameterError, match="must be"):
            LagTracker(**bad)
    with pytest.raises(ParameterError, match=r"gain=0\.6"):
        SyncLoop(10, gain=0.6)
    with pytest.raises(SignalError, match="disturbance has 3"):
        LagTracker().process(np.zeros(4), np.zeros(3))
