"""Whole files filtered and analysed block by block."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from scipy import signal as scipy_signal

from antiphase.dsp import (
    BiquadFilter,
    FIRFilter,
    FractionalDelay,
    OverlapSave,
    StreamBlock,
    butterworth,
)
from antiphase.errors import FileFormatError, SignalError
from antiphase.files import AudioWriter, analyse_file, filter_file, read_audio, write_audio

RNG = np.random.default_rng(1)


def test_filtered_file_equals_the_filtered_signal(tmp_path: Path) -> None:
    """Whatever the block size, the file holds what scipy gives for the whole."""
    signal = 0.05 * RNG.standard_normal(5000)
    write_audio(tmp_path / "a.wav", signal, 8000, subtype="DOUBLE")
    taps, sections = RNG.standard_normal(300) / 17, butterworth("highpass", 100.0, 8000)
    expected = scipy_signal.sosfilt(sections, scipy_signal.lfilter(taps, 1.0, signal))
    for block_size in (100, 4096):
        blocks: list[StreamBlock] = [OverlapSave(taps, 64), BiquadFilter(sections)]
        written = filter_file(
            tmp_path / "a.wav", tmp_path / "b.wav", blocks, subtype="DOUBLE", block_size=block_size
        )
        assert written == 5000
        np.testing.assert_allclose(read_audio(tmp_path / "b.wav")[0], expected, atol=1e-12)


def test_latency_is_taken_out(tmp_path: Path) -> None:
    """Delays in the chain leave the files aligned and of equal length."""
    signal = 0.1 * np.sin(np.arange(3000) * 0.1)
    write_audio(tmp_path / "a.wav", signal, 8000, subtype="DOUBLE")
    filter_file(tmp_path / "a.wav", tmp_path / "b.wav", [FractionalDelay(100.0)], subtype="DOUBLE")
    np.testing.assert_allclose(read_audio(tmp_path / "b.wav")[0], signal, atol=1e-5)


def test_channels_follow_the_blocks(tmp_path: Path) -> None:
    """A matrix from two channels to three gives a file of three."""
    write_audio(tmp_path / "a.wav", 0.1 * RNG.standard_normal((1000, 2)), 8000)
    filter_file(tmp_path / "a.wav", tmp_path / "b.wav", [FIRFilter(np.ones((3, 2, 4)) / 8)])
    assert read_audio(tmp_path / "b.wav")[0].shape == (1000, 3)
    with pytest.raises(SignalError, match="must have 1"):
        filter_file(tmp_path / "a.wav", tmp_path / "c.wav", [FIRFilter(np.ones(4))])
    assert not (tmp_path / "c.wav").exists()


def test_a_file_is_not_filtered_into_itself(tmp_path: Path) -> None:
    """The source is not destroyed."""
    write_audio(tmp_path / "a.wav", np.zeros(100), 8000)
    with pytest.raises(FileFormatError, match="is the source itself"):
        filter_file(tmp_path / "a.wav", tmp_path / ".." / tmp_path.name / "a.wav", [])


def test_analysis_equals_numpy_and_scipy(tmp_path: Path) -> None:
    """Levels, peaks, clipped samples and spectrum of each channel."""
    signal = np.clip(0.3 * RNG.standard_normal((40_000, 2)) * [1, 2], -1, 1)
    write_audio(tmp_path / "a.wav", signal, 16000, subtype="DOUBLE")
    got = analyse_file(tmp_path / "a.wav", n_segment=1024, block_size=777)
    assert (got.fs, got.frames) == (16000, 40_000)
    np.testing.assert_allclose(got.rms, np.sqrt(np.mean(signal**2, axis=0)))
    np.testing.assert_allclose(got.peak, np.abs(signal).max(axis=0))
    np.testing.assert_array_equal(got.clipped, np.sum(np.abs(signal) >= 1, axis=0))
    frequency, density = scipy_signal.welch(signal, 16000, nperseg=1024, axis=0)
    np.testing.assert_allclose(got.frequency_hz, frequency)
    np.testing.assert_allclose(got.density, density, rtol=1e-9)


def test_short_files_get_short_segments(tmp_path: Path) -> None:
    """A hundred frames are analysed; five are refused."""
    write_audio(tmp_path / "a.wav", 0.1 * RNG.standard_normal(100), 8000)
    assert len(analyse_file(tmp_path / "a.wav").frequency_hz) > 8
    write_audio(tmp_path / "b.wav", 0.1 * RNG.standard_normal(5), 8000)
    with pytest.raises(FileFormatError, match="5 frames are too few"):
        analyse_file(tmp_path / "b.wav")


def test_hours_are_filtered_and_analysed_in_constant_memory(tmp_path: Path) -> None:
    """Three hours at 500 Hz through a 500-tap filter, held in a few megabytes."""
    second = 0.1 * np.sin(2 * np.pi * 50 * np.arange(30_000) / 500)
    with AudioWriter(tmp_path / "long.flac", 500, subtype="PCM_16") as writer:
        for _ in range(180):
            writer.write(second)
    tracemalloc.start()
    block = FIRFilter(np.eye(1, 500, 400)[0])
    frames = filter_file(tmp_path / "long.flac", tmp_path / "out.flac", [block], subtype="PCM_16")
    analysis = analyse_file(tmp_path / "out.flac", n_segment=1000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert frames == analysis.frames == 5_400_000
    assert analysis.rms[0] == pytest.approx(0.1 / np.sqrt(2), rel=1e-3)
    assert peak < 2e7 < 8 * frames
