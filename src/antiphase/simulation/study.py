"""A scenario from beginning to end: scene, identification, control, bound, metrics, verdict."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import signal

from antiphase.adaptive import Controller
from antiphase.control import Guard
from antiphase.identify import StabilityWarning, check_stability, identify_path
from antiphase.metrics import (
    Bound,
    Metrics,
    fixed_filter_bound,
    noise_reduction_db,
    report_metrics,
)
from antiphase.simulation.controllers import make_controller
from antiphase.simulation.limits import Limit, find_limits, verdict
from antiphase.simulation.loop import LoopResult, run_loop
from antiphase.simulation.scenario import Scenario
from antiphase.simulation.scene import Scene, build_scene

__all__ = ["Study", "run_study"]

Floats = npt.NDArray[np.float64]
Progress = Callable[[str, float], object]

# A model error below this cannot cost 1 dB at the depths that are reached here.
GOOD_MODEL_DB = -25.0
# What a controller is told of the error of a path that is exact.
EXACT_DB = -80.0
LEAST_SQUARES = ("FxRLS", "LeastSquaresController")


@dataclass(frozen=True)
class Study:
    """A finished simulation.

    Attributes
    ----------
    scenario : Scenario
        What was asked for.
    scene : Scene
        Signals and paths.
    secondary_path_estimate : ndarray, shape (microphones, loudspeakers, taps)
        What the controller was given.
    error : ndarray, shape (n, microphones)
        Sound at the error microphones with control on.
    drive : ndarray, shape (n, loudspeakers)
        What was sent to the loudspeakers.
    control_filter : ndarray
        w at the end of the run; empty for a controller that has none.
    bound : Bound
        The fixed-filter bound over the samples from `settled`.
    settled : int
        First sample of the figures "after the first second".
    reached_db : float
        Noise reduction from `settled` to the end.
    limits : list of Limit
        What would be possible if one thing were different; the first is the bound.
    verdict : str
        One sentence: how good, how close to the bound, and why not better.
    warnings : list of str
        What a reader must know before trusting the figures.
    metrics : Metrics
        Everything that is always reported.
    """

    scenario: Scenario
    scene: Scene
    secondary_path_estimate: Floats
    error: Floats
    drive: Floats
    control_filter: Floats
    bound: Bound
    settled: int
    reached_db: float
    limits: list[Limit]
    verdict: str
    warnings: list[str]
    metrics: Metrics


def run_study(
    scenario: Scenario, *, strict: bool = False, progress: Progress | None = None
) -> Study:
    """Run a scenario and find out what limits it.

    Parameters
    ----------
    scenario : Scenario
        From `load_scenario` or made by hand.
    strict : bool
        Refuse to start a controller that the stability check warns of.
    progress : callable, optional
        Called with the name of the stage and its share done, in [0, 1].

    Returns
    -------
    Study

    Raises
    ------
    StabilityError
        With `strict`, if the estimate's phase error is too large for adaptation to be stable.
    AntiphaseError
        If a file or a parameter does not fit.
    """
    tell = progress or (lambda _stage, _share: None)
    tell("making signals and paths", 0)
    scene = build_scene(scenario)
    tell("measuring the secondary path", 0)
    estimate, path_error_db = _identify(scenario, scene)
    notes = _check(scenario, scene, estimate, strict=strict)
    controller = make_controller(
        scenario.controller, estimate, scenario.fs, path_error_db=path_error_db
    )
    loop = _run(scenario, controller, scene, lambda share: tell("controlling", share))
    error = _columns(loop.error)
    settled = min(round(scenario.fs), len(error) // 2)
    n_taps = scenario.controller.n_taps
    tell("finding the bound", 0)
    bound = fixed_filter_bound(
        scene.reference,
        scene.disturbance,
        scene.secondary_path,
        n_taps,
        start=settled,
        reference_noise=scene.reference_noise,
    )
    reached = noise_reduction_db(scene.disturbance, error, start=settled)
    tell("finding what limits it", 0)
    limits = find_limits(scene, bound, reached, n_taps=n_taps, start=settled)
    model = _model_limit(scenario, scene, estimate, reached, settled)
    limits += [model] if model else []
    notes += _notes(scenario, scene, controller, bound)
    tell("finding what limits it", 1)
    return Study(
        scenario=scenario,
        scene=scene,
        secondary_path_estimate=estimate,
        error=error,
        drive=_columns(loop.drive),
        control_filter=np.asarray(getattr(controller, "control_filter", []), dtype=np.float64),
        bound=bound,
        settled=settled,
        reached_db=reached,
        limits=limits,
        verdict=verdict(
            limits,
            reached,
            margin_ms=scene.margin_samples / scenario.fs * 1000,
            last_gap_db=_last_gap(scene, bound, error),
        ),
        warnings=notes,
        metrics=_metrics(scenario, scene, loop, bound, estimate),
    )


def _metrics(
    scenario: Scenario, scene: Scene, loop: LoopResult, bound: Bound, estimate: Floats
) -> Metrics:
    return report_metrics(
        scene.disturbance,
        _columns(loop.error),
        scenario.fs,
        bound=bound,
        margin_samples=scene.margin_samples,
        drive=loop.drive,
        drive_limit=scenario.electronics.output_limit or 1.0,
        secondary_path=scene.secondary_path,
        secondary_path_estimate=estimate,
    )


def _columns(frames: Floats) -> Floats:
    return frames[:, None] if frames.ndim == 1 else frames


def _run(
    scenario: Scenario,
    controller: Controller,
    scene: Scene,
    progress: Callable[[float], object],
) -> LoopResult:
    return run_loop(
        controller,
        reference=scene.reference,
        disturbance=scene.disturbance,
        secondary_path=scene.secondary_path,
        reference_noise=scene.reference_noise,
        error_noise=scene.error_noise,
        saturation=scenario.electronics.output_limit or None,
        progress=progress,
    )


def _identify(scenario: Scenario, scene: Scene) -> tuple[Floats, float]:
    """Measure Ŝ with white noise, one loudspeaker after the other; return it and its error."""
    settings = scenario.identification
    true = scene.secondary_path
    n_taps = settings.n_taps or true.shape[2]
    if settings.exact:
        exact = np.zeros((*true.shape[:2], n_taps))
        exact[..., : min(n_taps, true.shape[2])] = true[..., :n_taps]
        return exact, EXACT_DB
    rng = np.random.default_rng([scenario.seed, 1])
    estimate = np.empty((*true.shape[:2], n_taps))
    n = round(settings.seconds * scenario.fs)
    error_db = -np.inf
    for k in range(true.shape[1]):
        drive = rng.standard_normal(n)
        clean = np.stack([signal.oaconvolve(drive, s)[:n] for s in true[:, k]], axis=1)
        level = np.sqrt(np.mean(clean**2, axis=0)) * 10 ** (-settings.snr_db / 20)
        response = clean + rng.standard_normal(clean.shape) * level
        for m in range(true.shape[0]):
            found = identify_path(drive, response[:, m], n_taps)
            estimate[m, k], error_db = found.taps, max(error_db, found.error_db)
    return estimate, error_db


def _check(scenario: Scenario, scene: Scene, estimate: Floats, *, strict: bool) -> list[str]:
    """Return a warning where adaptation with this estimate may be unstable; refuse if strict."""
    exact = scenario.controller.kind in LEAST_SQUARES
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", StabilityWarning)
        found = check_stability(
            scene.secondary_path,
            estimate,
            scenario.fs,
            _band(scene),
            method="least_squares" if exact else "fxlms",
            strict=strict,
        )
    return [] if found.stable else [f"This may be unstable: {found.message}."]


def _band(scene: Scene) -> tuple[float, float]:
    """Return the band that holds all but 1 % of the filtered reference's power on either side."""
    filtered = signal.oaconvolve(scene.reference, scene.secondary_path[0, 0])
    f, power = signal.welch(filtered, scene.fs, nperseg=min(2048, len(filtered)))
    share = np.cumsum(power) / np.sum(power)
    low, high = np.searchsorted(share, [0.01, 0.99])
    return float(f[max(low, 1)]), float(f[min(high, len(f) - 2)])


def _last_gap(scene: Scene, bound: Bound, error: Floats) -> float:
    start = len(error) * 3 // 4
    best = noise_reduction_db(scene.disturbance, bound.error, start=start)
    return best - noise_reduction_db(scene.disturbance, error, start=start)


def _model_limit(
    scenario: Scenario, scene: Scene, estimate: Floats, reached_db: float, start: int
) -> Limit | None:
    """Run once more with the true path where the estimate is poor enough to matter."""
    true = scene.secondary_path
    shared = min(true.shape[2], estimate.shape[2])
    missing = np.sum(true[..., shared:] ** 2)
    difference = np.sum((true[..., :shared] - estimate[..., :shared]) ** 2) + missing
    if difference <= 10 ** (GOOD_MODEL_DB / 10) * np.sum(true**2):
        return None
    controller = make_controller(scenario.controller, true, scenario.fs, path_error_db=EXACT_DB)
    loop = _run(scenario, controller, scene, lambda _share: None)
    exact = noise_reduction_db(scene.disturbance, _columns(loop.error), start=start)
    return Limit("model", "same controller, true path", exact, exact - reached_db)


def _notes(scenario: Scenario, scene: Scene, controller: Controller, bound: Bound) -> list[str]:
    """Return what else a reader must know."""
    notes = []
    if scenario.generated:
        notes.append(
            "Noise and paths are generated, not recorded: set ANTIPHASE_BENCH_DATA, or name your "
            "own recording and paths in a TOML file."
        )
    span = scenario.controller.n_taps - 1 + scene.anti_noise_samples
    if scene.lead_samples > span:
        need = int(np.ceil(scene.lead_samples - scene.anti_noise_samples)) + 1
        notes.append(f"The delay is outside the control filter's span: it needs {need} taps.")
    if isinstance(controller, Guard):
        status = controller.status
        if status.rollbacks or status.mutes:
            notes.append(
                f"The guard stepped in: {status.rollbacks} × back to an earlier filter, "
                f"{status.mutes} × muted ({100 * status.muted_share:.0f} % of the time)."
            )
    rejected = getattr(controller, "rejected", 0)
    if rejected:
        notes.append(f"{rejected} samples were NaN or infinite and were taken as 0.")
    if bound.nr_db < 3:
        notes.append(
            "No fixed filter gains 3 dB here: this noise can't be cancelled at this margin."
        )
    return notes
