"""The device's loop: blocks in, blocks out."""

from __future__ import annotations

import numpy as np
import pytest

from antiphase.control import Block, SplitDevice
from antiphase.devices.soundcard import CardFormat, DeviceLoop, LocalDevice, Recorded, Take
from antiphase.errors import ParameterError
from tests.devices.soundcard.virtual import VirtualCard, hum, room_path

FORM = CardFormat(16000, block=64)
SILENT = np.zeros((64, 1), np.float32)


def control_path(card: VirtualCard, loop: DeviceLoop) -> np.ndarray:
    """Return S at the control rate, from a pulse through the whole chain."""
    pulse = np.zeros(1)
    pulse[0] = 0.5
    loop.measure(Take("pulse", pulse, 640))
    recorded = None
    while recorded is None:
        card.step(loop)
        recorded = loop.fetch()
    return recorded.error / 0.5


def quiet_card() -> VirtualCard:
    return VirtualCard(FORM, np.zeros(16000), room_path(16000))


def test_a_measurement_plays_and_records() -> None:
    """What is played comes back through the room, once; then the device is silent again."""
    loop, card = DeviceLoop(FORM), quiet_card()
    path = control_path(card, loop)
    assert np.argmax(np.abs(path)) == pytest.approx(12 * 8 + 2 * 32 + 10, abs=3)
    assert loop.fetch() is None
    assert np.abs(loop.process(SILENT)).max() < 1e-3
    with pytest.raises(ParameterError, match="frames"):
        loop.measure(Take("nothing", np.zeros(1), 0))


def test_a_recording_that_lost_blocks_says_so() -> None:
    """Lost blocks are silence at their place; a block that was not played and a mute count too."""
    loop = DeviceLoop(FORM)
    loop.measure(Take("tone", np.ones(400), 320))
    for k in range(9):
        loop.process(SILENT + 0.25, lost=1 if k == 3 else 0)
    loop.not_played()
    loop.muted = True
    recorded = loop.fetch()
    assert isinstance(recorded, Recorded)
    assert recorded.faults == 1
    assert recorded.peak == pytest.approx(0.25)
    assert loop.lost_blocks == 1
    loop.measure(Take("muted", np.ones(400), 32))
    loop.process(SILENT)
    muted = loop.fetch()
    assert muted is not None
    assert muted.faults == 1


def test_control_starts_softly_and_ends_at_once() -> None:
    """Half a second of listening, then up from −40 dB over 2 s; mute takes 10 ms; limit kept."""
    loop, quiet = DeviceLoop(FORM), quiet_card()
    path = control_path(quiet, loop)[:400]
    card = VirtualCard(FORM, hum(16000), room_path(16000))
    loop.run(LocalDevice(512, secondary_path_estimate=path, fs=8000, limit=0.5), path)
    for _ in range(1250):
        card.step(loop)
    played = np.concatenate(card.played)
    assert not played[:8000].any()
    first, last = np.abs(played[8000:16000]).max(), np.abs(played[-16000:]).max()
    assert first < 0.1 * last
    assert last < 0.55
    loop.muted = True
    card.played.clear()
    for _ in range(20):
        card.step(loop)
    assert np.abs(np.concatenate(card.played)[-960:]).max() < 1e-6


def test_hum_falls_and_the_switch_works() -> None:
    """In the room hum falls by 20 dB; with control off it is back, with control on it falls."""
    loop, quiet = DeviceLoop(FORM), quiet_card()
    path = control_path(quiet, loop)[:400]
    card = VirtualCard(FORM, hum(16000), room_path(16000))
    loop.run(LocalDevice(512, secondary_path_estimate=path, fs=8000, limit=0.5), path)

    def level(seconds: float) -> float:
        card.heard.clear()
        for _ in range(round(seconds * 250)):
            card.step(loop)
        return 20 * float(np.log10(np.std(np.concatenate(card.heard)[-4000:])))

    off = level(0.5)
    on = level(6.0)
    assert on < off - 20
    loop.control = False
    assert level(1.0) == pytest.approx(off, abs=0.2)
    loop.control = True
    assert level(6.0) < off - 20
    error_db, drive_db = loop.levels_db()
    assert -60 < error_db < -20
    assert -60 < drive_db < -10


def test_what_was_not_played_is_made_up_for() -> None:
    """One block in fifty that comes too late costs no stability: hum still falls by 10 dB."""
    loop, quiet = DeviceLoop(FORM), quiet_card()
    path = control_path(quiet, loop)[:400]
    steps = iter(range(10**6))
    card = VirtualCard(
        FORM,
        hum(16000),
        room_path(16000),
        work_s=lambda _: 0.005 if next(steps) % 50 == 49 else 0.001,
    )
    loop.run(LocalDevice(512, secondary_path_estimate=path, fs=8000, limit=0.5), path)
    for _ in range(1500):
        card.step(loop)
    assert loop.unplayed_blocks > 20
    error = np.concatenate(card.heard)
    assert np.std(error[-8000:]) < 0.32 * np.std(error[:8000])


def test_blocks_mark_what_was_lost() -> None:
    """The frames of lost blocks, and those that their drive still moves, are gaps."""
    loop = DeviceLoop(FORM)
    path = np.eye(1, 200, 150)[0]
    loop.run(SplitDevice(64, secondary_path_estimate=path, fs=8000), path)
    for k in range(60):
        loop.process(SILENT + 0.01, lost=2 if k == 30 else 0)
    blocks = [m for m in loop.poll() if isinstance(m, Block)]
    assert len(blocks) == 2
    assert blocks[0].gaps == ()
    start, length = blocks[1].gaps[0]
    assert (800 + start, length) == (960, 2 * 32 + 200)
    assert loop.discarded == 0


def test_messages_nobody_fetches_are_dropped_oldest_first() -> None:
    """Of the blocks of eight seconds without a listener the newest fifty are kept, in order."""
    loop = DeviceLoop(FORM)
    path = np.eye(1, 200, 150)[0]
    loop.run(SplitDevice(16, secondary_path_estimate=path, fs=8000), path)
    for _ in range(2000):
        loop.process(SILENT)
    blocks = [m for m in loop.poll() if isinstance(m, Block)]
    assert len(blocks) == 50
    assert loop.discarded == 29
    assert [b.seq for b in blocks] == list(range(29, 79))
    assert loop.poll() == []


def test_what_is_not_finite_reaches_no_ear() -> None:
    """NaN and Inf at the input leave the output finite and are counted."""
    loop = DeviceLoop(FORM)
    path = np.eye(1, 200, 150)[0]
    loop.run(LocalDevice(64, secondary_path_estimate=path, fs=8000), path)
    rng = np.random.default_rng(0)
    for k in range(300):
        frames = rng.standard_normal((64, 1)).astype(np.float32)
        if k % 10 == 0:
            frames[k % 64] = np.nan if k % 20 else np.inf
        played = loop.process(frames)
        assert np.isfinite(played).all()
        assert np.abs(played).max() <= 1.0
    assert loop.rejected == 30
