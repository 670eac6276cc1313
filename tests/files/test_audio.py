"""Audio files that other software wrote, whole and damaged, read or refused with the reason."""

from __future__ import annotations

import struct
import tracemalloc
import wave
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import pytest
from scipy.io import wavfile

from antiphase.dsp import resample
from antiphase.errors import FileFormatError, ParameterError
from antiphase.files import AudioWarning, read_audio, stream_audio, write_audio

Floats = npt.NDArray[np.float64]
RNG = np.random.default_rng(1)


def pcm(width: int, channels: int, n: int = 500) -> tuple[bytes, Floats]:
    """Random samples as little-endian PCM bytes and as what they mean."""
    top = 1 << (8 * width - 1)
    values = RNG.integers(-top, top, (n, channels))
    shifted = values + 128 if width == 1 else values
    raw = b"".join(int(v).to_bytes(width, "little", signed=width > 1) for v in shifted.ravel())
    return raw, np.asarray(values / top, dtype=np.float64)


def riff(*chunks: tuple[bytes, bytes], pad: bool = True) -> bytes:
    """Put chunks into a RIFF/WAVE file."""
    body = b"".join(
        name + struct.pack("<I", len(data)) + data + (b"\0" * (len(data) % 2) if pad else b"")
        for name, data in chunks
    )
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WAVE" + body


def fmt(tag: int, channels: int, fs: int, bits: int) -> bytes:
    """Make the fmt chunk of a plain WAV file."""
    align = channels * bits // 8
    return struct.pack("<HHIIHH", tag, channels, fs, fs * align, align, bits)


@pytest.mark.parametrize("width", [1, 2, 3, 4])
@pytest.mark.parametrize(("channels", "fs"), [(1, 8000), (2, 44100), (10, 192000)])
def test_pcm_of_any_width_channels_and_rate(
    tmp_path: Path, width: int, channels: int, fs: int
) -> None:
    """8, 16, 24, 32 bit, up to 10 channels and 192 kHz, written by Python's own wave module."""
    raw, expected = pcm(width, channels)
    with wave.open(str(tmp_path / "a.wav"), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(fs)
        file.writeframes(raw)
    signal, rate = read_audio(tmp_path / "a.wav")
    assert rate == fs
    assert signal.shape == ((500,) if channels == 1 else (500, channels))
    np.testing.assert_allclose(signal.reshape(500, channels), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("kind", [np.float32, np.float64, np.int32, np.int16, np.uint8])
def test_what_scipy_writes(tmp_path: Path, kind: type[np.generic]) -> None:
    """Float and integer files of scipy, float beyond full scale included."""
    shape = np.sin(np.arange(300) * 0.1)
    if np.issubdtype(kind, np.floating):
        data, expected = (3 * shape).astype(kind), 3 * shape
    else:
        info = np.iinfo(np.dtype(kind))
        middle = (int(info.max) + int(info.min) + 1) // 2
        half = (int(info.max) - int(info.min) + 1) / 2
        data = (middle + np.round(0.5 * half * shape)).astype(kind)
        expected = 0.5 * shape
    wavfile.write(tmp_path / "s.wav", 16000, data)
    signal, fs = read_audio(tmp_path / "s.wav")
    assert fs == 16000
    np.testing.assert_allclose(signal, expected, atol=0.01 if kind is np.uint8 else 2e-5)


@pytest.mark.parametrize(
    ("name", "codec", "layout", "exact"),
    [("a.flac", "flac", "s16", True), ("a.ogg", "libopus", "s16", False)],
)
def test_what_ffmpeg_writes(
    tmp_path: Path, name: str, codec: str, layout: str, *, exact: bool
) -> None:
    """FLAC to the bit and Opus in OGG to the ear, as written by FFmpeg's libraries."""
    tone = (0.5 * 32767 * np.sin(2 * np.pi * 440 * np.arange(48000) / 48000)).astype(np.int16)
    with av.open(str(tmp_path / name), "w") as container:
        stream = container.add_stream(codec, rate=48000, layout="mono")
        assert isinstance(stream, av.AudioStream)
        frame = av.AudioFrame.from_ndarray(tone[None], format=layout, layout="mono")
        frame.sample_rate = 48000
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)
    signal, fs = read_audio(tmp_path / name)
    assert fs == 48000
    if exact:
        np.testing.assert_array_equal(signal, tone / 32768)
    else:
        middle = signal[4000:40000]
        lines = np.abs(np.fft.rfft(middle * np.hanning(36000)))
        assert np.argmax(lines) * 48000 / 36000 == pytest.approx(440, abs=1)
        assert np.std(middle) == pytest.approx(0.5 / np.sqrt(2), rel=0.03)


def test_extensible_header(tmp_path: Path) -> None:
    """WAVE_FORMAT_EXTENSIBLE, 24 bits in 24-bit containers, as recorders with many inputs write."""
    raw, expected = pcm(3, 4)
    guid = struct.pack("<H", 1) + bytes.fromhex("000000001000800000aa00389b71")
    header = fmt(0xFFFE, 4, 96000, 24) + struct.pack("<HHI", 22, 24, 0xF) + guid
    (tmp_path / "e.wav").write_bytes(riff((b"fmt ", header), (b"data", raw)))
    signal, fs = read_audio(tmp_path / "e.wav")
    assert fs == 96000
    np.testing.assert_allclose(signal, expected, atol=1e-12)


@pytest.mark.parametrize("where", ["before", "after"])
def test_odd_chunks(tmp_path: Path, where: str) -> None:
    """A chunk of odd length with its pad byte, before or after the data, harms nothing."""
    raw, expected = pcm(2, 1)
    odd = (b"LIST", b"INFOISFT\x03\0\0\0abc")
    chunks = [(b"fmt ", fmt(1, 1, 8000, 16)), (b"data", raw)]
    chunks.insert(1 if where == "before" else 2, odd)
    (tmp_path / "o.wav").write_bytes(riff(*chunks))
    np.testing.assert_allclose(read_audio(tmp_path / "o.wav")[0], expected[:, 0], atol=1e-12)


def test_odd_chunk_without_pad_byte_is_read_or_refused(tmp_path: Path) -> None:
    """Writers that forget the pad byte: the right samples, or a reason; never wrong ones."""
    raw, expected = pcm(2, 1)
    chunks = [(b"fmt ", fmt(1, 1, 8000, 16)), (b"note", b"abc"), (b"data", raw)]
    (tmp_path / "p.wav").write_bytes(riff(*chunks, pad=False))
    try:
        signal, _ = read_audio(tmp_path / "p.wav")
    except FileFormatError as problem:
        assert "p.wav" in str(problem)  # noqa: PT017
    else:
        np.testing.assert_allclose(signal, expected[:, 0], atol=1e-12)


def test_truncated_data_is_read_with_a_warning(tmp_path: Path) -> None:
    """A recorder that lost power: what is there is read, and the loss is told."""
    raw, expected = pcm(2, 2)
    whole = riff((b"fmt ", fmt(1, 2, 8000, 16)), (b"data", raw))
    (tmp_path / "t.wav").write_bytes(whole[:-401])
    with pytest.warns(AudioWarning, match="truncated: 401 bytes are missing"):
        signal, _ = read_audio(tmp_path / "t.wav")
    np.testing.assert_allclose(signal, expected[: len(signal)], atol=1e-12)
    assert len(signal) == (len(raw) - 401) // 4


@pytest.mark.parametrize("size", [0xFFFFFFFF, 0x7FFFFFFF])
def test_sizes_left_open_by_streaming_writers(tmp_path: Path, size: int) -> None:
    """A data size of "unknown", as pipes leave it, is no truncation."""
    raw, expected = pcm(2, 1)
    whole = bytearray(riff((b"fmt ", fmt(1, 1, 8000, 16)), (b"data", raw)))
    place = whole.index(b"data") + 4
    whole[place : place + 4] = struct.pack("<I", size)
    (tmp_path / "s.wav").write_bytes(bytes(whole))
    np.testing.assert_allclose(read_audio(tmp_path / "s.wav")[0], expected[:, 0], atol=1e-12)


def test_truncated_flac_is_told(tmp_path: Path) -> None:
    """A FLAC file cut in half is refused as damaged."""
    write_audio(tmp_path / "w.flac", 0.1 * RNG.standard_normal(50_000), 8000)
    data = (tmp_path / "w.flac").read_bytes()
    (tmp_path / "t.flac").write_bytes(data[: len(data) // 2])
    with pytest.raises(FileFormatError, match="is damaged after frame"):
        read_audio(tmp_path / "t.flac")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty"),
        (b"RIFF", "not readable as audio"),
        (b"this is a letter, not a recording" * 10, "not readable as audio"),
        (riff((b"fmt ", fmt(1, 1, 8000, 16)), (b"data", b"")), "holds no frames"),
        (riff((b"fmt ", fmt(1, 1, 8000, 16))), "no"),
        (riff((b"fmt ", fmt(0x1234, 1, 8000, 16)), (b"data", b"\0" * 64)), "not readable"),
        (riff((b"fmt ", fmt(1, 0, 8000, 16)), (b"data", b"\0" * 64)), "not readable"),
        (riff((b"fmt ", fmt(1, 1, 0, 16)), (b"data", b"\0" * 64)), "not readable"),
    ],
)
def test_what_is_no_audio_is_refused_in_one_line(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    """Empty, cut, foreign or senseless: one line that names the file and the reason."""
    (tmp_path / "x.wav").write_bytes(content)
    with pytest.raises(FileFormatError, match=reason) as caught:
        read_audio(tmp_path / "x.wav")
    assert "x.wav" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_files_and_folders(tmp_path: Path) -> None:
    """Names that lead nowhere or to a folder say so."""
    with pytest.raises(FileFormatError, match="no such file"):
        read_audio(tmp_path / "none.wav")
    with pytest.raises(FileFormatError, match="is a folder"):
        read_audio(tmp_path)


def test_nan_in_a_float_file_is_refused_with_its_place(tmp_path: Path) -> None:
    """A NaN would poison everything downstream; the frame is named, beyond the first block too."""
    data = np.zeros((3000, 2), dtype=np.float32)
    data[2345, 1] = np.nan
    wavfile.write(tmp_path / "n.wav", 8000, data)
    with (
        pytest.raises(FileFormatError, match="NaN or Inf at frame 2345"),
        stream_audio(tmp_path / "n.wav", 1000) as stream,
    ):
        list(stream)


@pytest.mark.parametrize("block_size", [1, 7, 1000, 100_000])
@pytest.mark.parametrize("fs", [None, 16000.0, 8000.0])
def test_streamed_equals_whole(tmp_path: Path, block_size: int, fs: float | None) -> None:
    """Blocks of any size, converted or not, join to what `read_audio` gives (CASES 20)."""
    write_audio(tmp_path / "a.wav", 0.1 * RNG.standard_normal((1234, 2)), 44100, subtype="DOUBLE")
    whole, rate = read_audio(tmp_path / "a.wav", fs)
    with stream_audio(tmp_path / "a.wav", block_size, fs=fs) as stream:
        assert stream.fs == rate
        assert stream.channels == 2
        assert stream.frames == len(whole)
        assert stream.description == "WAV DOUBLE"
        joined = np.concatenate(list(stream))
    np.testing.assert_allclose(joined, whole, rtol=0, atol=1e-12)


@pytest.mark.parametrize("fs", [8000.0, 16000.0, 48000.0, 96000.0])
def test_resampling_on_request(tmp_path: Path, fs: float) -> None:
    """The rate wanted is the rate got: the same as resampling by hand, as long and aligned."""
    signal = 0.1 * RNG.standard_normal(5000)
    write_audio(tmp_path / "a.wav", signal, 44100, subtype="DOUBLE")
    got, rate = read_audio(tmp_path / "a.wav", fs)
    assert rate == fs
    np.testing.assert_allclose(got, resample(signal, 44100, fs), rtol=0, atol=1e-12)


def test_unfit_rates_are_refused(tmp_path: Path) -> None:
    """A rate without a small ratio, or a block of nothing."""
    write_audio(tmp_path / "a.wav", np.ones(10), 44100)
    with pytest.raises(ParameterError, match="integers up to 1024"):
        read_audio(tmp_path / "a.wav", 44101)
    with pytest.raises(ParameterError, match="block_size=0"):
        stream_audio(tmp_path / "a.wav", 0)


def test_hours_stream_in_constant_memory(tmp_path: Path) -> None:
    """Three hours (a sparse file) are read in a few megabytes."""
    frames = 3 * 3600 * 2000
    header = riff((b"fmt ", fmt(1, 1, 2000, 16)), (b"data", b""))
    header = header[:-4] + struct.pack("<I", 2 * frames)
    with (tmp_path / "long.wav").open("wb") as file:
        file.write(header)
        file.truncate(len(header) + 2 * frames)
    tracemalloc.start()
    with stream_audio(tmp_path / "long.wav") as stream:
        total = sum(len(block) for block in stream)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert total == frames
    assert peak < 8e6 < 8 * frames
