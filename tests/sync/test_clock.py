"""The clock tracker against clocks and links whose truth is known."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from antiphase.errors import ParameterError, SignalError
from antiphase.sync.clock import ClockTracker, lower_envelopes

Floats = npt.NDArray[np.float64]
FS = 8000
FRAME = 40


def arrivals(capture_s: Floats, jitter_s: Floats | float) -> list[tuple[int, float]]:
    sent = capture_s[FRAME - 1 :: FRAME]
    late = sent + 0.02 + jitter_s
    return [(FRAME * int(k), float(late[k])) for k in np.argsort(late)]


def tracked(packets: list[tuple[int, float]]) -> ClockTracker:
    tracker = ClockTracker(FS)
    for timestamp, arrival_s in packets:
        tracker.update(timestamp, arrival_s)
    return tracker


def drifting(seconds: float, ppm: float) -> Floats:
    return np.arange(round(seconds * FS / FRAME) * FRAME) / FS / (1 + ppm * 1e-6)


def bursty(n: int, rng: np.random.Generator) -> Floats:
    """Quiet and busy spells of 60 packets, with a queue."""
    busy = np.repeat(rng.random(n // 60 + 1) < 0.3, 60)[:n]
    wait = rng.exponential(size=n) * np.where(busy, 8e-3, 0.5e-3)
    sent = np.arange(n) * FRAME / FS
    return np.asarray(np.maximum.accumulate(sent + wait) - sent)


@pytest.mark.parametrize("ppm", [-500, -20, 0, 50, 1000])
@pytest.mark.parametrize("kind", ["exponential", "half-normal", "bursty"])
def test_drift_is_known_to_1_ppm(kind: str, ppm: float) -> None:
    """20 s of jittered packets: the drift is right within 1 ppm and the stated error."""
    capture = drifting(20, ppm)
    n = len(capture) // FRAME
    rng = np.random.default_rng([n, 7])
    jitter = {
        "exponential": 1e-3 * rng.exponential(size=n),
        "half-normal": 1e-3 * np.abs(rng.standard_normal(n)),
        "bursty": bursty(n, rng),
    }[kind]
    line = tracked(arrivals(capture, jitter)).line
    assert line is not None
    assert line.drift_ppm == pytest.approx(ppm, abs=1.0)
    assert abs(line.drift_ppm - ppm) <= line.error_ppm


@pytest.mark.parametrize(("mean_ms", "most_ppm"), [(1.0, 150), (4.0, 400)])
def test_two_hops_of_jitter_never_send_the_rate_astray(mean_ms: float, most_ppm: float) -> None:
    """Through two queues packets are seldom on time: few ppm after 10 s, no wild rate before."""
    capture = drifting(20, 20)
    for seed in range(3):
        hops = np.random.default_rng([8, seed]).exponential(mean_ms / 1000, (2, len(capture) // 40))
        sent = capture[FRAME - 1 :: FRAME]
        at_server = np.maximum.accumulate(sent + hops[0])
        jitter = np.maximum.accumulate(at_server + hops[1]) - sent
        tracker, wrong = ClockTracker(FS), []
        for timestamp, arrival_s in arrivals(capture, jitter):
            tracker.update(timestamp, arrival_s)
            if tracker.line is not None:
                wrong.append(abs(tracker.line.drift_ppm - 20))
        assert tracker.steps == 0
        assert max(wrong[400:]) < most_ppm
        assert np.sqrt(np.mean(np.square(wrong[2000:]))) < 15 * mean_ms


def test_the_line_says_which_sample_arrives_now() -> None:
    """Index over time is right within 10 µs though packets are 1 ms late on average."""
    capture = drifting(10, 80)
    jitter = 1e-3 * np.random.default_rng(1).exponential(size=len(capture) // FRAME)
    line = tracked(arrivals(capture, jitter)).line
    assert line is not None
    index = line.index_at(9.9)
    due = np.interp(index, np.arange(len(capture)), capture) + 0.02 + (FRAME - 1) / FS
    assert due == pytest.approx(9.9, abs=10e-6)


def test_a_drift_that_changes_is_followed() -> None:
    """From +50 to −20 ppm: within 5 ppm again after 6 s."""
    first, second = drifting(12, 50), drifting(8, -20)
    capture = np.concatenate([first, first[-1] + 1 / FS + second])
    jitter = 0.5e-3 * np.random.default_rng(2).exponential(size=len(capture) // FRAME)
    packets = arrivals(capture, jitter)
    before = tracked([p for p in packets if p[1] < 12]).line
    after = tracked([p for p in packets if p[1] < 18]).line
    assert before is not None
    assert after is not None
    assert before.drift_ppm == pytest.approx(50, abs=2)
    assert after.drift_ppm == pytest.approx(-20, abs=5)


@pytest.mark.parametrize("step_s", [0.01, -0.01, 0.1])
def test_a_step_of_all_arrivals_leaves_the_drift_known(step_s: float) -> None:
    """A buffer slips by 10 ms: one step is counted, the drift stays right, the line moves."""
    capture = drifting(20, 30)
    jitter = 0.5e-3 * np.random.default_rng(3).exponential(size=len(capture) // FRAME)
    jitter[len(jitter) // 2 :] += step_s
    tracker = tracked(arrivals(capture, jitter))
    line = tracker.line
    assert tracker.steps == 1
    assert line is not None
    assert line.drift_ppm == pytest.approx(30, abs=2)
    due = np.interp(line.index_at(19.9), np.arange(len(capture)), capture)
    assert due + 0.02 + (FRAME - 1) / FS + step_s == pytest.approx(19.9, abs=20e-6)


@pytest.mark.parametrize("seed", range(12))
def test_no_busy_spell_tilts_the_clock(seed: int) -> None:
    """On a channel that is busy 30 % of the time the drift stays within 30 ppm from 3 s on."""
    capture = drifting(12, 50)
    tracker = ClockTracker(FS)
    jitter = bursty(len(capture) // FRAME, np.random.default_rng([seed, 11]))
    for timestamp, arrival_s in arrivals(capture, jitter):
        tracker.update(timestamp, arrival_s)
        line = tracker.line
        assert line is not None
        assert arrival_s < 3 or line.drift_ppm == pytest.approx(50, abs=30)


def test_a_noisy_route_is_taken_as_a_step_in_the_end() -> None:
    """All arrivals 5 ms later, and scattered by more: one step, once it has lasted for seconds."""
    capture = drifting(20, 30)
    n = len(capture) // FRAME
    rng = np.random.default_rng(8)
    jitter = 0.5e-3 * rng.exponential(size=n)
    jitter[n // 2 :] += 5e-3 + 100e-3 * rng.exponential(size=n - n // 2)
    packets = arrivals(capture, jitter)
    assert tracked([p for p in packets if p[1] < 10.9]).steps == 0
    assert tracked(packets).steps == 1


def test_lost_packets_do_not_matter() -> None:
    """With 30 % lost the drift is still right."""
    rng = np.random.default_rng(4)
    packets = arrivals(drifting(20, 40), 1e-3 * rng.exponential(size=4000))
    kept = [p for p in packets if rng.random() > 0.3]
    line = tracked(kept).line
    assert line is not None
    assert line.drift_ppm == pytest.approx(40, abs=1.5)


def test_before_there_is_data_the_clock_is_nominal() -> None:
    """No line, then a line of nominal rate, then after a second a drift drawn to nominal."""
    tracker = ClockTracker(FS)
    assert tracker.line is None
    line = tracked([(0, 0.5)]).line
    assert line is not None
    assert line.drift_ppm == 0
    assert line.index_at(1.5) == pytest.approx(FS)
    early = tracked(arrivals(drifting(0.8, 0), bursty(160, np.random.default_rng(5)))).line
    assert early is not None
    assert abs(early.drift_ppm) < 200


def test_envelope_is_the_least_line_below_all_points() -> None:
    """Against a linear programme: same mean distance, no point below."""
    from scipy.optimize import linprog  # noqa: PLC0415 - the oracle only

    rng = np.random.default_rng(6)
    u = np.arange(48.0)
    height = 0.3 * u + rng.exponential(size=48)
    found = lower_envelopes(u, height)[-1]
    line = found.level + found.slope * (u - found.u)
    assert (height - line).min() > -1e-9
    best = linprog([-u.sum(), -48.0], np.stack([u, np.ones(48)], 1), height, bounds=(None, None))
    assert np.sum(height - line) == pytest.approx(height.sum() + best.fun, abs=1e-6)


def test_bad_input_is_refused() -> None:
    """Lost packets are left out by the caller; parameters are checked."""
    with pytest.raises(SignalError, match="leave lost packets out"):
        ClockTracker(FS).update(0, np.inf)
    for bad in ({"window_s": 0.1}, {"bucket_s": 0.0}, {"max_drift_ppm": 0.0}, {"step_s": 0.0}):
        with pytest.raises(ParameterError, match="must be"):
            ClockTracker(FS, **bad)
    with pytest.raises(ParameterError, match="fs=0"):
        ClockTracker(0)
