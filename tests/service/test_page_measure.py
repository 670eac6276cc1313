"""The browser's measurement against Python's: the same chirp, sweep, path, delay and bound."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import signal

from antiphase.identify import ExponentialSweep, chirp_probe, identify_sweep, round_trip
from antiphase.metrics import fixed_filter_bound
from tests.service.node import in_node, needs_node

pytestmark = needs_node

FS = 8000


def path() -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    taps = np.zeros(300)
    taps[137:] = np.exp(-np.arange(163) / 20) * np.random.default_rng(2).standard_normal(163)
    taps[137] = 2.0
    return taps


def test_chirp_and_round_trip_are_those_of_python() -> None:
    """The chirp has the same samples; the first arrival is found at the same sample."""
    rng = np.random.default_rng(0)
    probe = chirp_probe(FS)
    recording = np.convolve(np.pad(probe, (0, 4000)), path())[:4000]
    recording += 0.02 * rng.standard_normal(4000)
    script = """
      const { chirpProbe, roundTrip } = await use("identify.js");
      const probe = chirpProbe(8000);
      answer([probe, roundTrip(probe, Float64Array.from(given.recording), 8000)]);
    """
    theirs, delay = in_node(script, recording=recording)
    ours = round_trip(probe, recording, FS)
    np.testing.assert_allclose(theirs, probe, atol=1e-9)
    assert delay["samples"] == pytest.approx(ours.samples, abs=0.01)
    assert delay["clarityDb"] == pytest.approx(ours.clarity_db, abs=0.5)


@pytest.mark.parametrize("hum", [0.0, 1.0])
def test_the_sweep_gives_the_same_path(hum: float) -> None:
    """The taps agree with Python's to −60 dB, in hum as well; else −40 dB are left in band."""
    sweep = ExponentialSweep(FS, seconds=2, low_hz=40, high_hz=3200)
    recording = np.convolve(np.pad(sweep.samples, (0, 1000)), path())[:17000]
    recording += 1e-3 * np.random.default_rng(1).standard_normal(17000)
    recording += hum * np.sin(2 * np.pi * 300 / FS * np.arange(17000))
    script = """
      const { exponentialSweep, identifySweep } = await use("identify.js");
      const sweep = exponentialSweep(8000, {seconds: 2});
      answer([sweep.samples, identifySweep(sweep, Float64Array.from(given.recording), 400)]);
    """
    samples, found = in_node(script, recording=recording)
    np.testing.assert_allclose(samples, sweep.samples, atol=1e-8)
    ours = identify_sweep(sweep, recording, 400).taps
    assert np.sum((found["taps"] - ours) ** 2) < 1e-6 * np.sum(ours**2)
    assert hum or found["residualDb"] < -40


def test_the_bound_is_that_of_python() -> None:
    """The best filter leaves the same error, with and without a delay of the reference."""
    rng = np.random.default_rng(3)
    x = signal.lfilter([1], [1, -0.9], rng.standard_normal(12000))
    d = signal.lfilter(np.convolve(path(), [0, 0, 0, 1, 0.5]), 1, x)
    script = """
      const { fixedFilterBound } = await use("plan.js");
      const [x, d, path] = ["x", "d", "path"].map((name) => Float64Array.from(given[name]));
      answer([0, 20].map((delay) => fixedFilterBound(x, d, path, 128, {delay, start: 1000}).error));
    """
    for delay, error in zip((0, 20), in_node(script, x=x, d=d, path=path()), strict=True):
        ours = fixed_filter_bound(x, d, path(), 128, delay=delay, start=1000)
        reached = 10 * np.log10(np.sum(d[1000:] ** 2) / np.sum(np.square(error)[1000:]))
        assert reached == pytest.approx(ours.nr_db, abs=0.05)


def test_one_microphone_can_cancel_tones_only() -> None:
    """Behind 60 ms of round trip a hum falls by 20 dB or more, white noise does not."""
    n = np.arange(40000) / FS
    rng = np.random.default_rng(4)
    late = np.zeros(600)
    late[480] = 0.7
    hum = np.sin(2 * np.pi * 100 * n) + 0.5 * np.sin(2 * np.pi * 200 * n)
    noises = [hum + 0.01 * rng.standard_normal(40000), rng.standard_normal(40000)]
    mix = noises[0] + 0.5 * noises[1]
    script = """
      const { planHere } = await use("plan.js");
      const path = Float64Array.from(given.path);
      answer(given.noises.map((d) =>
        planHere({disturbance: Float64Array.from(d), reference: null, path, fs: 8000})));
    """
    tone, white, both = in_node(script, path=late, noises=[*noises, mix])
    assert tone["mode"] == "local"
    assert tone["nrDb"] > 20
    assert "Hz" in tone["verdict"]
    assert white["nrDb"] < 1
    assert white["verdict"].startswith("No anti-noise here")
    assert both["tonesDb"] > 6
    assert both["broadbandDb"] < 1


def test_a_reference_in_time_allows_broadband_noise() -> None:
    """With a second microphone that hears the noise 80 ms earlier, white noise falls by 20 dB."""
    rng = np.random.default_rng(5)
    late = np.zeros(600)
    late[480] = 0.7
    x = rng.standard_normal(40000)
    d = np.concatenate([np.zeros(640), x[:-640]])
    script = """
      const { planHere } = await use("plan.js");
      const [d, x, path] = ["d", "x", "path"].map((name) => Float64Array.from(given[name]));
      answer(planHere({disturbance: d, reference: x, path, fs: 8000}));
    """
    plan = in_node(script, d=d, x=x, path=late)
    assert plan["mode"] == "split"
    assert plan["nrDb"] > 20
    assert plan["broadbandDb"] > 20
