"""The jitter buffer against signals whose every instant is known."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from antiphase.errors import ParameterError, SignalError
from antiphase.sync.playout import PlayoutBuffer

Floats = npt.NDArray[np.float64]
FS = 8000
FRAME = 40
DELAY_S = 0.02


def tone(time_s: Floats) -> Floats:
    return np.asarray(np.sin(2 * np.pi * 300 * time_s))


def run(
    buffer: PlayoutBuffer, seconds: float, ppm: float, late_s: Floats, lost: Floats | None = None
) -> tuple[Floats, Floats]:
    """Send a tone; return it as played, and which samples were guessed."""
    n = round(seconds * FS / FRAME)
    capture = np.arange(n * FRAME) / FS / (1 + ppm * 1e-6)
    arrival = capture[FRAME - 1 :: FRAME] + 0.01 + late_s[:n]
    sent = [k for k in np.argsort(arrival) if lost is None or not lost[k]]
    played, missing = [], []
    for block in range(n):
        now = block * FRAME / FS
        while sent and arrival[sent[0]] <= now:
            k = int(sent.pop(0))
            here = slice(k * FRAME, (k + 1) * FRAME)
            buffer.push(k * FRAME, float(arrival[k]), tone(capture[here]))
        got = buffer.pull(FRAME, now)
        played.append(got.signal)
        missing.append(got.missing)
    return np.concatenate(played), np.concatenate(missing).astype(np.float64)


@pytest.mark.parametrize("ppm", [0, 50, -300])
def test_a_tone_keeps_its_phase_on_the_receivers_clock(ppm: float) -> None:
    """With drift and jitter: from 4 to 8 s its frequency is right within 2 ppm."""
    late = 0.5e-3 * np.random.default_rng(1).exponential(size=2000)
    played, missing = run(PlayoutBuffer(FS, DELAY_S), 8, ppm, late)
    assert not missing[4 * FS :].any()
    time = np.arange(8 * FS) / FS
    beat = played * np.exp(-2j * np.pi * 300 * time)
    phases = np.angle([beat[4 * FS : 4 * FS + 800].mean(), beat[-800:].mean()])
    turned = np.angle(np.exp(1j * (phases[1] - phases[0]))) / (2 * np.pi * 300)
    assert abs(turned) / 3.9 < 2e-6
    assert np.std(played[4 * FS :]) == pytest.approx(np.sqrt(0.5), rel=0.01)


def test_without_compensation_drift_shows() -> None:
    """The same stream at the sender's rate is 50 ppm off."""
    played, _ = run(PlayoutBuffer(FS, DELAY_S, compensate=False), 8, 50, np.zeros(2000))
    beat = played * np.exp(-2j * np.pi * 300 * np.arange(8 * FS) / FS)
    phases = np.angle([beat[4 * FS : 4 * FS + 800].mean(), beat[-800:].mean()])
    assert abs(phases[1] - phases[0]) == pytest.approx(2 * np.pi * 300 * 50e-6 * 3.9, rel=0.02)


@pytest.mark.parametrize(("fill", "worst"), [("predict", 0.05), ("zero", 1.1)])
def test_lost_frames_are_flagged_and_filled(fill: str, worst: float) -> None:
    """A tone goes on through loss when it is predicted; exactly the lost samples are flagged."""
    lost = np.random.default_rng(2).random(1600) < 0.03
    lost[:200] = False
    buffer = PlayoutBuffer(FS, DELAY_S, fill=fill)  # type: ignore[arg-type]
    played, missing = run(buffer, 8, 0, np.zeros(2000), lost.astype(np.float64))
    clean, _ = run(PlayoutBuffer(FS, DELAY_S), 8, 0, np.zeros(2000))
    judged = slice(FS, -FS)
    assert missing[judged].sum() == pytest.approx(lost[200:-200].sum() * FRAME, rel=0.03)
    assert np.abs(played - clean)[judged].max() < worst


def test_packets_after_their_time_are_counted_and_order_does_not_matter() -> None:
    """Delays beyond the buffer are losses; overtaking within it changes nothing."""
    rng = np.random.default_rng(3)
    late = np.where(rng.random(2000) < 0.2, 0.012, 0.0)
    buffer = PlayoutBuffer(FS, DELAY_S)
    played, missing = run(buffer, 4, 0, late)
    clean, _ = run(PlayoutBuffer(FS, DELAY_S), 4, 0, np.zeros(2000))
    np.testing.assert_allclose(played[FS:-FS], clean[FS:-FS], atol=1e-3)
    assert not missing[FS:].any()
    buffer = PlayoutBuffer(FS, DELAY_S)
    run(buffer, 4, 0, np.where(rng.random(2000) < 0.05, 0.05, 0.0))
    assert buffer.late > 10


def test_silence_before_the_first_packet_and_guidance_by_audio() -> None:
    """Nothing yet: silence, flagged. A guide sets the rate, a skip moves at once."""
    buffer = PlayoutBuffer(FS, DELAY_S)
    got = buffer.pull(10, 0.0)
    assert not got.signal.any()
    assert got.missing.all()
    run(buffer, 1, 0, np.zeros(200))
    before = buffer.position
    assert before is not None
    buffer.guide_ppm = 1000.0
    buffer.pull(1000, 1.0)
    assert buffer.position == pytest.approx(before + 1001, abs=1e-6)
    buffer.skip(-20)
    assert buffer.position == pytest.approx(before + 981, abs=1e-6)
    assert buffer.jumps == 1


def test_a_guide_ends_when_the_way_has_become_longer() -> None:
    """Everything comes 50 ms later from now on: by 2 s the timestamps have moved the buffer."""
    buffer = PlayoutBuffer(FS, DELAY_S)
    run(buffer, 1, 0, np.zeros(200))
    setattr(buffer, "guide_ppm", 0.0)  # noqa: B010 - mypy would believe that it stays
    missing = []
    for k in range(200, 800):
        if k >= 210:
            buffer.push(40 * (k - 10), 0.005 * k, np.zeros(40))
        missing.append(buffer.pull(40, 0.005 * k + 0.005).missing.any())
    assert buffer.guide_ppm is None
    assert not any(missing[400:])


def test_bad_input_is_refused() -> None:
    """Delays too short for the interpolator, packets too long, pulls too long."""
    with pytest.raises(ParameterError, match="delay_s"):
        PlayoutBuffer(FS, 0.001)
    with pytest.raises(ParameterError, match="fill"):
        PlayoutBuffer(FS, DELAY_S, fill="repeat")  # type: ignore[arg-type]
    buffer = PlayoutBuffer(FS, DELAY_S)
    with pytest.raises(SignalError, match="longer than the buffer"):
        buffer.push(0, 0.0, np.zeros(20000))
    with pytest.raises(ParameterError, match="n=0"):
        buffer.pull(0, 0.0)
