"""On-line identification in a loop with a loud disturbance, a path change and broken input."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from scipy import signal

from antiphase.errors import ParameterError, SignalError
from antiphase.identify.online import OnlineIdentification, ProbeSchedule

Floats = npt.NDArray[np.float64]
FS, BLOCK = 8000, 1024


def white(n: int, seed: int = 1) -> Floats:
    return np.random.default_rng(seed).standard_normal(n)


def path(n: int, seed: int) -> Floats:
    taps = white(n, seed) * np.exp(-np.arange(n) / (n / 5))
    taps[:4] = 0
    return taps / np.linalg.norm(taps)


P, S, S2, W = path(96, 1), path(48, 2), path(48, 3), -0.3 * path(32, 4)


def error_db(estimate: Floats, truth: Floats) -> float:
    return 10 * float(np.log10(np.sum((estimate - truth) ** 2) / np.sum(truth**2)))


class Rig:
    """A plant with a fixed canceller whose error holds a loud disturbance."""

    def __init__(self, sensor_noise: float = 1e-3) -> None:
        self.x = signal.lfilter([1], [1, -0.8], white(40 * BLOCK))
        self.noise = sensor_noise * white(40 * BLOCK, 9)
        self.drive = np.zeros(40 * BLOCK)
        self.control = np.convolve(self.x, W)[: len(self.x)]
        self.d = np.convolve(self.x, P)[: len(self.x)]
        self.at = 0

    def silence(self, block: int) -> None:
        """Turn the noise off from a block on; the paths ring out."""
        self.x[block * BLOCK :] = 0
        self.control = np.convolve(self.x, W)[: len(self.x)]
        self.d = np.convolve(self.x, P)[: len(self.x)]

    def play(self, probe: Floats, secondary_path: Floats) -> tuple[Floats, Floats, Floats]:
        """Return x, y, e of the next block."""
        now = slice(self.at, self.at + BLOCK)
        self.drive[now] = self.control[now] + probe
        anti = np.convolve(self.drive[: now.stop], secondary_path)[now]
        self.at += BLOCK
        return self.x[now], self.drive[now], self.d[now] + anti + self.noise[now]


def model(**schedule: float) -> OnlineIdentification:
    return OnlineIdentification(
        48, 96, FS, block_size=BLOCK, schedule=ProbeSchedule(**schedule), seed=7
    )


def test_learns_beneath_a_loud_disturbance() -> None:
    """A probe 25 to 40 dB below the error identifies the path to −25 dB in 3 s."""
    rig, online = Rig(), model()
    for _ in range(24):
        online.update(*rig.play(online.probe, S))
    assert error_db(online.taps, S) < -25
    assert error_db(online.primary_taps, P) < -20
    assert online.error_db == pytest.approx(error_db(online.taps, S), abs=6)
    assert online.fits


def test_probe_follows_the_schedule() -> None:
    """Loud while nothing is known, quiet once the model fits, both re the error."""
    rig, online = Rig(), model()
    levels = []
    for _ in range(20):
        x, y, e = rig.play(online.probe, S)
        online.update(x, y, e)
        levels.append(20 * np.log10(np.std(online.probe) / np.std(e)))
    assert levels[0] == pytest.approx(-25, abs=2)
    assert levels[-1] == pytest.approx(-40, abs=2)


def test_tracks_a_path_change() -> None:
    """After a jump the window restarts: found in two blocks, learnt again within 2 s."""
    rig, online = Rig(), model()
    for _ in range(16):
        online.update(*rig.play(online.probe, S))
    assert online.changes == 0
    for _ in range(3):
        online.update(*rig.play(online.probe, S2))
    assert online.changes == 1
    for _ in range(13):
        online.update(*rig.play(online.probe, S2))
    assert error_db(online.taps, S2) < -20


def test_silence_keeps_what_is_known() -> None:
    """Ten blocks without noise, the probe at its floor: the model stays."""
    rig, online = Rig(0.0), model()
    rig.silence(12)
    for _ in range(12):
        online.update(*rig.play(online.probe, S))
    before = error_db(online.taps, S)
    for _ in range(10):
        online.update(*rig.play(online.probe, S))
    assert error_db(online.taps, S) < before + 0.1
    assert np.std(online.probe) < 0.1


def test_starts_in_silence_with_the_floor() -> None:
    """Before any sound the probe has its least level, so that something can be learnt."""
    assert np.std(model().probe) == pytest.approx(1e-4, rel=0.1)
    assert model().error_db == np.inf


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_broken_input_is_rejected_and_counted(bad: float) -> None:
    """One bad sample costs one block."""
    rig, online = Rig(), model()
    for k in range(20):
        x, y, e = rig.play(online.probe, S)
        if k == 10:
            e = e.copy()
            e[5] = bad
        if k == 12:
            x = x.copy()
            x[5] = bad
        online.update(x, y, e)
    assert online.rejected == 2
    assert error_db(online.taps, S) < -15


def test_reset_is_a_new_start() -> None:
    """The same input gives the same model again."""
    online, results = model(), []
    for _ in range(2):
        rig = Rig()
        for _ in range(6):
            online.update(*rig.play(online.probe, S))
        results.append(online.taps)
        online.reset()
        assert not online.taps.any()
    np.testing.assert_array_equal(results[0], results[1])


def test_bad_input_says_what_to_change() -> None:
    """Wrong block lengths and schedules that contradict themselves are refused."""
    block = np.zeros(BLOCK)
    with pytest.raises(SignalError, match="error has 10 frames but must have 1024"):
        model().update(block, block, block[:10])
    with pytest.raises(ParameterError, match="alert_db"):
        ProbeSchedule(level_db=-20, alert_db=-30)
    with pytest.raises(ParameterError, match="n_taps=0"):
        OnlineIdentification(0, 8, FS)
