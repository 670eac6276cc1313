"""Calibrations as files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from antiphase.devices.soundcard import (
    Calibration,
    CardFormat,
    HerePlan,
    Measured,
    read_calibration,
    write_calibration,
)
from antiphase.errors import FileFormatError
from antiphase.files import ImpulseResponse, read_path, write_path

FORM = CardFormat(48000, 1, 2, 192)
PATH = np.random.default_rng(0).standard_normal(64)


def measured(drive_peak: float = 0.1) -> Measured:
    plan = HerePlan("local", 21.26, 25.0, None, ((89.1, 112.2),), drive_peak, "Up to 21.3 dB.")
    return Measured(8000, PATH, 0.05, 17.123456, 22.0, -25.0, -30.0, -40.0, plan)


def test_it_comes_back_as_it_was(tmp_path: Path) -> None:
    """Path, format, level and words survive; the file is a path file too."""
    known = Calibration.of(measured(), "card", FORM)
    place = tmp_path / "new" / "device.npz"
    write_calibration(place, known)
    again = read_calibration(place)
    np.testing.assert_array_equal(again.path, PATH)
    assert again.to_json() == known.to_json()
    assert again.form == FORM
    assert again.figures["verdict"] == "Up to 21.3 dB."
    response = read_path(place)
    assert response.fs == 8000
    np.testing.assert_array_equal(response.taps, PATH)


def test_the_limit_is_twice_what_is_needed() -> None:
    """Twice the drive that cancels, at most half of full scale."""
    assert Calibration.of(measured(0.1), "card", FORM).limit == pytest.approx(0.2)
    assert Calibration.of(measured(0.9), "card", FORM).limit == pytest.approx(0.5)


def test_other_files_are_refused(tmp_path: Path) -> None:
    """A plain path file is no calibration, and a calibration has one extension."""
    plain = tmp_path / "path.npz"
    write_path(plain, ImpulseResponse(PATH, 8000.0))
    with pytest.raises(FileFormatError, match="antiphase device calibrate"):
        read_calibration(plain)
    with pytest.raises(FileFormatError, match="no such file"):
        read_calibration(tmp_path / "none.npz")
    with pytest.raises(FileFormatError, match="npz"):
        write_calibration(tmp_path / "device.wav", Calibration.of(measured(), "card", FORM))
