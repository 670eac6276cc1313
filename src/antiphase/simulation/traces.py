"""Parts of pictures: curves, axes, smoothed spectra, as plain dictionaries that plotly reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import signal

__all__ = ["Figure", "axis", "band_name", "frequency_axis", "line", "psd", "smooth", "to_db"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Figure:
    """One picture.

    Attributes
    ----------
    name : str
        Its id in the page.
    title, caption : str
        What it shows and how to read it.
    data : list of dict
        Plotly traces.
    layout : dict
        Plotly layout.
    wide : bool
        Whether it takes the page's whole width.
    """

    name: str
    title: str
    caption: str
    data: list[dict[str, Any]]
    layout: dict[str, Any]
    wide: bool = False


def line(
    name: str, x: npt.ArrayLike, y: npt.ArrayLike, color: str, *, width: float = 2, dash: str = ""
) -> dict[str, Any]:
    """Return one curve; numbers rounded so that the page stays small.

    Parameters
    ----------
    name : str
        For the legend.
    x, y : array_like, shape (n,)
        Points; those that are not finite leave a gap.
    color : str
        A CSS colour, such as a variable of the page: ``var(--on)``.
    width : float
        Of the line, in pixels.
    dash : str
        Plotly's name of a dash style.
    """
    style = {"color": color, "width": width, **({"dash": dash} if dash else {})}
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": [float(f"{v:.6g}") for v in np.asarray(x, dtype=np.float64)],
        "y": [float(f"{v:.4g}") if np.isfinite(v) else None for v in np.asarray(y)],
        "line": style,
    }


def axis(title: str, **more: object) -> dict[str, Any]:
    """Return an axis.

    Parameters
    ----------
    title : str
        Quantity and unit.
    **more
        What else plotly knows of an axis.
    """
    return {"title": title, **more}


def frequency_axis(fs: float) -> dict[str, Any]:
    """Return a logarithmic axis from 20 Hz to half the rate.

    Parameters
    ----------
    fs : float
        Hz.
    """
    ticks = [f for f in (20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000) if f <= fs / 2]
    text = [f"{f // 1000} k" if f >= 1000 else str(f) for f in ticks]
    limits = [float(np.log10(20)), float(np.log10(fs / 2))]
    return axis("frequency, Hz", type="log", tickvals=ticks, ticktext=text, range=limits)


def _columns(frames: Floats) -> Floats:
    return frames[:, None] if frames.ndim == 1 else frames


def psd(frames: Floats, fs: float) -> tuple[Floats, Floats]:
    """Return frequencies and the power density summed over microphones, 1/24 octave smooth.

    Parameters
    ----------
    frames : ndarray, shape (n,) or (n, microphones)
        Signals.
    fs : float
        Hz.
    """
    length = min(len(frames), int(2 ** np.round(np.log2(fs / 2))))
    frequencies, power = signal.welch(_columns(frames), fs, nperseg=length, axis=0)
    return smooth(frequencies, power.sum(axis=1))


def smooth(frequencies: Floats, values: Floats) -> tuple[Floats, Floats]:
    """Average over 1/24 octave, at least one line, at as many places as a page can show.

    Parameters
    ----------
    frequencies : ndarray, shape (lines,)
        Equally spaced from 0 Hz.
    values : ndarray, shape (lines,)
        Powers or densities; the mean is taken of these, not of decibels.
    """
    half = 2 ** (1 / 48)
    spacing = frequencies[1]
    at = np.geomspace(max(20.0, spacing), frequencies[-1] * 0.99, 500)
    edges = (np.arange(len(values) + 1) - 0.5) * spacing
    total = np.concatenate([[0.0], np.cumsum(values)]) * spacing
    low = np.minimum(at / half, at - spacing / 2)
    high = np.minimum(np.maximum(at * half, at + spacing / 2), edges[-1])
    return at, (np.interp(high, edges, total) - np.interp(low, edges, total)) / (high - low)


def to_db(power: npt.ArrayLike, reference: float = 1.0) -> Floats:
    """Return powers in dB, −200 dB at least.

    Parameters
    ----------
    power : array_like
        Powers.
    reference : float
        What 0 dB is.
    """
    return np.asarray(10 * np.log10(np.maximum(np.asarray(power) / reference, 1e-20)))


def band_name(frequency: float) -> str:
    """Return the usual name of an octave or third-octave band, such as 31.5 or 1.25 k.

    Parameters
    ----------
    frequency : float
        Exact mid-band frequency in Hz.
    """
    names = (1, 1.25, 1.6, 2, 2.5, 3.15, 4, 5, 6.3, 8)
    decade = 10 ** int(np.floor(np.log10(frequency * 1.06)))
    value = min(names, key=lambda name: abs(np.log(name * decade / frequency))) * decade
    return f"{value / 1000:g} k" if value >= 1000 else f"{value:g}"
