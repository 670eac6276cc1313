"""A piece becomes files that other programs read."""

from __future__ import annotations

import io
import json
import re

import numpy as np
import pytest
import soundfile

from antiphase.service.recording_pieces import PIECE_FILE, Piece, Strip, as_pcm, piece_files

FS = 16000


def strip_of(*chunks: tuple[int, float]) -> Strip:
    """Return a strip of 1 s with chunks of 10 ms, cut at its end."""
    strip = Strip(3, "error", "d1", "barrier", 0, FS, 0.0)
    for index, level in chunks:
        strip.add(as_pcm(np.full(160, level), 0), index, (index + 160) / FS, 1.0)
    strip.split(1.0)
    return strip


def test_tracks_are_flac_and_the_json_tells_what_they_hold() -> None:
    """Samples come back bit for bit where they were; the rest is silence and listed."""
    strip = strip_of(*((160 * k, 0.25) for k in range(10, 100) if k != 50))
    files = piece_files(Piece(7, 70.0, 71.0, [strip], {"d1": {"at_s": 0.0}}, {"mode": "split"}))
    assert list(files) == ["00007-error-3.flac", "00007.json"]
    assert all(re.fullmatch(PIECE_FILE, name) for name in files)
    with soundfile.SoundFile(io.BytesIO(files["00007-error-3.flac"])) as audio:
        assert (audio.format, audio.subtype, audio.samplerate) == ("FLAC", "PCM_16", FS)
        samples = audio.read(dtype="int16")
    assert len(samples) == FS
    expected = np.zeros(FS, np.int16)
    expected[1600:] = 8192
    expected[8000:8160] = 0
    assert np.array_equal(samples, expected)
    told = json.loads(files["00007.json"])
    (track,) = told["tracks"]
    assert track["gaps"] == [[0, 1600], [8000, 160]]
    assert (track["role"], track["device"], track["samples"]) == ("error", "barrier", FS)
    assert told["figures"] == {"mode": "split"}
    assert told["devices"] == {"d1": {"at_s": 0.0}}


def test_a_track_without_a_sound_has_no_file() -> None:
    """Of a piece in which nothing came only the JSON is kept."""
    silent = strip_of()
    files = piece_files(Piece(0, 0.0, 1.0, [silent], {}, {}))
    assert list(files) == ["00000.json"]
    assert json.loads(files["00000.json"])["tracks"] == []


@pytest.mark.parametrize("name", ["0.json", "00000-x-1.flac", "../00000.json", "00000-error-.flac"])
def test_only_files_of_pieces_are_asked_for(name: str) -> None:
    """The expression lets no other name through."""
    assert re.fullmatch(PIECE_FILE, name) is None
