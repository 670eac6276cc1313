"""A device's calibration as a file: a path file that also says how it was measured."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from antiphase.devices.soundcard.card import CardFormat
from antiphase.devices.soundcard.measure import Measured
from antiphase.errors import FileFormatError
from antiphase.files import read_path

__all__ = ["Calibration", "read_calibration", "write_calibration"]

Floats = npt.NDArray[np.float64]

_MARK = "antiphase device, version 1"


@dataclass(frozen=True, eq=False)
class Calibration:
    """What was measured, with which device.

    Attributes
    ----------
    device : str
        Name of the sound device, input and output.
    form : CardFormat
        How it was opened.
    path : ndarray, shape (taps,)
        Ŝ at ``form.fs``.
    level : float
        Peak of the chirp that was clear.
    latency_ms : float
        Round trip.
    mode : {"split", "local"}
        What the verdict advises.
    limit : float
        Largest drive that control may play, full scale 1.
    figures : dict
        Of the measurement, for people.
    """

    device: str
    form: CardFormat
    path: Floats
    level: float
    latency_ms: float
    mode: str
    limit: float
    figures: dict[str, Any]

    @classmethod
    def of(cls, measured: Measured, device: str, form: CardFormat) -> Calibration:
        """Return what a measurement gives.

        The limit is twice what cancelling this noise takes, at most half of full scale.
        """
        plan = measured.plan
        figures = {
            "clarity_db": measured.clarity_db,
            "path_noise_db": measured.noise_db,
            "distortion_db": measured.distortion_db,
            "noise_dbfs": measured.noise_level_db,
            "nr_db": plan.nr_db,
            "tones_db": plan.tones_db,
            "broadband_db": plan.broadband_db,
            "cancellable_hz": [list(span) for span in plan.cancellable_hz],
            "verdict": plan.verdict,
        }
        rounded = {
            k: round(float(v), 2) if isinstance(v, float | np.floating) else v
            for k, v in figures.items()
        }
        limit = float(min(0.5, max(2 * plan.drive_peak, 1e-3)))
        return cls(
            device,
            form,
            measured.path,
            measured.level,
            round(float(measured.latency_ms), 3),
            plan.mode,
            round(limit, 4),
            rounded,
        )

    def to_json(self) -> dict[str, Any]:
        """Return all but the taps as plain types."""
        return {
            "device": self.device,
            "format": asdict(self.form),
            "fs_hz": self.form.fs,
            "taps": len(self.path),
            "level": self.level,
            "latency_ms": self.latency_ms,
            "mode": self.mode,
            "limit": self.limit,
            **self.figures,
        }


def write_calibration(path: str | os.PathLike[str], calibration: Calibration) -> None:
    """Write an .npz that `antiphase.files.read_path` reads as a path too.

    Raises
    ------
    FileFormatError
        If the name has another extension.
    """
    place = Path(path)
    if place.suffix.lower() != ".npz":
        raise FileFormatError(f"{place}: a calibration is an .npz file")
    place.parent.mkdir(parents=True, exist_ok=True)
    about = {_MARK: calibration.device, **calibration.to_json(), "figures": calibration.figures}
    text = json.dumps(about, ensure_ascii=False)
    np.savez(place, taps=calibration.path, fs=np.float64(calibration.form.fs), about=np.array(text))


def read_calibration(path: str | os.PathLike[str]) -> Calibration:
    """Read what `write_calibration` wrote.

    Raises
    ------
    FileFormatError
        If it is no such file.
    """
    place = Path(path)
    response = read_path(place)
    try:
        with np.load(place, allow_pickle=False) as file:
            about = json.loads(str(file["about"]))
        calibration = Calibration(
            str(about[_MARK]),
            CardFormat(**about["format"]),
            np.ravel(response.taps),
            float(about["level"]),
            float(about["latency_ms"]),
            str(about["mode"]),
            float(about["limit"]),
            dict(about["figures"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        words = "no calibration; make one with antiphase device calibrate"
        raise FileFormatError(f"{place}: {words}") from error
    return calibration
