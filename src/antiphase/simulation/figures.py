"""The pictures of a report as plotly figures: plain dictionaries, no plotting library needed."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import signal

from antiphase.metrics import anr_db, band_reduction, coherence_bound
from antiphase.simulation.study import Study
from antiphase.simulation.traces import (
    Figure,
    axis,
    band_name,
    frequency_axis,
    line,
    psd,
    smooth,
    to_db,
)

__all__ = ["make_figures"]

Floats = npt.NDArray[np.float64]
OFF, ON, BOUND, EXTRA = "var(--off)", "var(--on)", "var(--bound)", "var(--extra)"
MAX_POINTS = 1500


def make_figures(study: Study) -> list[Figure]:
    """Return all pictures of a report, in reading order.

    Parameters
    ----------
    study : Study
        A finished simulation.
    """
    return [
        _spectra(study),
        _over_time(study),
        _thirds(study),
        _limits(study),
        _coherence(study),
        _arrivals(study),
        _taps(study),
        _responses(study),
        _model_error(study),
    ]


def _spectra(study: Study) -> Figure:
    start = study.settled
    fs = study.scenario.fs
    f, off = psd(study.scene.disturbance[start:], fs)
    peak = float(off.max())
    _, on = psd(study.error[start:], fs)
    _, best = psd(study.bound.error[start:], fs)
    top = to_db(off, peak)
    lowest = min(float(top.min()), float(to_db(on, peak).min()))
    return Figure(
        "spectra",
        "Spectrum at the error microphone",
        "Power density after the first second, relative to the peak with control off.",
        [
            line("control off", f, top, OFF),
            line("control on", f, to_db(on, peak), ON),
            line("bound", f, to_db(best, peak), BOUND, width=1.6, dash="dot"),
        ],
        {
            "xaxis": frequency_axis(fs),
            "yaxis": axis("level, dB", range=[max(lowest - 3, -90), 4]),
        },
        wide=True,
    )


def _over_time(study: Study) -> Figure:
    n = len(study.error)
    step = max(1, n // MAX_POINTS)
    # The average needs its 1000 samples before it means anything.
    shown = slice(min(1000, n // 2), None, step)
    t = np.arange(n)[shown] / study.scenario.fs
    curves = [
        line(name, t, anr_db(study.scene.disturbance, error)[shown], color, dash=dash)
        for name, error, color, dash in (
            ("control on", study.error, ON, ""),
            ("bound", study.bound.error, BOUND, "dot"),
        )
    ]
    return Figure(
        "time",
        "Level over time against control off (ANR)",
        "Averaged over 1000 samples; 0 dB is no change, lower is quieter.",
        curves,
        {"xaxis": axis("time, s"), "yaxis": axis("level change, dB")},
    )


def _coherence(study: Study) -> Figure:
    start, fs, scene = study.settled, study.scenario.fs, study.scene
    found = coherence_bound(
        (scene.reference + scene.reference_noise)[start:],
        scene.disturbance[start:, 0],
        fs,
        # Four segments of twice the path are the least that coherence can be told from.
        path_taps=min(scene.primary_path.shape[1], (len(scene.reference) - start) // 9),
    )
    f, left = smooth(found.frequency_hz, 10 ** (-found.nr_db / 10))
    g, off = psd(scene.disturbance[start:, 0], fs)
    _, on = psd(study.error[start:, 0], fs)
    return Figure(
        "coherence",
        "Noise reduction and what coherence allows",
        f"First microphone; no fixed filter of any length gets above −10 log10(1 − γ²). "
        f"Over all frequencies that is {found.total_db:.1f} dB.",
        [
            line("coherence bound", f, -to_db(left, 1.0), EXTRA, width=1.6, dash="dot"),
            line("control on", g, to_db(off / on, 1.0), ON),
        ],
        {"xaxis": frequency_axis(fs), "yaxis": axis("noise reduction, dB")},
    )


def _thirds(study: Study) -> Figure:
    start, fs = study.settled, study.scenario.fs
    d = study.scene.disturbance[start:]
    on = band_reduction(d, study.error[start:], fs)
    best = band_reduction(d, study.bound.error[start:], fs)
    audible = on.disturbance_db > on.disturbance_db.max() - 50
    names = [band_name(f) for f in on.centre_hz[audible]]
    return Figure(
        "thirds",
        "Noise reduction by third octave",
        "After the first second, bands within 50 dB of the loudest; below 0 is louder.",
        [
            {
                "type": "bar",
                "name": "control on",
                "x": names,
                "y": [round(float(v), 2) for v in on.reduction_db[audible]],
                "marker": {"color": ON},
            },
            {
                "type": "scatter",
                "mode": "markers",
                "name": "bound",
                "x": names,
                "y": [round(float(v), 2) for v in best.reduction_db[audible]],
                "marker": {"color": BOUND, "symbol": "line-ew-open", "size": 14},
            },
        ],
        {
            "xaxis": axis("third-octave band, Hz", type="category", tickangle=-45),
            "yaxis": axis("noise reduction, dB"),
        },
    )


def _limits(study: Study) -> Figure:
    rows = [("reached", study.reached_db, ON)]
    rows += [(limit.name, limit.nr_db, BOUND) for limit in study.limits]
    return Figure(
        "limits",
        "What would help",
        "Noise reduction after the first second: reached, and at best if one thing were different.",
        [
            {
                "type": "bar",
                "orientation": "h",
                "x": [round(value, 2) for _, value, _ in rows],
                "y": [name for name, _, _ in rows],
                "text": [f"{value:.1f} dB" for _, value, _ in rows],
                "textposition": "auto",
                "insidetextanchor": "end",
                "marker": {"color": [color for *_, color in rows]},
                "showlegend": False,
                "hoverinfo": "skip",
            }
        ],
        {
            "xaxis": axis("noise reduction, dB"),
            "yaxis": axis("", autorange="reversed"),
        },
    )


def _taps(study: Study) -> Figure:
    fs = study.scenario.fs
    curves = []
    for name, taps, color, width in (
        ("bound", study.bound.control_filter, BOUND, 1.4),
        ("control on, end of the run", study.control_filter, ON, 1.6),
    ):
        w = np.asarray(taps, dtype=np.float64)
        w = w.reshape(-1, w.shape[-1])[0] if w.size else np.zeros(1)
        curves.append(line(name, np.arange(len(w)) / fs * 1000, w, color, width=width))
    several = study.scene.secondary_path.shape[1] > 1
    return Figure(
        "taps",
        "Control filter",
        "Impulse response w" + (" of the first loudspeaker." if several else "."),
        curves,
        {"xaxis": axis("time, ms"), "yaxis": axis("tap")},
    )


def _arrivals(study: Study) -> Figure:
    """Show both first paths from the moment the reference is known."""
    scene, fs = study.scene, study.scenario.fs
    curves, marks = [], []
    lead, anti = scene.lead_samples, scene.anti_noise_samples
    for name, path, color, at, offset in (
        ("primary", scene.primary_path[0], OFF, lead, lead - scene.primary_arrival),
        ("secondary, electronics included", scene.secondary_path[0, 0], ON, anti, 0.0),
    ):
        taps = path / np.max(np.abs(path))
        t = (np.arange(len(taps)) + offset) / fs * 1000
        curves.append(line(name, t, taps, color, width=1.6))
        marks.append({**_mark(at / fs * 1000), "line": {"color": color, "width": 1, "dash": "dot"}})
    last = max(lead, anti) / fs * 1000
    shade = {
        "type": "rect",
        "yref": "paper",
        "y0": 0,
        "y1": 1,
        "x0": min(lead, anti) / fs * 1000,
        "x1": last,
        "fillcolor": BOUND if scene.margin_samples > 0 else OFF,
        "opacity": 0.12,
        "line": {"width": 0},
    }
    word = "spare" if scene.margin_samples > 0 else "missing"
    first = min(0.0, lead / fs * 1000)
    return Figure(
        "paths",
        "Causality: what arrives first",
        f"Impulse responses from the moment the controller hears the noise, peak = 1; shaded: "
        f"{abs(scene.margin_samples) / fs * 1000:.2f} ms {word}.",
        curves,
        {
            "xaxis": axis("time since the reference, ms", range=[first - 1, 3 * last + 4]),
            "yaxis": axis("impulse response"),
            "shapes": [*marks, shade],
        },
    )


def _mark(x: float) -> dict[str, Any]:
    return {"type": "line", "yref": "paper", "y0": 0, "y1": 1, "x0": x, "x1": x}


def _responses(study: Study) -> Figure:
    fs, scene = study.scenario.fs, study.scene
    curves = []
    for name, path, color, dash in (
        ("primary P", scene.primary_path[0], OFF, ""),
        ("secondary S", scene.secondary_path[0, 0], ON, ""),
        ("estimate Ŝ", study.secondary_path_estimate[0, 0], EXTRA, "dot"),
    ):
        f, h = _response(path, fs)
        curves.append(line(name, f, to_db(np.abs(h) ** 2, 1.0), color, dash=dash, width=1.6))
    return Figure(
        "response",
        "Paths: magnitude",
        "First microphone and loudspeaker; a dip in S is where the loudspeaker can't reach.",
        curves,
        {"xaxis": frequency_axis(fs), "yaxis": axis("level, dB")},
    )


def _response(path: Floats, fs: float) -> tuple[Floats, npt.NDArray[np.complex128]]:
    f = np.geomspace(20, 0.499 * fs, 1024)
    _, h = signal.freqz(path, worN=f, fs=fs)
    return f, h


def _model_error(study: Study) -> Figure:
    fs, scene = study.scenario.fs, study.scene
    f, true = _response(scene.secondary_path[0, 0], fs)
    _, model = _response(study.secondary_path_estimate[0, 0], fs)
    phase = np.abs(np.angle(model * np.conj(true), deg=True))
    weak = np.abs(true) < np.max(np.abs(true)) * 1e-2
    phase[weak] = np.nan
    return Figure(
        "model",
        "Secondary-path estimate: phase error",
        "FxLMS needs less than 90°, least squares less than 60°; 40 dB below the peak left out.",
        [line("phase error of Ŝ", f, phase, EXTRA, width=1.6)],
        {
            "xaxis": frequency_axis(fs),
            "yaxis": axis("phase error, °", range=[0, max(95, float(np.nanmax(phase)) * 1.05)]),
            "shapes": [
                {
                    "type": "line",
                    "xref": "paper",
                    "x0": 0,
                    "x1": 1,
                    "y0": level,
                    "y1": level,
                    "line": {"color": OFF, "width": 1, "dash": "dash"},
                }
                for level in (60, 90)
            ],
        },
    )
