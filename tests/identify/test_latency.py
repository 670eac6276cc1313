"""Delays that are known, in noise, in rooms and outside of what a filter reaches."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from scipy import fft, signal

from antiphase.errors import ParameterError, SignalError
from antiphase.identify.latency import (
    check_span,
    chirp_probe,
    estimate_delay,
    round_trip,
)

Floats = npt.NDArray[np.float64]
FS = 8000


def white(n: int, seed: int = 1) -> Floats:
    return np.random.default_rng(seed).standard_normal(n)


def shift(x: Floats, samples: float) -> Floats:
    """Delay by a fraction of samples, exactly, with room at the end."""
    size = 2 * len(x)
    turn = np.exp(-2j * np.pi * np.arange(size // 2 + 1) / size * samples)
    turn[-1] = turn[-1].real
    shifted: Floats = fft.irfft(fft.rfft(x, size) * turn, size)[: len(x)]
    return shifted


@pytest.mark.parametrize("delay", [0.0, 0.3, 7.5, 123.25, 499.9])
@pytest.mark.parametrize("colour", [0.0, 0.9])
def test_delay_to_a_fraction_of_a_sample(delay: float, colour: float) -> None:
    """White and coloured noise at 20 dB SNR: within a tenth of a sample."""
    x = signal.lfilter([1], [1, -colour], white(20_000))
    y = shift(x, delay) + 0.1 * np.std(x) * white(20_000, 2)
    found = estimate_delay(x, y, FS, max_delay=600)
    assert found.samples == pytest.approx(delay, abs=0.1)
    assert found.ms == pytest.approx(1000 * found.samples / FS)
    assert found.clarity_db > 6


def test_reverberation_does_not_move_the_delay() -> None:
    """The direct sound wins over a diffuse tail."""
    x = white(40_000)
    tail = white(2000, 3) * np.exp(-np.arange(2000) / 300) * 0.1
    tail[:40] = 0
    tail[37] = 1.0
    found = estimate_delay(x, np.convolve(x, tail)[: len(x)], FS, max_delay=500)
    assert found.samples == pytest.approx(37, abs=0.1)


def test_negative_lag_is_refused() -> None:
    """A response before its cause is an alignment fault, unless it is asked for."""
    x = white(8000)
    with pytest.raises(SignalError, match=r"12\.0 samples before its cause: swap"):
        estimate_delay(shift(x, 12), x, FS, max_delay=100)
    allowed = estimate_delay(shift(x, 12), x, FS, max_delay=100, allow_negative=True)
    assert allowed.samples == pytest.approx(-12, abs=0.05)


def test_a_tone_has_no_clear_delay() -> None:
    """A periodic sound fits at every period, and the clarity says so."""
    tone = np.sin(2 * np.pi * 200 * np.arange(8000) / FS) + 1e-3 * white(8000)
    found = estimate_delay(tone, shift(tone, 5) + 1e-3 * white(8000, 2), FS, max_delay=200)
    assert found.clarity_db < 3


def test_delay_refuses_silence_and_short_recordings() -> None:
    """Nothing to correlate: one line that says so."""
    x = white(1000)
    with pytest.raises(SignalError, match="silent"):
        estimate_delay(x, np.zeros(1000), FS)
    with pytest.raises(SignalError, match="too few"):
        estimate_delay(x, x, FS, max_delay=600)
    with pytest.raises(SignalError, match="delayed has 999 frames"):
        estimate_delay(x, x[1:], FS)
    with pytest.raises(ParameterError, match="max_delay=0"):
        estimate_delay(x, x, FS, max_delay=0)


@pytest.mark.parametrize("snr_db", [40.0, 0.0, -10.0])
def test_round_trip_by_chirp(snr_db: float) -> None:
    """A chirp comes back 321.4 samples later, also 10 dB below the noise."""
    probe = chirp_probe(FS, seconds=0.25)
    recording = shift(np.pad(probe, (0, 4000)), 321.4)
    noise = 10 ** (-snr_db / 20) * np.std(probe) * white(len(recording), 4)
    found = round_trip(probe, recording + noise, FS)
    assert found.samples == pytest.approx(321.4, abs=0.5 if snr_db < 20 else 0.05)


def test_a_louder_echo_is_not_the_round_trip() -> None:
    """The first peak within 6 dB counts, not the largest."""
    probe = chirp_probe(FS)
    silent = np.zeros(3000)
    recording = np.concatenate([silent[:200], probe, silent])
    recording[500 : 500 + len(probe)] += 1.5 * probe
    assert round_trip(probe, recording, FS).samples == pytest.approx(200, abs=0.2)


def test_no_probe_in_the_recording_is_said() -> None:
    """Noise alone, silence and recordings too short are refused."""
    probe = chirp_probe(FS)
    with pytest.raises(SignalError, match="play it louder"):
        round_trip(probe, white(20_000), FS)
    with pytest.raises(SignalError, match="muted"):
        round_trip(probe, np.zeros(20_000), FS)
    with pytest.raises(SignalError, match="the probe takes 800"):
        round_trip(probe, white(100), FS)


def test_probe_parameters() -> None:
    """Bands beyond fs / 2 and too short probes are refused."""
    with pytest.raises(ParameterError, match="low_hz"):
        chirp_probe(FS, high_hz=5000)
    with pytest.raises(ParameterError, match="seconds"):
        chirp_probe(FS, seconds=0.001)


def test_a_delay_outside_the_filter_says_how_many_taps() -> None:
    """900 samples late with 512 taps: refused with the number that would do."""
    with pytest.raises(SignalError, match="outside the filter span: need 901 taps"):
        check_span(900, 512)
    with pytest.raises(SignalError, match="need 1001 taps"):
        check_span(900, 1000, response=100)
    check_span(900, 901)
    with pytest.raises(SignalError, match="before its cause"):
        check_span(-3, 512)
