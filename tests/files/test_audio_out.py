"""Written files as other software reads them."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from scipy.io import wavfile

from antiphase.errors import FileFormatError, ParameterError, SignalError
from antiphase.files import AudioWarning, AudioWriter, read_audio, write_audio

SIGNAL = 0.5 * np.sin(np.arange(1000) * 0.05)


def write_in_blocks(path: Path, *blocks: npt.NDArray[np.float64]) -> None:
    with AudioWriter(path, 8000) as writer:
        for block in blocks:
            writer.write(block)


@pytest.mark.filterwarnings("ignore::scipy.io.wavfile.WavFileWarning")
def test_wave_module_reads_what_we_write(tmp_path: Path) -> None:
    """16 bit by Python's wave, float by scipy."""
    write_audio(tmp_path / "a.wav", SIGNAL, 16000, subtype="PCM_16")
    with wave.open(str(tmp_path / "a.wav")) as file:
        assert (file.getnchannels(), file.getframerate(), file.getnframes()) == (1, 16000, 1000)
        raw = np.frombuffer(file.readframes(1000), dtype="<i2")
    np.testing.assert_allclose(raw / 32768, SIGNAL, atol=1 / 32768)
    write_audio(tmp_path / "f.wav", 3 * SIGNAL, 16000, subtype="FLOAT")
    np.testing.assert_allclose(wavfile.read(tmp_path / "f.wav")[1], 3 * SIGNAL, atol=1e-6)


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.w64", "a.rf64", "a.aiff", "a.caf"])
def test_round_trip_of_every_format(tmp_path: Path, name: str) -> None:
    """24 bits come back as written, stereo too."""
    stereo = np.column_stack([SIGNAL, -SIGNAL])
    write_audio(tmp_path / name, stereo, 48000)
    got, fs = read_audio(tmp_path / name)
    assert fs == 48000
    np.testing.assert_allclose(got, stereo, atol=2**-23)


def test_blocks_make_the_same_file(tmp_path: Path) -> None:
    """Written in blocks or at once: the same bytes."""
    write_audio(tmp_path / "whole.wav", SIGNAL, 8000)
    write_in_blocks(tmp_path / "parts.wav", *np.split(SIGNAL, [1, 2, 500]))
    assert (tmp_path / "whole.wav").read_bytes() == (tmp_path / "parts.wav").read_bytes()


def test_clipping_is_refused_and_leaves_no_file(tmp_path: Path) -> None:
    """Samples beyond full scale are counted in the refusal; no half file stays."""
    with pytest.raises(FileFormatError, match=r"exceed full scale by up to 6\.0 dB"):
        write_audio(tmp_path / "a.wav", 4 * SIGNAL, 8000)
    assert list(tmp_path.iterdir()) == []


def test_clipping_on_request_warns(tmp_path: Path) -> None:
    """Clipped on purpose: done, counted and told."""
    with pytest.warns(AudioWarning, match="samples were clipped"):
        write_audio(tmp_path / "a.wav", 4 * SIGNAL, 8000, clipping="clip")
    assert np.abs(read_audio(tmp_path / "a.wav")[0]).max() <= 1


def test_scaling_on_request_tells_the_factor(tmp_path: Path) -> None:
    """Too loud: brought to −1 dB, factor returned; else left as it is."""
    factor = write_audio(tmp_path / "a.wav", 4 * SIGNAL, 8000, clipping="scale")
    got, _ = read_audio(tmp_path / "a.wav")
    np.testing.assert_allclose(got, 4 * SIGNAL * factor, atol=2**-22)
    assert 20 * np.log10(np.abs(got).max()) == pytest.approx(-1, abs=0.01)
    assert write_audio(tmp_path / "b.wav", SIGNAL, 8000, clipping="scale") == 1


def test_an_error_in_the_middle_leaves_the_old_file(tmp_path: Path) -> None:
    """A file appears under its name only when complete."""
    write_audio(tmp_path / "a.wav", SIGNAL, 8000)
    before = (tmp_path / "a.wav").read_bytes()
    with pytest.raises(SignalError):
        write_in_blocks(tmp_path / "a.wav", SIGNAL, np.array([np.nan]))
    assert (tmp_path / "a.wav").read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(
    ("name", "fs", "kwargs", "message"),
    [
        ("a.mp4", 8000, {}, "extension='.mp4' must be one of .wav"),
        ("a.wav", 8000.5, {}, "fs=8000.5"),
        ("a.flac", 8000, {"subtype": "FLOAT"}, "subtype='FLOAT' must be one that .flac"),
        ("a.wav", 8000, {"clipping": "ignore"}, "clipping='ignore'"),
    ],
)
def test_what_can_not_be_written_is_refused(
    tmp_path: Path, name: str, fs: float, kwargs: dict[str, str], message: str
) -> None:
    """Unknown extension, rate, sample format or rule: one line that says what fits."""
    with pytest.raises(ParameterError, match=message):
        write_audio(tmp_path / name, SIGNAL, fs, **kwargs)  # type: ignore[arg-type]


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    """The reason is the system's, in one line."""
    with pytest.raises(FileFormatError, match="can't be written"):
        write_audio(tmp_path / "none" / "a.wav", SIGNAL, 8000)
