"""The guide of a forwarded reference, closed around a simulated playout."""

from __future__ import annotations

import numpy as np
import pytest

from antiphase.devices.rig import LoopedSound, make_scene
from antiphase.realtime.guide import PlayoutGuide
from antiphase.sync import ClockLine
from benchmarks.live_world import world_of_rooms

FS = 8000
BLOCK = 800
TRUE_PPM = 35.0


class Playout:
    """Plays a noise at a rate of its own while the disturbance follows the true clock."""

    def __init__(self, rate_ppm: float) -> None:
        rng = np.random.default_rng(3)
        self.sound = LoopedSound(np.convolve(rng.standard_normal(40 * FS), np.hanning(6), "same"))
        self.rate_ppm = rate_ppm
        self.guided = False
        self.position = 0.0
        self.moved = 0.0
        self.count = 0

    @property
    def lag(self) -> float:
        """Samples by which the playout is behind where it began."""
        return self.count * (1 + 1e-6 * TRUE_PPM) - self.position

    def block(self, guide: PlayoutGuide, line: ClockLine | None = None) -> None:
        rate = 1 + 1e-6 * self.rate_ppm
        places = np.arange(BLOCK, dtype=np.float64)
        reference = self.sound.at(self.position + rate * places)
        true = np.asarray((self.count + places) * (1 + 1e-6 * TRUE_PPM), np.float64)
        place = true - self.moved
        disturbance = 0.3 * self.sound.at(place - 50.0) + 0.1 * self.sound.at(place - 71.0)
        self.position += rate * BLOCK
        self.count += BLOCK
        answer = guide.take(reference, disturbance, line)
        if answer is not None:
            self.guided = True
            self.rate_ppm = answer["rate_ppm"]
            self.position += answer["skip"]


@pytest.mark.parametrize("told_ppm", [35.0, -40.0, 300.0])
def test_the_lag_stays_what_it_was(told_ppm: float) -> None:
    """Whatever the timestamps said, after 12 s the rate is right within 1 ppm."""
    guide, playout = PlayoutGuide(FS), Playout(told_ppm)
    playout.block(guide)
    assert not guide.guiding
    guide.told({"type": "playout", "rate_ppm": told_ppm, "jumps": 0})
    for _ in range(20):
        playout.block(guide)
    assert playout.guided
    for _ in range(100):
        playout.block(guide)
    before = playout.lag
    for _ in range(40):
        playout.block(guide)
    assert playout.rate_ppm == pytest.approx(TRUE_PPM, abs=1.0)
    assert abs(playout.lag - before) < 0.05


def line_of(drift_ppm: float, error_ppm: float) -> ClockLine:
    return ClockLine(0.0, 0.0, 1 / (FS * (1 + 1e-6 * drift_ppm)), drift_ppm, error_ppm)


def test_clocks_that_the_server_knows_are_played_at_once() -> None:
    """A device 140 ppm wrong by two queues is told the right rate before the lag is known."""
    guide, playout = PlayoutGuide(FS), Playout(-105.0)
    guide.told({"rate_ppm": -105.0, "jumps": 0})
    playout.block(guide, line_of(0.0, 400.0))
    assert (playout.guided, guide.breaks) == (False, 0)  # nobody knows yet
    playout.block(guide, line_of(33.0, 60.0))
    assert (playout.rate_ppm, guide.guiding, guide.breaks) == (33.0, False, 1)
    before = playout.lag
    for _ in range(60):
        playout.block(guide, line_of(TRUE_PPM, 10.0))
    assert guide.guiding
    assert abs(playout.lag - before) < 0.1


def test_clocks_that_stay_unsure_are_not_waited_for() -> None:
    """After three seconds of a busy channel the sound alone has to do."""
    guide, playout = PlayoutGuide(FS), Playout(TRUE_PPM)
    guide.told({"rate_ppm": TRUE_PPM, "jumps": 0})
    for _ in range(60):
        playout.block(guide, line_of(300.0, 900.0))
    assert guide.guiding
    assert playout.rate_ppm == pytest.approx(TRUE_PPM, abs=10)


def test_a_device_that_jumped_gets_a_new_anchor() -> None:
    """Its own jump is not taken back; without clear noise it is told to follow its timestamps."""
    guide, playout = PlayoutGuide(FS), Playout(TRUE_PPM)
    guide.told({"rate_ppm": TRUE_PPM, "jumps": 0})
    for _ in range(40):
        playout.block(guide)
    playout.position += 30.0
    guide.told({"rate_ppm": TRUE_PPM, "jumps": 1})
    assert not guide.guiding
    before = playout.lag
    for _ in range(60):
        playout.block(guide)
    assert playout.lag == pytest.approx(before, abs=0.1)
    assert guide.release() == {"type": "playout", "rate_ppm": None, "skip": 0.0}
    assert guide.release() is None


def test_a_slip_is_taken_back_at_once() -> None:
    """40 samples lost somewhere on the way: skipped within 2 s, once, and not crept after."""
    guide, playout = PlayoutGuide(FS), Playout(TRUE_PPM)
    guide.told({"rate_ppm": TRUE_PPM, "jumps": 0})
    for _ in range(40):
        playout.block(guide)
    before = playout.lag
    playout.position += 40.0
    for _ in range(15):
        playout.block(guide)
    assert playout.lag == pytest.approx(before, abs=2.0)


def test_a_listener_who_moves_is_not_taken_for_a_clock() -> None:
    """Five samples of another path at once: the playout goes on at its rate, the lag is theirs."""
    guide, playout = PlayoutGuide(FS), Playout(TRUE_PPM)
    guide.told({"rate_ppm": TRUE_PPM, "jumps": 0})
    for _ in range(60):
        playout.block(guide, line_of(TRUE_PPM, 5.0))
    before, breaks = playout.lag, guide.breaks
    playout.moved = 5.0
    for _ in range(60):
        playout.block(guide, line_of(TRUE_PPM, 5.0))
    assert abs(playout.lag - before) < 0.3
    assert guide.breaks == breaks + 1


@pytest.mark.parametrize(
    "message", [{}, {"rate_ppm": "x", "jumps": 0}, {"rate_ppm": 9e9, "jumps": 0}, {"rate_ppm": 1.0}]
)
def test_nonsense_is_ignored(message: dict[str, object]) -> None:
    """A device that says nothing usable is not guided."""
    guide, playout = PlayoutGuide(FS), Playout(TRUE_PPM)
    guide.told(message)
    for _ in range(30):
        playout.block(guide)
    assert not playout.guided


@pytest.mark.slow
def test_a_clock_that_changes_in_mid_session_costs_little() -> None:
    """Road, 1 % lost, 4 ms of jitter; the kerb's clock jumps from +10 to −60 ppm at 7 s."""
    world, rooms = world_of_rooms()
    rooms.create("a", now=world.now)
    scene = make_scene("road", seconds=20, seed=2, jitter_ms=4.0)
    session = world.add("a", scene)
    world.run(7.0)
    session.devices["kerb"].place.clock.set_drift(-60.0, world.now)
    world.run(6.2)
    record = session.speaker.record
    assert record.window_nr_db(5.0, 7.0) > 18
    assert min(record.window_nr_db(k, k + 1.0) for k in range(7, 12)) > 6
    assert record.window_nr_db(11.0, 13.0) > 18


def test_a_forwarded_reference_is_steady_from_the_start() -> None:
    """Road, seconds 3–5: 20 dB where rates by two queues gave 15, and the bound is above that."""
    world, rooms = world_of_rooms()
    rooms.create("a", now=world.now)
    session = world.add("a", make_scene("road", seconds=20, seed=2))
    world.run(3.0)
    for _ in range(2):
        world.run(1.0)
        shown = rooms.figures("a", world.now).attenuation
        assert shown.bound is not None
        assert shown.estimated is not None
        assert shown.bound > shown.estimated - 1
    assert session.speaker.record.window_nr_db(3.0, 5.0) > 20
