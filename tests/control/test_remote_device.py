"""The device of split control: what it plays, records and answers."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import signal

from antiphase.control.remote_device import SplitDevice, probe_samples
from antiphase.control.split_messages import Ack, Block, Message, Nack, Probe, Push, Rollback
from antiphase.errors import ParameterError
from antiphase.simulation import Plant

FS = 8000
N = 32
PATH = np.concatenate([np.zeros(5), [0.8, 0.3, -0.1]])
RNG = np.random.default_rng(3)
X = RNG.standard_normal(2 * FS).astype(np.float32)


def _device(**more: object) -> SplitDevice:
    return SplitDevice(N, secondary_path_estimate=PATH, fs=FS, **more)  # type: ignore[arg-type]


def _push(version: int, taps: np.ndarray, at: int = 0, fade: int = 0) -> Push:
    return Push(version, np.asarray(taps, np.float32).reshape(1, 1, N), at, fade)


def _play(device: SplitDevice, start: int, stop: int) -> np.ndarray:
    """Play with the reference as the error too: the guard then sees no harm in small drives."""
    return device.process(X[start:stop], 3 * X[start:stop])


def test_a_push_takes_over_at_its_sample_and_fades_linearly() -> None:
    """Before `apply_at` the old filter plays, behind the fade the new one, between them the mix."""
    w = 0.01 * RNG.standard_normal(N)
    device = _device()
    device.receive(_push(1, w, at=100, fade=49))
    y = _play(device, 0, 400)
    target = signal.lfilter(w, 1.0, X[:400].astype(float))
    gain = np.clip((np.arange(400) - 100 + 1) / 50, 0, 1)
    np.testing.assert_allclose(y, gain * target, atol=1e-6)
    assert device.poll()[0] == Ack(1, 100)
    assert device.taps_version == 1


def test_any_block_split_gives_the_same_output() -> None:
    """Fades, probe and waiting pushes do not depend on the callback's size."""
    outputs = []
    for split in (1, 7, 64, 800):
        device = _device()
        device.receive(Probe(level_db=-20.0))
        device.receive(_push(1, 0.01 * np.ones(N), at=333, fade=80))
        outputs.append(np.concatenate([_play(device, k, k + split) for k in range(0, 798, split)]))
    for other in outputs[1:]:
        np.testing.assert_array_equal(outputs[0][:790], other[:790])


def test_blocks_hold_what_was_heard_and_played() -> None:
    """X and y as they were, e shifted back by the sample by which a controller hears it late."""
    device = _device(block_size=100)
    device.receive(Probe(level_db=-20.0))
    device.receive(_push(1, 0.01 * np.ones(N)))
    y = _play(device, 0, 301)
    blocks = [m for m in device.poll() if isinstance(m, Block)]
    assert [(b.seq, b.first_sample, b.frames) for b in blocks] == [
        (0, 0, 100),
        (1, 100, 100),
        (2, 200, 100),
    ]
    np.testing.assert_array_equal(np.concatenate([b.reference[:, 0] for b in blocks]), X[:300])
    np.testing.assert_array_equal(np.concatenate([b.drive[:, 0] for b in blocks]), y[:300])
    np.testing.assert_array_equal(np.concatenate([b.error[:, 0] for b in blocks]), 3 * X[1:301])
    assert blocks[-1].taps_version == 1


def test_a_device_that_was_not_polled_drops_the_oldest_whole_blocks() -> None:
    """Numbers of samples stay true; the lost blocks show as a jump of first_sample."""
    device = _device(block_size=100)
    _play(device, 0, 1001)
    blocks = [m for m in device.poll() if isinstance(m, Block)]
    assert [b.first_sample for b in blocks] == [600, 700, 800, 900]


def test_the_probe_follows_the_level_of_the_error() -> None:
    """−40 dB re the running error RMS, within 1 dB, for both generators."""
    for generator in ("mls", "gaussian"):
        device = _device()
        device.receive(Probe(generator, 4, -40.0))
        for level in (1.0, 0.1):
            y = device.process(0 * X[:8000], level * X[:8000])
            ratio = 20 * np.log10(np.std(y[4000:]) / (level * np.std(X[:8000])))
            assert abs(ratio + 40) < 1
        device.receive(Probe(level_db=-np.inf))
        assert not device.process(0 * X[:100], X[:100]).any()


def test_a_probe_has_unit_rms_and_a_flat_spectrum() -> None:
    """Both generators: RMS 1; the maximum-length sequence is flat to rounding but for 0 Hz."""
    for generator in ("mls", "gaussian"):
        samples = probe_samples(Probe(generator, 1))
        assert np.sqrt(np.mean(samples**2)) == pytest.approx(1.0)
    spectrum = np.abs(np.fft.rfft(probe_samples(Probe("mls", 1))))[1:]
    assert np.ptp(spectrum) < 1e-6 * spectrum.mean()


def test_refusals_name_their_reason() -> None:
    """Wrong shape, older than what plays, unknown version to go back to."""
    device = _device()
    assert device.receive(Push(1, np.zeros((1, 1, N + 1), np.float32), 0, 0)) == [Nack(1, "shape")]
    device.receive(_push(5, 0.01 * np.ones(N)))
    _play(device, 0, 10)
    device.poll()
    assert device.receive(_push(4, np.zeros(N))) == [Nack(4, "stale")]
    assert device.receive(Rollback(9)) == [Nack(9, "stale")]


def test_a_repeated_push_is_acknowledged_again() -> None:
    """The first ack may have been lost: the second copy is answered, not played again."""
    device = _device()
    push = _push(1, 0.01 * np.ones(N), at=5)
    device.receive(push)
    _play(device, 0, 50)
    first: Message = device.poll()[0]
    assert device.receive(push) == [first]


def test_rollback_goes_to_an_older_filter_and_zero_is_silence() -> None:
    """Version 1 again after version 2, then nothing."""
    one, two = (k * 0.01 * np.ones(N) for k in (1, 2))
    device = _device()
    for version, taps in ((1, one), (2, two)):
        device.receive(_push(version, taps))
        _play(device, 0, 200)
        device.poll()
    device.receive(Rollback(1))
    _play(device, 0, 200)
    device.poll()
    assert device.taps_version == 1
    np.testing.assert_allclose(device.control_filter, one, rtol=1e-6)
    device.receive(Rollback(0))
    _play(device, 0, 200)
    assert not _play(device, 200, 300).any()


def test_divergence_is_muted_first_and_told_then() -> None:
    """A filter that doubles the sound is silenced by the device itself within 0.2 s."""
    x = RNG.standard_normal(FS)
    d = signal.lfilter(np.r_[np.zeros(8), 1.0], 1.0, x)
    harmful = np.zeros(N)
    harmful[3] = 2.0  # 0.8·2 in phase with d
    device = _device()
    device.receive(_push(1, harmful))
    plant = Plant(reference=x, disturbance=d, secondary_path=PATH)
    error, drive, _ = plant.advance(device, FS // 2)
    told = [m for m in device.poll() if isinstance(m, Nack)]
    assert device.guard.state == "muted"
    assert not drive[1600:].any()
    np.testing.assert_allclose(error[1700:4000], d[1700:4000], atol=1e-6)
    assert device.guard.mutes == 1
    plant.advance(device, FS // 2)
    told += [m for m in device.poll() if isinstance(m, Nack)]
    assert told
    assert device.taps_version == 0


def test_a_new_path_estimate_ends_the_mute() -> None:
    """A push with the Ŝ that was missing brings the output back at once."""
    x = RNG.standard_normal(2 * FS)
    true = -PATH
    d = signal.lfilter(np.r_[np.zeros(8), 1.0], 1.0, x)
    device = _device()
    wrong = np.zeros(N)
    wrong[3] = -1.25  # cancels by the estimate, doubles by the true path
    plant = Plant(reference=x, disturbance=d, secondary_path=true)
    plant.advance(device, FS // 2)
    device.receive(_push(1, wrong))
    plant.advance(device, FS // 2)
    assert device.guard.gain == 0.0
    right = Push(2, -wrong.astype(np.float32).reshape(1, 1, N), 0, 40, 1, true[None, None])
    device.receive(right)
    plant.advance(device, 1)
    assert Ack(2, device.now - 1) in device.poll()
    error, _, _ = plant.advance(device, FS // 2)
    assert device.guard.gain == 1.0
    assert np.mean(error[400:] ** 2) < 0.5 * np.mean(d**2)


def test_reset_forgets_and_bad_parameters_are_named() -> None:
    """Versions and filters are gone; lengths below one are refused."""
    device = _device()
    device.receive(_push(1, np.ones(N)))
    _play(device, 0, 100)
    device.reset()
    assert device.taps_version == device.now == 0
    assert not _play(device, 0, 100).any()
    with pytest.raises(ParameterError):
        SplitDevice(0, secondary_path_estimate=PATH, fs=FS)
    with pytest.raises(ParameterError):
        _device(block_size=0)
