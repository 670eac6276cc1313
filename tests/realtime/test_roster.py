"""What is known of devices and their streams."""

from __future__ import annotations

import numpy as np
import pytest

from antiphase.realtime.roles import DeviceDescription, RoleBinding
from antiphase.realtime.roster import Device, Frame, Roster, Track, clock_between

from .engine_loop import paths, speaker

FS = 8000


def test_drift_loss_and_jitter_are_read_from_arrivals() -> None:
    """A clock 50 ppm fast, 5 % loss and 2 ms of jitter are found in ten seconds."""
    rng = np.random.default_rng(1)
    track = Track()
    for k in range(2000):
        sent = 40 * (k + 1) / (FS * (1 + 50e-6))
        lost = bool(rng.random() < 0.05)
        frame = Frame(np.zeros(40), 40 * k, FS, concealed=lost)
        track.take(frame, sent + 0.01 + rng.exponential(0.001))
    assert track.drift_ppm == pytest.approx(50, abs=5)
    assert track.loss == pytest.approx(0.05, abs=0.03)
    assert track.jitter_ms == pytest.approx(3, abs=1)
    assert track.frame_ms == 5


def test_two_clocks_are_compared_over_the_servers() -> None:
    """40 ppm fast against 20 ppm slow are 60 ppm within what the line says it may be wrong by."""
    rng = np.random.default_rng(2)
    fast, slow = Track(), Track()
    assert clock_between(fast, slow) is None
    for k in range(1200):
        for track, ppm in ((fast, 40e-6), (slow, -20e-6)):
            sent = 40 * (k + 1) / (FS * (1 + ppm))
            track.take(Frame(np.zeros(40), 40 * k, FS), sent + 0.01 + rng.exponential(0.001))
    line = clock_between(fast, slow)
    assert line is not None
    assert line.drift_ppm == pytest.approx(60, abs=min(line.error_ppm, 10))
    assert line.period_s * FS == pytest.approx(1 / (1 + 1e-6 * line.drift_ppm), abs=1e-9)


def test_a_stream_that_jumps_begins_anew() -> None:
    """Another rate, or a timestamp a second off, restarts clock and counters."""
    track = Track()
    assert track.take(Frame(np.zeros(40), 0, FS), 0.0)
    assert not track.take(Frame(np.zeros(40), 40, FS), 0.005)
    assert track.take(Frame(np.zeros(40), 40 + 3 * FS, FS), 0.01)
    assert track.take(Frame(np.zeros(80), 0, 2 * FS), 0.02)
    assert (track.fs, track.restarts) == (2 * FS, 3)
    assert Track().loss is None


def test_channels_of_a_frame() -> None:
    """Mono has one channel for all; a channel beyond the last is the last."""
    stereo = np.array([[1.0, 2.0], [3.0, 4.0]])
    assert Frame(stereo, 0, FS).channel(1).tolist() == [2, 4]
    assert Frame(stereo, 0, FS).channel(7).tolist() == [2, 4]
    assert Frame(stereo[:, 0], 0, FS).channel(1).tolist() == [1, 3]


def test_roles_are_held_oldest_first() -> None:
    """The loop is closed on the first device that has both ends of it."""
    roster = Roster()
    roster.add("k", DeviceDescription("k", (RoleBinding("reference", "0"),)))
    roster.add("w", speaker(paths()[1]))
    assert [d.device_id for d, _ in roster.holding("reference")] == ["k", "w"]
    looper = roster.looper()
    assert looper is not None
    assert looper.device_id == "w"
    before = looper.can_split
    looper.channels.add("anc.split")
    assert (before, looper.can_split) == (False, True)
    assert looper.figures(0.0).roles == ("reference", "error", "loudspeaker")
    roster.remove("w")
    assert roster.looper() is None
    assert len(roster) == 1
    assert "k" in roster


def test_a_stream_that_has_ended_says_nothing_of_now() -> None:
    """Two seconds after the last frame drift, loss and jitter are not known any more."""
    device = Device("k", DeviceDescription("k", (RoleBinding("reference", "0"),)))
    for k in range(500):
        device.track("0").take(Frame(np.zeros(80), 80 * k, FS), 0.01 * k)
    known, over = device.figures(5.0), device.figures(7.5)
    assert known.drift_ppm == pytest.approx(0, abs=1)
    assert known.loss == 0
    assert known.jitter_ms == pytest.approx(0, abs=0.01)
    assert (over.drift_ppm, over.loss, over.jitter_ms) == (None, None, None)
    device.track("1").take(Frame(np.zeros(80), 0, FS, concealed=True), 7.4)
    assert device.figures(7.5).loss == 1
