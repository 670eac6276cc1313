"""Rate conversion against the definition, sines and the stated passband and stopband."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal as scipy_signal

from antiphase.dsp import (
    DriftResampler,
    FractionalDelay,
    PolyphaseResampler,
    resample,
)
from antiphase.dsp.resample import rate_ratio
from antiphase.errors import ParameterError

Floats = npt.NDArray[np.float64]
RATIOS = [(1, 1), (1, 6), (6, 1), (1, 3), (147, 160), (160, 147), (2, 3), (441, 80)]


@pytest.mark.parametrize(("up", "down"), RATIOS)
def test_equals_the_definition(up: int, down: int) -> None:
    """Stuffing zeros, filtering with the prototype and keeping each down-th sample: the same."""
    signal = np.random.default_rng(1).standard_normal(197)
    converter = PolyphaseResampler(up, down)
    stuffed = np.zeros(len(signal) * up)
    stuffed[::up] = signal
    expected = scipy_signal.fftconvolve(stuffed, converter._taps)[: len(stuffed) : down]
    np.testing.assert_allclose(converter.process(signal), expected, rtol=0, atol=1e-11)


@settings(max_examples=20)
@given(
    st.sampled_from(RATIOS),
    st.lists(st.integers(0, 300), min_size=1, max_size=15),
    st.sampled_from(["linear", "minimum"]),
)
def test_block_size_invariance(ratio: tuple[int, int], splits: list[int], phase: str) -> None:
    """Any split gives the same frames, ⌈n·up/down⌉ of them in all."""
    signal = np.random.default_rng(2).standard_normal((sum(splits), 2))
    up, down = ratio

    def make() -> PolyphaseResampler:
        return PolyphaseResampler(up, down, phase=phase, channels=2)  # type: ignore[arg-type]

    whole, parts = make().process(signal), make()
    pieces = np.split(signal, np.cumsum(splits)[:-1])
    joined = np.concatenate([parts.process(piece) for piece in pieces])
    assert len(whole) == -(-len(signal) * up // down)
    np.testing.assert_allclose(joined, whole, rtol=0, atol=1e-12)


@pytest.mark.parametrize("phase", ["linear", "minimum"])
@pytest.mark.parametrize(("up", "down"), [r for r in RATIOS if r != (1, 1)])
def test_passband_and_stopband_as_stated(up: int, down: int, phase: str) -> None:
    """Ripple and rejection of the prototype are 90 dB down (+1) in the stated bands."""
    converter = PolyphaseResampler(up, down, phase=phase)  # type: ignore[arg-type]
    larger = max(up, down)
    _, response = scipy_signal.freqz(converter._taps / up, worN=1 << 17, fs=1.0)
    grid = np.arange(1 << 17) / (1 << 18)
    gain = np.abs(response[grid <= 0.9 * 0.5 / larger])
    rest = np.abs(response[grid >= 1.1 * 0.5 / larger])
    assert 20 * np.log10(np.abs(gain - 1).max()) < -89
    assert 20 * np.log10(rest.max()) < -89


@pytest.mark.parametrize(("up", "down"), RATIOS)
def test_latency_of_linear_phase_is_exact(up: int, down: int) -> None:
    """A sine comes out delayed by `latency` whole output samples, to the ripple's accuracy."""
    converter = PolyphaseResampler(up, down)
    omega = 0.3 * min(1, up / down)
    out = converter.process(np.sin(omega * np.arange(4000)))
    m = np.arange(len(out)) - converter.latency
    settled = slice(2 * converter.latency + 10, None)
    expected = np.sin(omega * m * down / up)
    np.testing.assert_allclose(out[settled], expected[settled], rtol=0, atol=1e-4)


def test_minimum_phase_is_early() -> None:
    """From 48 to 8 kHz minimum phase saves most of the delay at low frequencies."""
    linear, minimum = PolyphaseResampler(1, 6), PolyphaseResampler(1, 6, phase="minimum")
    assert minimum.delay < 0.3 * linear.delay
    n = np.arange(20000)
    out = minimum.process(np.sin(2 * np.pi * 100 / 48000 * n))
    m = np.arange(len(out)) - minimum.delay
    np.testing.assert_allclose(
        out[500:], np.sin(2 * np.pi * 100 / 8000 * m)[500:], rtol=0, atol=1e-3
    )


@pytest.mark.parametrize(("fs_in", "fs_out"), [(48000, 8000), (8000, 48000), (44100, 16000)])
def test_whole_signals_stay_aligned(fs_in: int, fs_out: int) -> None:
    """A windowed tone at another rate is the same function of time, from first to last frame."""
    t_in, t_out = np.arange(fs_in) / fs_in, np.arange(fs_out) / fs_out

    def tone(t: Floats) -> Floats:
        return np.asarray(np.sin(2 * np.pi * 440 * t) * np.sin(np.pi * t) ** 2)

    stereo = np.column_stack([tone(t_in), -tone(t_in)])
    got = resample(stereo, fs_in, fs_out)
    assert got.shape == (fs_out, 2)
    np.testing.assert_allclose(got[:, 0], tone(t_out), rtol=0, atol=1e-4)
    np.testing.assert_allclose(got[:, 1], -tone(t_out), rtol=0, atol=1e-4)


def test_aliases_are_rejected() -> None:
    """A tone above the new Nyquist frequency vanishes by 100 dB instead of folding back."""
    out = resample(np.sin(2 * np.pi * 7000 * np.arange(48000) / 48000), 48000, 8000)
    assert 20 * np.log10(np.abs(out[200:-200]).max()) < -99


def test_rate_ratio_in_lowest_terms() -> None:
    """44.1 kHz to 48 kHz is 160 / 147; what has no small ratio is refused."""
    assert rate_ratio(44100, 48000) == (160, 147)
    assert rate_ratio(8000, 8000) == (1, 1)
    assert rate_ratio(22050, 16000) == (320, 441)
    with pytest.raises(ParameterError, match="integers up to 1024"):
        rate_ratio(48000, 47999)


@settings(max_examples=25)
@given(st.lists(st.integers(0, 300), min_size=1, max_size=15), st.sampled_from([1.0, 1.00037, 0.4]))
def test_drift_resampler_is_block_size_invariant(splits: list[int], ratio: float) -> None:
    """Any split gives exactly the same frames: positions are integers."""
    signal = np.random.default_rng(3).standard_normal((sum(splits), 2))
    whole = DriftResampler(ratio, channels=2).process(signal)
    parts = DriftResampler(ratio, channels=2)
    pieces = np.split(signal, np.cumsum(splits)[:-1])
    joined = np.concatenate([parts.process(piece) for piece in pieces])
    np.testing.assert_allclose(joined, whole, rtol=0, atol=1e-13)


@pytest.mark.parametrize("ratio", [1.0, 1 + 500e-6, 1 - 500e-6, 1.5, 0.5, 48000 / 44100])
def test_drift_resampler_reads_the_sine_at_its_instants(ratio: float) -> None:
    """Output m is the input at instant (m − delay) / ratio, at the stated accuracy."""
    converter = DriftResampler(ratio)
    omega = 0.8 * np.pi * min(1.0, ratio)
    out = converter.process(np.sin(omega * np.arange(6000)))
    m = np.arange(len(out))
    expected = np.sin(omega * (m / ratio - converter.delay / ratio))
    error = np.abs(out - expected)[300:].max()
    assert 20 * np.log10(error) < -converter.accuracy_db + 1
    assert abs(len(out) - 6000 * ratio) < 2


def test_drift_resampler_follows_a_changing_clock() -> None:
    """Steering the ratio in mid-stream bends time from there on without a click."""
    converter = DriftResampler()
    tone = np.sin(0.5 * np.arange(9000))
    first = converter.process(tone[:4000])
    converter.ratio = 1 + 300e-6
    second = converter.process(tone[4000:])
    out = np.concatenate([first, second])
    instants = np.concatenate(
        [np.arange(len(first)), len(first) + np.arange(len(second)) / (1 + 300e-6)]
    )
    expected = np.sin(0.5 * (instants - converter.delay))
    np.testing.assert_allclose(out[100:], expected[100:], rtol=0, atol=5e-5)


def test_drift_resampler_undoes_a_drift() -> None:
    """Out by 200 ppm and back again is the signal, delayed."""
    signal = scipy_signal.lfilter(
        scipy_signal.firwin(101, 0.6), 1.0, np.random.default_rng(4).standard_normal(8000)
    )
    there = DriftResampler(1 + 200e-6)
    back = DriftResampler(1 / (1 + 200e-6))
    out = back.process(there.process(signal))
    # 32 input samples on the way there, 32 of the faster clock on the way back.
    expected = FractionalDelay(32 + 32 / (1 + 200e-6)).process(signal)
    np.testing.assert_allclose(out[200:7900], expected[200:7900], rtol=0, atol=5e-4)


def test_days_do_not_creep() -> None:
    """The position after a hundred million frames is exact to a millionth of a sample."""
    converter = DriftResampler(1 + 123.456e-6)
    ideal = (1 << 40) / (1 + 123.456e-6)
    assert abs(converter._step - ideal) / (1 << 40) * 1e8 < 1e-4


def test_bad_parameters_are_refused() -> None:
    """Each parameter outside its range is named."""
    with pytest.raises(ParameterError, match="up=0"):
        PolyphaseResampler(0, 1)
    with pytest.raises(ParameterError, match="attenuation_db=10"):
        PolyphaseResampler(1, 2, attenuation_db=10)
    with pytest.raises(ParameterError, match="'linear' or 'minimum'"):
        PolyphaseResampler(1, 2, phase="zero")  # type: ignore[arg-type]
    with pytest.raises(ParameterError, match=r"ratio=20 must be in \[1/16, 16\]"):
        DriftResampler(20)
    drift = DriftResampler(max_deviation_ppm=100)
    with pytest.raises(ParameterError, match="within 100 ppm of 1"):
        drift.ratio = 1.001
