"""A study as files: an HTML page that works off line, sound off and on, numbers as JSON."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from antiphase.files import write_audio
from antiphase.simulation.figures import make_figures
from antiphase.simulation.page import Page, write_page
from antiphase.simulation.study import Study
from antiphase.simulation.traces import band_name

__all__ = ["ReportFiles", "summarise", "write_report"]


_FOOTER = """Sign: e = d + s∗y. NR = 10 log10(Σd² / Σe²), positive is quieter. The bound is the best
fixed causal filter of the same length, with the same latency and sensor noise, fitted to the same
samples; an adaptive filter can pass it on noise that changes."""


@dataclass(frozen=True)
class ReportFiles:
    """Where a report went.

    Attributes
    ----------
    page : Path
        The HTML page.
    off, on : Path
        Sound at the error microphones without and with control, at one common gain.
    numbers : Path
        The same figures as JSON.
    """

    page: Path
    off: Path
    on: Path
    numbers: Path


def summarise(study: Study) -> dict[str, Any]:
    """Return the figures of a study, ready for JSON: finite numbers, text, lists and tables.

    Parameters
    ----------
    study : Study
        A finished simulation.
    """
    scene, scenario = study.scene, study.scenario
    summary = {
        "scenario": scenario.title,
        "generated": scenario.generated,
        "controller": scenario.controller.kind,
        "n_taps": scenario.controller.n_taps,
        "fs_hz": scenario.fs,
        "seconds": len(study.error) / scenario.fs,
        "nr_db": study.reached_db,
        "bound_db": study.bound.nr_db,
        "gap_db": study.bound.nr_db - study.reached_db,
        "margin_ms": scene.margin_samples / scenario.fs * 1000,
        "verdict": study.verdict,
        "warnings": study.warnings,
        "limits": [dataclasses.asdict(limit) for limit in study.limits],
        "metrics": study.metrics.to_json(),
    }
    plain: dict[str, Any] = _plain(summary)
    return plain


def write_report(study: Study, folder: str | Path) -> ReportFiles:
    """Write page, sounds and numbers of a study; existing ones are replaced.

    Parameters
    ----------
    study : Study
        A finished simulation.
    folder : str or Path
        Made if it does not exist.

    Returns
    -------
    ReportFiles
        ``report.html``, ``off.wav``, ``on.wav``, ``result.json`` in that folder.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    files = ReportFiles(
        folder / "report.html", folder / "off.wav", folder / "on.wav", folder / "result.json"
    )
    # One gain for both, so that the ear hears the difference that the figures claim.
    off = study.scene.disturbance
    peak = max(float(np.max(np.abs(off))), float(np.max(np.abs(study.error))))
    gain = 0.9 / peak if peak > 0 else 1.0
    write_audio(files.off, off * gain, study.scenario.fs)
    write_audio(files.on, study.error * gain, study.scenario.fs)
    files.numbers.write_text(json.dumps(summarise(study), indent=2, ensure_ascii=False))
    write_page(
        Page(
            title=study.scenario.title,
            about=study.scenario.about,
            verdict=study.verdict,
            notes=study.warnings,
            numbers=_headline(study),
            sounds=[("Control off", files.off.name), ("Control on", files.on.name)],
            figures=make_figures(study),
            tables=[("All figures", _metric_rows(study)), ("Set-up", _setup_rows(study))],
            footer=_FOOTER,
        ),
        files.page,
    )
    return files


def _plain(value: Any) -> Any:  # noqa: ANN401 - any nesting
    """Return `value` as JSON has it: short numbers, infinities as None."""
    if isinstance(value, dict):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, float):
        return round(value, 6) if np.isfinite(value) else None
    return value


def _figure(value: float | None, digits: int = 1) -> str:
    """Return a number with a true minus, a dash where there is none."""
    if value is None or not np.isfinite(value):
        return "–"
    return f"{round(value, digits) + 0.0:.{digits}f}".replace("-", "−")


def _headline(study: Study) -> list[tuple[str, str, str]]:
    metrics = study.metrics
    return [
        ("noise reduction after 1 s", _figure(study.reached_db), "dB"),
        ("bound, same filter length", _figure(study.bound.nr_db), "dB"),
        ("gap to the bound", _figure(study.bound.nr_db - study.reached_db), "dB"),
        ("causality margin", _figure(metrics.margin_ms, 2), "ms"),
        ("time to 10 dB", _figure(metrics.seconds_to_10_db), "s"),
        (f"worst boost, at {metrics.worst_boost_hz:.0f} Hz", _figure(metrics.worst_boost_db), "dB"),
    ]


def _metric_rows(study: Study) -> list[tuple[str, str]]:
    m = study.metrics
    limit = "re its limit" if study.scenario.electronics.output_limit else "re 1"
    rows = [
        ("noise reduction, whole run", m.nr_whole_db, 1, "dB"),
        ("noise reduction, after 1 s", m.nr_after_1s_db, 1, "dB"),
        ("noise reduction, last second", m.nr_last_second_db, 1, "dB"),
        ("noise reduction, A-weighted, whole run", m.nr_a_weighted_db, 1, "dB"),
        ("bound, whole run", m.bound_whole_db, 1, "dB"),
        ("bound, after 1 s", m.bound_after_1s_db, 1, "dB"),
        ("gap to the bound, whole run", m.gap_whole_db, 1, "dB"),
        ("gap to the bound, after 1 s", m.gap_after_1s_db, 1, "dB"),
        ("causality margin", m.margin_ms, 2, "ms"),
        ("causality margin", m.margin_samples, 1, "samples"),
        ("time to 10 dB", m.seconds_to_10_db, 1, "s"),
        ("time to within 1 dB of the end", m.seconds_to_final, 1, "s"),
        ("worst boost", m.worst_boost_db, 1, f"dB at {m.worst_boost_hz:.0f} Hz"),
        (f"drive, RMS {limit}", m.drive_rms_db, 1, "dB"),
        (f"drive, peak {limit}", m.drive_peak_db, 1, "dB"),
        ("secondary-path estimate, error", m.model_error_db, 1, "dB"),
        ("secondary-path estimate, worst phase", m.model_phase_deg, 1, "°"),
    ]
    shown = [(name, f"{_figure(value, digits)} {unit}") for name, value, digits, unit in rows]
    octaves = zip(m.octaves.centre_hz, m.octaves.reduction_db, strict=True)
    shown += [(f"octave {band_name(f)}", f"{_figure(float(nr))} dB") for f, nr in octaves]
    return [*shown, ("diverged", "yes" if m.diverged else "no")]


def _setup_rows(study: Study) -> list[tuple[str, str]]:
    """Return the scenario's keys as a reader would write them in TOML."""
    rows = [("paths.kind", study.scenario.paths.kind)]
    for name, value in dataclasses.asdict(study.scenario).items():
        if name in ("title", "about", "folder"):
            continue
        inner = value if isinstance(value, dict) else {"": value}
        inner = {**inner, **inner.get("parameters", {})}
        inner.pop("parameters", None)
        rows += [(f"{name}.{key}".rstrip("."), _setting(v)) for key, v in inner.items()]
    return [row for row in rows if row[1]]


def _setting(value: Any) -> str:  # noqa: ANN401 - any key's value
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return f"({', '.join(_setting(v) for v in value)})"
    return f"{value:g}" if isinstance(value, float) else str(value)
