"""Measured paths."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import signal

from antiphase.errors import SignalError
from antiphase.files import read_audio, read_path, write_audio
from antiphase.identify import ExponentialSweep
from antiphase.simulation.measurement import measure_paths, write_measurement, write_sweep

FS = 16000.0
SWEEP = {"seconds": 2.0, "low_hz": 30.0, "high_hz": 7600.0}


def path(delay: int, seed: int) -> np.ndarray:
    """Return a decaying response after a pure delay, within the sweep's band."""
    rng = np.random.default_rng(seed)
    taps = np.zeros(512)
    taps[delay:] = rng.standard_normal(512 - delay) * np.exp(-np.arange(512 - delay) / 40)
    taps[delay] = 3.0
    band = signal.butter(2, [100, 5000], "bandpass", fs=FS, output="sos")
    return np.asarray(signal.sosfilt(band, taps))


def record(
    folder: Path, paths: np.ndarray, *, noise: float = 1e-4, square: float = 0.0
) -> list[Path]:
    """Play the written sweep through paths [mic, loudspeaker, taps] and record each loudspeaker."""
    write_sweep(folder / "sweep.wav", ExponentialSweep(FS, **SWEEP))
    played, _ = read_audio(folder / "sweep.wav")
    rng = np.random.default_rng(0)
    files = []
    for k in range(paths.shape[1]):
        drive = played + square * played**2
        channels = [signal.oaconvolve(drive, s)[: len(drive)] for s in paths[:, k]]
        frames = np.stack(channels, axis=1) / 16
        frames += noise * rng.standard_normal(frames.shape)
        files.append(folder / f"loudspeaker{k}.wav")
        write_audio(files[-1], frames, FS)
    return files


def test_paths_come_back_from_their_recordings(tmp_path: Path) -> None:
    """Two loudspeakers and two microphones give four paths, each within −35 dB of the truth."""
    true = np.array([[path(20, 0), path(35, 1)], [path(50, 2), path(65, 3)]])
    measured = measure_paths(record(tmp_path, true), n_taps=512, **SWEEP)
    error = np.sum((16 * measured.taps - true) ** 2) / np.sum(true**2)
    assert 10 * np.log10(error) < -35
    np.testing.assert_allclose(
        measured.arrival_ms, np.array([[20, 35], [50, 65]]) / FS * 1000, atol=2 / FS * 1000
    )
    assert measured.verdict.startswith("Good enough")


def test_the_path_file_holds_what_was_measured(tmp_path: Path) -> None:
    """What is written is what a scenario reads, and a page lies beside it."""
    measured = measure_paths(record(tmp_path, path(20, 0)[None, None]), n_taps=300, **SWEEP)
    page = write_measurement(measured, tmp_path / "deep" / "paths.npz")
    assert page.is_file()
    found = read_path(tmp_path / "deep" / "paths.npz")
    np.testing.assert_allclose(np.ravel(found.taps), np.ravel(measured.taps))
    assert found.fs == FS


def test_a_noisy_measurement_says_so(tmp_path: Path) -> None:
    """With noise as loud as the sweep the verdict asks for another measurement."""
    files = record(tmp_path, path(20, 0)[None, None], noise=0.15)
    assert "play louder" in measure_paths(files, n_taps=512, **SWEEP).verdict


def test_a_distorting_loudspeaker_is_named(tmp_path: Path) -> None:
    """A loudspeaker with a strong square term is told to play more quietly."""
    files = record(tmp_path, path(20, 0)[None, None], square=1.0)
    assert "distorts" in measure_paths(files, n_taps=512, **SWEEP).verdict


def test_recordings_of_different_shape_are_refused(tmp_path: Path) -> None:
    """All recordings must have one rate and the same microphones."""
    true = np.array([[path(20, 0), path(35, 1)], [path(50, 2), path(65, 3)]])
    files = record(tmp_path, true)
    write_audio(files[1], np.zeros((40000, 1)), FS)
    with pytest.raises(SignalError, match="loudspeaker1"):
        measure_paths(files, n_taps=512, **SWEEP)
