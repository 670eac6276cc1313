"""A talker without the fan."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import signal

from antiphase.realtime import DeviceDescription, Engine, PlayAudio, RoleBinding, SetRoutes

FS = 8000


def clean(
    seconds: float, *, drift_ppm: float = 20.0, dead_s: float | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Run two devices with their own clocks; return speech, primary and what listeners hear."""
    rng = np.random.default_rng(1)
    n = round(seconds * FS)
    fan = signal.sosfilt(signal.butter(6, 1000, fs=FS, output="sos"), rng.standard_normal(n + 400))
    fan /= np.std(fan)
    speech = np.zeros(n)
    for start in range(0, n, FS):
        speech[start : start + FS // 2] = 0.7 * rng.standard_normal(min(FS // 2, n - start))
    path = rng.standard_normal(60) * np.exp(-np.arange(60) / 15)
    noise = signal.lfilter(path, 1, fan)[200:][:n]
    noise /= np.std(noise)
    primary = speech + noise
    heard = np.interp((np.arange(n) / (1 + 1e-6 * drift_ppm)) + 240, np.arange(n + 400), fan)
    engine = Engine()
    engine.add_device("t", DeviceDescription("t", (RoleBinding("talker", "0"),)), 0.0)
    engine.add_device("r", DeviceDescription("r", (RoleBinding("reference", "0"),)), 0.0)
    engine.add_device("l", DeviceDescription("l", (RoleBinding("listener", "0"),)), 0.0)
    out = []
    for k in range(n // 40):
        now, part = 0.005 * (k + 1) + 0.01, slice(40 * k, 40 * k + 40)
        if dead_s is None or now < dead_s:
            sent = 0.005 * (k + 1) / (1 + 1e-6 * drift_ppm) + 0.01
            engine.push_audio("r", "0", 0.1 * heard[part], 40 * k, FS, False, sent)
        engine.push_audio("t", "0", 0.1 * primary[part], 7000 + 40 * k, FS, False, now + 0.001)
        engine.tick(now)
        out += [o.pcm for o in engine.poll() if isinstance(o, PlayAudio)]
    return speech, noise, 10 * np.concatenate(out)


def test_the_fan_goes_and_the_talker_stays() -> None:
    """More than 12 dB less noise across 20 ppm; the talker within 1 dB."""
    speech, noise, heard = clean(8)
    late = round(0.02 * FS)
    part = slice(5 * FS, 7 * FS)
    said = np.concatenate([np.zeros(late), speech])[part]
    gain = float(heard[part] @ said / (said @ said))
    rest = heard[part] - gain * said
    assert 20 * np.log10(gain) == pytest.approx(0, abs=1)
    assert 10 * np.log10(np.var(noise) / np.var(rest)) > 12


def test_a_dead_reference_leaves_the_talker_as_he_is() -> None:
    """When the reference stops, its part fades out and the talker passes unchanged."""
    speech, noise, heard = clean(5, dead_s=3.0)
    late = round(0.02 * FS)
    whole = np.concatenate([np.zeros(late), speech + noise])
    assert heard[4 * FS :] == pytest.approx(whole[4 * FS : len(heard)], abs=1e-9)


def test_a_stereo_track_takes_the_native_route() -> None:
    """Talker left, reference right: one clean flow to each listener, nothing comes up."""
    engine = Engine()
    roles = (RoleBinding("talker", "0", 0), RoleBinding("reference", "0", 1))
    engine.add_device("s", DeviceDescription("s", roles), 0.0)
    engine.add_device("l", DeviceDescription("l", (RoleBinding("listener", "1"),)), 0.0)
    flows = [o for o in engine.poll() if isinstance(o, SetRoutes)][-1].flows
    assert [(f.kind, f.to, f.to_mid) for f in flows] == [("clean", "l", "1")]
    assert flows[0].canceller is not None
