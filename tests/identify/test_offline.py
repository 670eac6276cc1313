"""Off-line identification against known paths and the error that theory predicts."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from scipy import signal

from antiphase.errors import ParameterError, SignalError
from antiphase.identify.offline import identify_mls, identify_path, mls

Floats = npt.NDArray[np.float64]


def white(n: int, seed: int = 1) -> Floats:
    return np.random.default_rng(seed).standard_normal(n)


def path(n: int = 64, seed: int = 7) -> Floats:
    taps = white(n, seed) * np.exp(-np.arange(n) / (n / 6))
    taps[:5] = 0
    return taps


def error_db(estimate: Floats, truth: Floats) -> float:
    return 10 * float(np.log10(np.sum((estimate - truth) ** 2) / np.sum(truth**2)))


def test_noise_free_path_is_found_exactly() -> None:
    """Without noise the true taps come back to rounding."""
    y, s = white(4000), path()
    estimate = identify_path(y, np.convolve(y, s)[:4000], 64, ridge=0.0)
    np.testing.assert_allclose(estimate.taps, s, atol=1e-11)
    assert estimate.unexplained_db < -200


@pytest.mark.parametrize("colour", [0.0, 0.5])
def test_error_is_as_large_as_it_says(colour: float) -> None:
    """5 s at 20 dB SNR: the error it reports is the error it has, near n_taps / (N·SNR)."""
    n = 80_000
    y, s = signal.lfilter([1], [1, -colour], white(n)), path(128)
    clean = np.convolve(y, s)[:n]
    estimate = identify_path(y, clean + 0.1 * np.std(clean) * white(n, 2), 128)
    shaped = np.convolve(y, estimate.taps - s)[:n]
    true_db = 10 * np.log10(np.sum(shaped**2) / np.sum(clean**2))
    assert estimate.error_db == pytest.approx(true_db, abs=1.5)
    assert estimate.error_db == pytest.approx(10 * np.log10(128 / n * 0.01), abs=1.5)
    assert estimate.unexplained_db == pytest.approx(-20, abs=0.3)


def test_several_loudspeakers_at_once() -> None:
    """Independent noises identify all paths in one recording, [mic, loudspeaker, taps]."""
    y = white(20_000).reshape(10_000, 2)
    s = np.array([[path(32, 10 * m + k) for k in range(2)] for m in range(3)])
    r = np.stack(
        [sum(np.convolve(y[:, k], s[m, k])[:10_000] for k in range(2)) for m in range(3)], axis=1
    )
    estimate = identify_path(y, r, 32, ridge=0.0)
    np.testing.assert_allclose(estimate.taps, s, atol=1e-11)


def test_start_uses_the_history() -> None:
    """From a start inside the run the drive before it still counts."""
    y, s = white(3000), path()
    estimate = identify_path(y, np.convolve(y, s)[:3000], 64, start=1000, ridge=0.0)
    np.testing.assert_allclose(estimate.taps, s, atol=1e-11)


def test_a_path_longer_than_the_model_shows_as_unexplained() -> None:
    """Cutting the model to a quarter leaves a share that is reported."""
    y, s = white(40_000), white(64, 3)
    estimate = identify_path(y, np.convolve(y, s)[:40_000], 16)
    cut = 10 * np.log10(np.sum(s[16:] ** 2) / np.sum(s**2))
    assert estimate.unexplained_db == pytest.approx(cut, abs=0.2)


def test_a_delay_outside_the_model_is_found() -> None:
    """300 samples late with 64 taps: refused with the number of taps that would do."""
    y = white(8000)
    with pytest.raises(SignalError, match="outside the filter span: need 301 taps"):
        identify_path(y, np.concatenate([np.zeros(300), y[:-300]]), 64)
    with pytest.raises(SignalError, match="before its cause"):
        identify_path(np.concatenate([np.zeros(20), y[:-20]]), y, 64)


def test_a_response_that_has_nothing_to_do_with_the_drive_is_reported() -> None:
    """Loudspeaker off: everything stays unexplained, and nothing is claimed."""
    estimate = identify_path(white(8000), white(8000, 2), 64)
    assert estimate.unexplained_db > -0.5
    assert estimate.error_db > -3
    silent = identify_path(white(8000), np.zeros(8000), 64)
    assert not silent.taps.any()


@pytest.mark.parametrize("order", [2, 5, 10, 15])
def test_mls_has_the_autocorrelation_of_one(order: int) -> None:
    """(L, −1, −1, …): what makes the correlation method exact."""
    sequence = mls(order)
    assert len(sequence) == 2**order - 1
    correlation = np.fft.ifft(np.abs(np.fft.fft(sequence)) ** 2).real
    np.testing.assert_allclose(correlation[0], len(sequence))
    np.testing.assert_allclose(correlation[1:], -1, atol=1e-6)


def test_mls_identifies_exactly() -> None:
    """A noise-free path comes back to rounding, offset included."""
    s = path(100)
    drive = np.tile(mls(9), 3)
    estimate = identify_mls(np.convolve(drive, s)[: len(drive)], 9, 100)
    np.testing.assert_allclose(estimate.taps, s, atol=1e-11)


def test_mls_reports_its_error() -> None:
    """With noise the spread between the periods tells the error."""
    s, order = path(100), 12
    drive = np.tile(mls(order), 9)
    clean = np.convolve(drive, s)[: len(drive)]
    estimate = identify_mls(clean + 0.3 * np.std(clean) * white(len(drive), 2), order, 100)
    assert estimate.error_db == pytest.approx(error_db(estimate.taps, s), abs=2)


def test_bad_input_says_what_to_change() -> None:
    """Silence, short recordings and unequal lengths are refused in one line."""
    y = white(100)
    with pytest.raises(SignalError, match="drive is silent"):
        identify_path(np.zeros(100), y, 4)
    with pytest.raises(SignalError, match="100 frames can't fix 200 unknowns; record longer"):
        identify_path(y, y, 200)
    with pytest.raises(SignalError, match="response has 99 frames but drive has 100"):
        identify_path(y, y[1:], 4)
    with pytest.raises(ParameterError, match="n_taps=0"):
        identify_path(y, y, 0)
    with pytest.raises(SignalError, match="two periods take 126"):
        identify_mls(y, 6)
    with pytest.raises(ParameterError, match="order=1"):
        mls(1)
    with pytest.raises(ParameterError, match="n_taps=64"):
        identify_mls(y, 5, 64)
