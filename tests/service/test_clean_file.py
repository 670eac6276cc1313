"""Cancellation of recordings, against a talker and a noise that are known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from scipy import signal

from antiphase.errors import FileFormatError, SignalError
from antiphase.files.audio import read_audio
from antiphase.files.audio_out import write_audio
from antiphase.service.clean_file import check_recording, clean_file
from tests.service.recording import FS, talk_and_noise

Floats = npt.NDArray[np.float64]


def gain_db(talker: Floats, before: Floats, after: Floats) -> float:
    """Return by how much the signal-to-noise ratio is better."""
    noise = [np.sum((side - talker) ** 2) for side in (before, after)]
    return float(10 * np.log10(noise[0] / noise[1]))


@pytest.mark.parametrize("delay_ms", [7.0, -4.0, 180.0])
def test_the_noise_goes_and_the_talker_stays(tmp_path: Path, delay_ms: float) -> None:
    """15 dB better signal-to-noise ratio, the talker within 1 dB, wherever the reference stands."""
    talker, primary, reference = talk_and_noise(12.0, delay_ms)
    write_audio(tmp_path / "p.wav", primary, FS)
    write_audio(tmp_path / "r.wav", reference, FS)
    shares: list[float] = []
    report = clean_file(tmp_path / "p.wav", tmp_path / "r.wav", tmp_path / "c.wav", shares.append)
    after, fs = read_audio(tmp_path / "c.wav")
    assert fs == FS
    assert len(after) == len(primary)
    assert gain_db(talker, primary, after) >= 15
    level = np.sum(after * talker) / np.sum(talker**2)
    assert abs(20 * np.log10(level)) <= 1
    assert report.delay_ms == pytest.approx(delay_ms, abs=1.0)
    assert report.pause_reduction_db >= 15
    whole = 10 * np.log10(np.mean(primary**2) / np.mean(after**2))
    assert report.reduction_db == pytest.approx(whole, abs=0.2)
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_two_channels_of_one_file_and_other_rates(tmp_path: Path) -> None:
    """Left is the talker, right the reference; a reference at another rate is converted."""
    talker, primary, reference = talk_and_noise(8.0, 5.0)
    write_audio(tmp_path / "both.flac", np.stack([primary, reference], axis=1), FS)
    clean_file(tmp_path / "both.flac", None, tmp_path / "c.wav", lambda _: None)
    stereo, _ = read_audio(tmp_path / "c.wav")
    assert gain_db(talker, primary, stereo) >= 15
    write_audio(tmp_path / "p.wav", primary, FS)
    write_audio(tmp_path / "r.wav", 0.9 * signal.resample_poly(reference, 3, 1), 3 * FS)
    clean_file(tmp_path / "p.wav", tmp_path / "r.wav", tmp_path / "d.wav", lambda _: None)
    converted, _ = read_audio(tmp_path / "d.wav")
    assert gain_db(talker, primary, converted) >= 15


def test_a_reference_that_hears_something_else_does_no_harm(tmp_path: Path) -> None:
    """The result is not louder than the recording by more than 0.5 dB, in no second."""
    _, primary, _ = talk_and_noise(10.0, 5.0)
    other = 0.1 * np.random.default_rng(9).standard_normal(len(primary))
    write_audio(tmp_path / "p.wav", primary, FS)
    write_audio(tmp_path / "r.wav", other, FS)
    report = clean_file(tmp_path / "p.wav", tmp_path / "r.wav", tmp_path / "c.wav", lambda _: None)
    louder = np.subtract(report.level_after_db, report.level_before_db)
    assert louder.max() <= 0.5


def test_what_can_not_be_processed_is_said(tmp_path: Path) -> None:
    """One channel alone, too short, no audio, a silent reference: one line each."""
    _, primary, reference = talk_and_noise(2.0, 5.0)
    write_audio(tmp_path / "p.wav", primary, FS)
    with pytest.raises(FileFormatError, match="has one channel"):
        check_recording(tmp_path / "p.wav", None)
    write_audio(tmp_path / "short.wav", reference[: FS // 2], FS)
    with pytest.raises(FileFormatError, match="too short"):
        check_recording(tmp_path / "p.wav", tmp_path / "short.wav")
    (tmp_path / "text.wav").write_text("no sound")
    with pytest.raises(FileFormatError, match="not readable as audio"):
        check_recording(tmp_path / "text.wav", None)
    write_audio(tmp_path / "silent.wav", np.zeros(2 * FS), FS)
    assert check_recording(tmp_path / "p.wav", tmp_path / "silent.wav") == 2.0
    with pytest.raises(SignalError, match="silent"):
        clean_file(tmp_path / "p.wav", tmp_path / "silent.wav", tmp_path / "c.wav", lambda _: None)
    assert not (tmp_path / "c.wav").exists()
