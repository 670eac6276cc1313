"""On time or never."""

from __future__ import annotations

import numpy as np

from antiphase.devices.rig import DrivePlayout

FRAME = 40
TONE = np.sin(2 * np.pi * 200 * np.arange(8000) / 8000)


def frames(n: int) -> list[tuple[int, np.ndarray[tuple[int], np.dtype[np.float64]]]]:
    return [(7000 + k * FRAME, TONE[k * FRAME : (k + 1) * FRAME]) for k in range(n)]


def test_the_delay_from_timestamp_to_sound_is_constant() -> None:
    """Whatever the jitter below the buffer, the sound is the stream, once and in order."""
    playout, out = DrivePlayout(8000, 0.01), []
    rng = np.random.default_rng(1)
    coming = [
        (k * FRAME + 3 + (rng.uniform(0, 70) if k else 0), *f) for k, f in enumerate(frames(50))
    ]
    for k in range(50):
        for at, stamp, pcm in [c for c in coming if k * FRAME <= c[0] < (k + 1) * FRAME]:
            playout.push(stamp, pcm, at)
        out.append(playout.pull((k + 1) * FRAME, FRAME))
    heard = np.concatenate(out)
    start = int(np.flatnonzero(heard)[0]) - 1
    np.testing.assert_array_equal(heard[start : start + 1500], TONE[:1500])
    assert (playout.late, playout.version) == (0, 1)


def test_what_comes_late_is_never_played() -> None:
    """A frame after its time is dropped, counted, and what follows is where it belongs."""
    playout = DrivePlayout(8000, 0.01)
    (a, first), (b, second), (c, third) = frames(3)
    playout.push(a, first, 0.0)
    playout.pull(80, FRAME)
    playout.pull(120, FRAME)
    playout.push(b, second, 160.0)
    playout.push(c, third, 160.0)
    np.testing.assert_array_equal(playout.pull(160, FRAME), third)
    assert playout.late == 1


def test_one_lost_frame_of_a_tone_is_bridged_and_a_stream_that_stops_falls_silent() -> None:
    """Linear prediction carries a tone over 5 ms; after 15 ms without frames nothing is played."""
    playout = DrivePlayout(8000, 0.01)
    out = []
    for k, (stamp, pcm) in enumerate(frames(40)):
        if k != 30 and k < 36:
            playout.push(stamp, pcm, k * FRAME)
        out.append(playout.pull(k * FRAME + 80 - FRAME, FRAME))
    heard = np.concatenate(out)
    lost = slice(31 * FRAME, 32 * FRAME)
    assert np.max(np.abs(heard[lost] - TONE[30 * FRAME : 31 * FRAME])) < 0.1
    for k in range(40, 60):
        last = playout.pull(k * FRAME + 40, FRAME)
    assert not last.any()


def test_a_stream_that_stays_late_is_taken_up_again() -> None:
    """Four late frames in a row fix the delay anew; the lag that a burst leaves is bounded."""
    playout = DrivePlayout(8000, 0.01)
    for k, (stamp, pcm) in enumerate(frames(30)):
        playout.push(stamp, pcm, k * FRAME + (400 if k >= 10 else 0))
    assert playout.version == 2
    assert playout.late == 4
    playout.push(7000 + 100 * FRAME, TONE[:FRAME], 1700.0)
    assert playout.version == 3
