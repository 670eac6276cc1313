"""The sweep against known paths, in noise and through a distorting loudspeaker."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from antiphase.errors import ParameterError, SignalError
from antiphase.identify.sweep import ExponentialSweep, identify_sweep

Floats = npt.NDArray[np.float64]
FS = 8000


def white(n: int, seed: int = 1) -> Floats:
    return np.random.default_rng(seed).standard_normal(n)


def path() -> Floats:
    taps = white(200, 5) * np.exp(-np.arange(200) / 30)
    taps[:20] = 0
    return taps


@pytest.fixture(scope="module")
def sweep() -> ExponentialSweep:
    """2 s from 30 Hz to 3.8 kHz."""
    return ExponentialSweep(FS, seconds=2.0, low_hz=30.0)


def in_band_db(found: Floats, truth: Floats) -> float:
    """Error of the response between 60 Hz and 3.3 kHz, re the truth's mean there."""
    f = np.fft.rfftfreq(4096, 1 / FS)
    inside = (f > 60) & (f < 3300)
    a, b = np.fft.rfft(found, 4096)[inside], np.fft.rfft(truth, 4096)[inside]
    return 10 * float(np.log10(np.sum(np.abs(a - b) ** 2) / np.sum(np.abs(b) ** 2)))


def test_inverse_makes_a_pulse_of_unit_gain(sweep: ExponentialSweep) -> None:
    """The sweep itself becomes a pulse at lag 0, flat at 0 dB within the band."""
    pulse, zero = sweep.deconvolve(np.pad(sweep.samples, (0, 2000)))
    assert int(np.argmax(np.abs(pulse))) == zero
    spectrum = np.abs(np.fft.rfft(pulse[zero - 2000 : zero + 2000], 65536))
    f = np.fft.rfftfreq(65536, 1 / FS)
    inside = (f > 60) & (f < 3300)
    assert np.abs(20 * np.log10(spectrum[inside])).max() < 0.1


def test_frequency_grows_exponentially(sweep: ExponentialSweep) -> None:
    """Half-way through the sweep is at the geometric mean of its ends."""
    middle = len(sweep) // 2
    piece = sweep.samples[middle - 400 : middle + 400]
    crossings = np.flatnonzero(np.diff(np.sign(piece)))
    measured = FS * (len(crossings) - 1) / 2 / (crossings[-1] - crossings[0])
    assert measured == pytest.approx(np.sqrt(30 * sweep.high_hz), rel=0.02)


def test_path_comes_back_within_its_band(sweep: ExponentialSweep) -> None:
    """Noise-free: the response matches to −30 dB within the band."""
    recording = np.convolve(sweep.samples, path())
    assert in_band_db(identify_sweep(sweep, recording, 200).taps, path()) < -30


def test_noise_is_reported(sweep: ExponentialSweep) -> None:
    """At 10 dB SNR the noise it reports is the noise in the taps, within 2 dB."""
    clean = np.convolve(sweep.samples, path())
    noise = 10 ** (-10 / 20) * np.std(clean) * white(len(clean), 2)
    found = identify_sweep(sweep, clean + noise, 200)
    quiet = identify_sweep(sweep, clean, 200)
    true_db = 10 * np.log10(np.sum((found.taps - quiet.taps) ** 2) / np.sum(quiet.taps**2))
    assert found.noise_db == pytest.approx(true_db, abs=2)
    assert quiet.noise_db < found.noise_db - 10


@pytest.mark.parametrize("phase", [0.0, 1.5, 3.0, 4.5])
def test_hum_does_not_pass_for_response(sweep: ExponentialSweep, phase: float) -> None:
    """Hum as loud as the response: where it hums the taps err by less than −20 dB, as reported."""
    clean = np.convolve(sweep.samples, path())
    t = np.arange(len(clean)) / FS
    k = np.arange(1, 6)[:, None]
    hum = np.sum(np.sin(2 * np.pi * 100 * k * t + k + phase * k) / k, axis=0)
    hum *= np.std(clean) / np.std(hum)
    recording = clean + hum + 1e-3 * np.std(clean) * white(len(clean))
    found = identify_sweep(sweep, recording, 200)
    f = 100 * np.arange(1, 6)
    turns = np.exp(-2j * np.pi * np.outer(f, np.arange(200)) / FS)
    truth = turns @ identify_sweep(sweep, clean, 200).taps
    weight = np.abs(truth) / np.arange(1, 6)
    error = (turns @ found.taps - truth) / np.abs(truth)
    true_db = 20 * np.log10(np.linalg.norm(weight * np.abs(error)) / np.linalg.norm(weight))
    assert true_db < -20
    assert found.hum_db == pytest.approx(true_db, abs=6)
    assert found.error_db == max(found.noise_db, found.hum_db)


def test_distortion_is_separated_by_order(sweep: ExponentialSweep) -> None:
    """A cubic loudspeaker: third harmonic at −40 dB; the linear taps are hardly touched."""
    drive = sweep.samples
    cubic = drive + 0.04 * (4 * drive**3 - 3 * drive)
    found = identify_sweep(sweep, np.convolve(cubic, path()), 200)
    assert found.distortion_db[1] > found.distortion_db[0] + 8
    assert found.distortion_db[1] == pytest.approx(20 * np.log10(0.04), abs=6)
    assert in_band_db(found.taps, path()) < -28


def test_delay_of_the_recording_is_in_the_taps(sweep: ExponentialSweep) -> None:
    """Converter latency appears as it is."""
    recording = np.convolve(sweep.samples, np.eye(1, 300, 250)[0])
    found = identify_sweep(sweep, recording, 300)
    assert int(np.argmax(np.abs(found.taps))) == 250


def test_a_recording_that_starts_late_is_refused(sweep: ExponentialSweep) -> None:
    """A response before its cause is an alignment fault."""
    recording = np.convolve(sweep.samples, path())[150:]
    with pytest.raises(SignalError, match="starts late"):
        identify_sweep(sweep, recording, 200)


def test_bad_input_says_what_to_change(sweep: ExponentialSweep) -> None:
    """Short, silent recordings and impossible sweeps are refused."""
    with pytest.raises(SignalError, match="record to its end"):
        identify_sweep(sweep, np.zeros(100), 10)
    with pytest.raises(SignalError, match="muted"):
        identify_sweep(sweep, np.zeros(len(sweep)), 10)
    with pytest.raises(ParameterError, match="high_hz"):
        ExponentialSweep(FS, high_hz=5000)
    with pytest.raises(ParameterError, match="low_hz"):
        ExponentialSweep(FS, low_hz=4000)
    with pytest.raises(ParameterError, match="seconds"):
        ExponentialSweep(FS, seconds=0.001, fade_s=0)
    with pytest.raises(ParameterError, match="order"):
        sweep.harmonic_lead(0)
