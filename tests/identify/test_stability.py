"""The stability check against loops that do and do not diverge."""

from __future__ import annotations

import warnings

import numpy as np
import numpy.typing as npt
import pytest
from scipy import signal

from antiphase.errors import ParameterError, SignalError, StabilityError
from antiphase.identify.stability import StabilityWarning, check_stability, step_limit
from benchmarks.data import available, load

Floats = npt.NDArray[np.float64]
FS = 8000
PATH = np.array([0.0, 0.0, 1.0, 0.5, -0.2])


def white(n: int, seed: int = 1) -> Floats:
    return np.random.default_rng(seed).standard_normal(n)


def fxlms_level_db(x: Floats, d: Floats, s: Floats, model: Floats, n_taps: int, mu: float) -> float:
    """Run FxNLMS sample by sample from the equations; the level of its last quarter re d."""
    filtered = np.pad(np.convolve(x, model)[: len(x)], (n_taps - 1, 0))
    padded, drive = np.pad(x, (n_taps - 1, 0)), np.zeros(len(x) + len(s) - 1)
    w, e = np.zeros(n_taps), np.zeros(len(x))
    epsilon = 1e-3 * n_taps * np.var(filtered)
    for n in range(len(x)):
        drive[n + len(s) - 1] = w @ padded[n : n + n_taps]
        e[n] = d[n] + s[::-1] @ drive[n : n + len(s)]
        if abs(e[n]) > 1e3 * np.abs(d).max():
            return np.inf
        past = filtered[n : n + n_taps]
        w -= mu * e[n] * past / (epsilon + past @ past)
    last = slice(3 * len(x) // 4, None)
    return 10 * float(np.log10(np.sum(e[last] ** 2) / np.sum(d[last] ** 2)))


def test_a_good_model_passes() -> None:
    """The path itself: no phase error, stable, no warning."""
    report = check_stability(PATH, PATH, FS)
    assert report.stable
    assert report.unstable_hz == ()
    assert report.worst_phase_deg == pytest.approx(0, abs=1e-6)
    assert "below the 90° that fxlms allows" in report.message


def test_a_delayed_model_fails_from_a_quarter_of_the_period_on() -> None:
    """Two samples late: 90° at fs / 8, so all from 1 kHz up is unstable, and it says where."""
    late = np.concatenate([[0.0, 0.0], PATH])
    with pytest.warns(StabilityWarning, match=r"phase error of the model is 1\d\d° at \d+ Hz"):
        report = check_stability(PATH, late, FS)
    assert not report.stable
    assert report.unstable_hz[0][0] == pytest.approx(1000, rel=0.1)


def test_the_band_decides() -> None:
    """The same model is fine for a reference below 900 Hz."""
    late = np.concatenate([[0.0, 0.0], PATH])
    report = check_stability(PATH, late, FS, (50, 900))
    assert report.stable
    assert 70 < report.worst_phase_deg < 90
    assert 50 <= report.worst_hz <= 900


def test_strict_refuses() -> None:
    """With strict the controller isn't started at all."""
    with pytest.raises(StabilityError, match="identify the secondary path again"):
        check_stability(PATH, -PATH, FS, strict=True)


def test_least_squares_needs_sixty_degrees() -> None:
    """75° are enough for gradient updates but not for least squares."""
    late = np.concatenate([[0.0], PATH])
    band = (1500.0, 1700.0)
    assert check_stability(PATH, late, FS, band).stable
    with pytest.warns(StabilityWarning, match="least_squares needs less than 60°"):
        assert not check_stability(PATH, late, FS, band, method="least_squares").stable


@pytest.mark.parametrize(("late", "stable"), [(0, True), (1, True), (3, False)])
def test_verdict_is_that_of_a_running_loop(late: int, stable: bool) -> None:
    """Noise between 800 and 1200 Hz: FxLMS with a small step does what the check says."""
    band = signal.firwin(101, [800, 1200], pass_zero=False, fs=FS)
    x = np.convolve(white(30_000), band)[:30_000]
    d = np.concatenate([np.zeros(6), x[:-6]])
    model = np.concatenate([np.zeros(late), PATH])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", StabilityWarning)
        report = check_stability(PATH, model, FS, (800, 1200))
    level = fxlms_level_db(x, d, PATH, model, 32, 0.02)
    assert report.stable is stable
    assert (level < -3) is stable
    assert stable or level > 3


@pytest.mark.parametrize(
    ("cross", "guess", "stable"), [(0.5, -0.45, True), (1.5, -1.35, False), (1.5, 1.35, True)]
)
def test_coupled_channels_are_judged_by_their_modes(
    cross: float, guess: float, stable: bool
) -> None:
    """Two by two, cross paths modelled with the wrong sign: stable while they are the weaker."""

    def paths(gain: float) -> Floats:
        taps: Floats = np.array([[1, gain], [gain, 1]])[..., None] * np.array([0.0, 1.0])
        return taps

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", StabilityWarning)
        assert check_stability(paths(cross), paths(guess), FS).stable is stable


def test_more_loudspeakers_than_microphones() -> None:
    """The modes that no microphone hears do not count."""
    true = white(24).reshape(1, 3, 8)
    assert check_stability(true, 0.7 * true, FS).stable


def test_step_limit_of_a_pure_delay() -> None:
    """White noise and a pure delay: stable at half the estimate, not at four times it."""
    s = np.zeros(33)
    s[32] = 1.0
    x = white(20_000)
    d = np.convolve(x, np.r_[np.zeros(40), white(20, 2)])[:20_000]
    limit = step_limit(x, s, 128, FS)
    assert limit.delay == pytest.approx(32)
    assert fxlms_level_db(x, d, s, s, 128, 0.5 * limit.mu) < -40
    assert fxlms_level_db(x, d, s, s, 128, min(4 * limit.mu, 2.5)) > 0


@pytest.mark.skipif(not available(), reason="bench-data is not on this machine")
@pytest.mark.parametrize("name", ["drill", "aircraft", "motorbike"])
def test_step_limit_of_the_measured_duct(name: str) -> None:
    """Resonant duct: .01 to .06, as the published loops show, not the textbook's 2."""
    data = load("duct")
    limit = step_limit(data[name], data["secondary_path"], 1024, 16_000)
    assert 0.01 < limit.mu < 0.06


def test_step_limit_is_zero_for_a_model_of_the_wrong_sign() -> None:
    """Nothing is stable beyond 90°."""
    assert step_limit(white(1000), PATH, 32, FS, estimate=-PATH).mu == pytest.approx(0, abs=1e-12)


def test_bad_input_says_what_to_change() -> None:
    """Bands outside fs / 2, unknown methods and wrong shapes are refused."""
    with pytest.raises(ParameterError, match="band"):
        check_stability(PATH, PATH, FS, (100, 5000))
    with pytest.raises(ParameterError, match="method='rls'"):
        check_stability(PATH, PATH, FS, method="rls")  # type: ignore[arg-type]
    with pytest.raises(SignalError, match=r"must be \(taps,\) or"):
        check_stability(np.ones((2, 4)), np.ones((2, 4)), FS)
    with pytest.raises(SignalError, match="needs 128"):
        step_limit(white(100), PATH, 32, FS)
    with pytest.raises(SignalError, match="silent"):
        step_limit(np.zeros(1000), PATH, 32, FS)
    with pytest.raises(SignalError, match=r"must be \(taps,\)"):
        step_limit(white(1000), np.ones((1, 1, 4)), 32, FS)
