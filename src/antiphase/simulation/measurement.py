"""Paths measured with a sweep: from recordings to impulse responses and a page that judges them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import signal

from antiphase.dsp import first_arrival
from antiphase.errors import SignalError
from antiphase.files import ImpulseResponse, read_audio, read_path, write_audio, write_path
from antiphase.identify import ExponentialSweep, SweepResult, identify_sweep
from antiphase.simulation.page import Page, write_page
from antiphase.simulation.site import Site
from antiphase.simulation.traces import Figure, axis, frequency_axis, line

__all__ = ["Measurement", "load_site", "measure_paths", "write_measurement", "write_sweep"]

Floats = npt.NDArray[np.float64]
COLORS = ("var(--on)", "var(--off)", "var(--bound)", "var(--extra)")
# A model error of −20 dB allows about 20 dB of noise reduction.
GOOD_DB = -20.0


@dataclass(frozen=True)
class Measurement:
    """Measured paths.

    Attributes
    ----------
    taps : ndarray, shape (microphones, loudspeakers, n_taps)
        Impulse responses from the first sample played.
    fs : float
        Hz.
    noise_db : ndarray, shape (microphones, loudspeakers)
        Noise in the taps relative to their energy.
    distortion_db : ndarray, shape (microphones, loudspeakers)
        Energy of the harmonics relative to the linear response.
    arrival_ms : ndarray, shape (microphones, loudspeakers)
        First arrival, converters and buffers included.
    """

    taps: Floats
    fs: float
    noise_db: Floats
    distortion_db: Floats
    arrival_ms: Floats

    @property
    def verdict(self) -> str:
        """One sentence: whether these paths are good enough to start from."""
        return self._judged().replace("-", "−")

    def _judged(self) -> str:
        worst = float(np.max(self.noise_db))
        if worst > GOOD_DB:
            return (
                f"Noise is {worst:.0f} dB relative to the path, above {GOOD_DB:.0f} dB: play "
                "louder, make the sweep longer, or measure when it is quieter."
            )
        distorted = float(np.max(self.distortion_db))
        if distorted > GOOD_DB:
            return (
                f"The loudspeaker distorts by {distorted:.0f} dB relative to the path: play more "
                "quietly."
            )
        return f"Good enough to start from: noise {worst:.0f} dB, distortion {distorted:.0f} dB."

    def to_json(self) -> dict[str, Any]:
        """Return the figures, not the taps, as plain lists."""
        return {
            "fs_hz": self.fs,
            "n_taps": int(self.taps.shape[2]),
            "noise_db": np.round(self.noise_db, 2).tolist(),
            "distortion_db": np.round(self.distortion_db, 2).tolist(),
            "arrival_ms": np.round(self.arrival_ms, 4).tolist(),
            "verdict": self.verdict,
        }


def write_sweep(path: str | Path, sweep: ExponentialSweep, *, tail_s: float = 1.0) -> None:
    """Write the sweep to play, −6 dB, followed by silence for the room to ring out.

    Parameters
    ----------
    path : str or Path
        WAV or FLAC.
    sweep : ExponentialSweep
        What to play.
    tail_s : float
        Silence after it.
    """
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    samples = np.concatenate([0.5 * sweep.samples, np.zeros(round(tail_s * sweep.fs))])
    write_audio(path, samples, sweep.fs)


def measure_paths(
    recordings: Sequence[str | Path],
    *,
    n_taps: int,
    seconds: float,
    low_hz: float,
    high_hz: float | None = None,
) -> Measurement:
    """Return the paths that recordings of a sweep hold.

    Parameters
    ----------
    recordings : sequence of str or Path
        One file for each loudspeaker, its channels are the microphones; each starts with the first
        sample played.
    n_taps : int
        Length of the impulse responses.
    seconds, low_hz, high_hz
        The sweep, as it was made.

    Returns
    -------
    Measurement

    Raises
    ------
    FileFormatError, SignalError, ParameterError
        If a recording can't be read, is too short or silent, or differs in rate or channels.
    """
    columns: list[list[SweepResult]] = []
    rate = 0.0
    for path in recordings:
        frames, fs = read_audio(path)
        frames = frames[:, None] if frames.ndim == 1 else frames
        if columns and (fs != rate or frames.shape[1] != len(columns[0])):
            raise SignalError(f"{path} has another rate or number of channels than the first")
        rate = float(fs)
        sweep = ExponentialSweep(rate, seconds=seconds, low_hz=low_hz, high_hz=high_hz)
        # The file was written at half amplitude.
        columns.append([identify_sweep(sweep, 2 * channel, n_taps) for channel in frames.T])
    results = [list(row) for row in zip(*columns, strict=True)]
    return Measurement(
        taps=np.array([[result.taps for result in row] for row in results]),
        fs=rate,
        noise_db=np.array([[result.error_db for result in row] for row in results]),
        distortion_db=np.array(
            [
                [10 * np.log10(np.sum(10 ** (result.distortion_db / 10))) for result in row]
                for row in results
            ]
        ),
        arrival_ms=np.array(
            [[first_arrival(result.taps) / rate * 1000 for result in row] for row in results]
        ),
    )


def write_measurement(measurement: Measurement, path: str | Path) -> Path:
    """Write the paths, and a page about them beside.

    Parameters
    ----------
    measurement : Measurement
        From `measure_paths`.
    path : str or Path
        The path file, such as ``paths.npz``.

    Returns
    -------
    Path
        The HTML page.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_path(path, ImpulseResponse(measurement.taps, measurement.fs))
    page = path.with_suffix(".html")
    m = measurement
    rows = [
        (
            f"loudspeaker {k + 1} to microphone {i + 1}",
            ", ".join(
                (
                    f"{m.arrival_ms[i, k]:.2f} ms",
                    f"{m.noise_db[i, k]:.0f} dB",
                    f"{m.distortion_db[i, k]:.0f} dB",
                )
            ),
        )
        for i, k in np.ndindex(m.noise_db.shape)
    ]
    write_page(
        Page(
            title="Measured paths",
            about=f"{path.name}: {m.taps.shape[2]} taps at {m.fs:g} Hz.",
            verdict=m.verdict,
            numbers=[
                ("first arrival", f"{np.min(m.arrival_ms):.2f}", "ms"),
                ("noise in the paths", f"{np.max(m.noise_db):.0f}", "dB"),
                ("distortion", f"{np.max(m.distortion_db):.0f}", "dB"),
            ],
            figures=[_impulses(m), _magnitudes(m), _decays(m)],
            tables=[("Arrival, noise, distortion", rows)],
        ),
        page,
    )
    return page


def load_site(primary: str | Path, secondary: str | Path) -> Site:
    """Return the site that two path files describe, for planning.

    Parameters
    ----------
    primary, secondary : str or Path
        Path files; the first microphone and loudspeaker of each are taken, at the rate of the
        secondary path.

    Raises
    ------
    FileFormatError
        If a file can't be read.
    """
    second = read_path(secondary)
    first = read_path(primary).resampled(second.fs)
    primary_path, secondary_path = (
        np.reshape(found.taps, (-1, found.taps.shape[-1]))[0] for found in (first, second)
    )
    return Site.measured(primary_path, secondary_path, second.fs)


def _each(measurement: Measurement) -> list[tuple[str, Floats, str]]:
    """Return name, taps and colour of the first four paths."""
    pairs = list(np.ndindex(measurement.taps.shape[:2]))[: len(COLORS)]
    return [
        (f"loudspeaker {k + 1} → microphone {i + 1}", measurement.taps[i, k], color)
        for (i, k), color in zip(pairs, COLORS, strict=False)
    ]


def _impulses(measurement: Measurement) -> Figure:
    t = np.arange(measurement.taps.shape[2]) / measurement.fs * 1000
    last = float(np.max(measurement.arrival_ms)) + 20
    return Figure(
        "impulse",
        "Impulse response",
        "From the first sample played; the start is the delay of air, converters and buffers.",
        [line(name, t, taps, color, width=1.4) for name, taps, color in _each(measurement)],
        {
            "xaxis": axis("time, ms", range=[0, min(last, float(t[-1]))]),
            "yaxis": axis("impulse response"),
        },
        wide=True,
    )


def _magnitudes(measurement: Measurement) -> Figure:
    f = np.geomspace(20, 0.499 * measurement.fs, 600)
    curves = []
    for name, taps, color in _each(measurement):
        _, h = signal.freqz(taps, worN=f, fs=measurement.fs)
        curves.append(line(name, f, 20 * np.log10(np.maximum(np.abs(h), 1e-9)), color))
    return Figure(
        "magnitude",
        "Magnitude",
        "A deep dip is a frequency that this loudspeaker can't reach from where it stands.",
        curves,
        {"xaxis": frequency_axis(measurement.fs), "yaxis": axis("level, dB")},
    )


def _decays(measurement: Measurement) -> Figure:
    t = np.arange(measurement.taps.shape[2]) / measurement.fs * 1000
    curves = []
    for name, taps, color in _each(measurement):
        left = np.cumsum(taps[::-1] ** 2)[::-1]
        curves.append(line(name, t, 10 * np.log10(np.maximum(left / left[0], 1e-9)), color))
    return Figure(
        "decay",
        "Energy still to come",
        "What a model of that length leaves out; take as many taps as reach the level you want.",
        curves,
        {"xaxis": axis("time, ms"), "yaxis": axis("energy, dB")},
    )
