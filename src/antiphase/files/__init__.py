"""Sound, paths and results as files: with `tables`, the only file I/O below the service."""

from __future__ import annotations

from antiphase.files.audio import AudioStream, AudioWarning, read_audio, stream_audio
from antiphase.files.audio_out import AudioWriter, write_audio
from antiphase.files.bench_data import find_bench_data
from antiphase.files.paths import ImpulseResponse, read_path, write_path
from antiphase.files.rows import RowFile
from antiphase.files.whole import FileAnalysis, analyse_file, filter_file

__all__ = [
    "AudioStream",
    "AudioWarning",
    "AudioWriter",
    "FileAnalysis",
    "ImpulseResponse",
    "RowFile",
    "analyse_file",
    "filter_file",
    "find_bench_data",
    "read_audio",
    "read_path",
    "stream_audio",
    "write_audio",
    "write_path",
]
