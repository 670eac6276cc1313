"""Multichannel control against the equations, the single-channel case, bounds and hazards."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import firwin, lfilter

from antiphase.adaptive import (
    FxLMS,
    FxNLMS,
    ModifiedFxNLMS,
    MultichannelFxLMS,
    MultichannelModifiedFx,
    prewhitening_filters,
)
from antiphase.adaptive.multichannel import _Multichannel
from antiphase.adaptive.seam import NativeController
from antiphase.arrays import Signal
from antiphase.errors import ParameterError, SignalError, StateError
from antiphase.simulation import run_loop
from benchmarks.data import available, load
from tests.textbook import MultichannelTextbook

Floats = npt.NDArray[np.float64]
needs_data = pytest.mark.skipif(not available(), reason="bench-data is not on this machine")


def paths(M: int, K: int, J: int, seed: int = 0) -> tuple[Floats, Floats]:
    """Return primary [mic, reference, taps] and secondary [mic, loudspeaker, taps] paths."""
    rng = np.random.default_rng(seed)
    primary = np.zeros((M, J, 48))
    primary[..., 12:] = rng.standard_normal((M, J, 36)) * np.exp(-np.arange(36) / 8)
    secondary = np.zeros((M, K, 24))
    secondary[..., 4:] = 0.3 * rng.standard_normal((M, K, 20)) * np.exp(-np.arange(20) / 4)
    for i in range(min(M, K)):
        secondary[i, i, 4] += 2.0
    return primary, secondary


def through(path: Floats, x: Floats) -> Floats:
    """Filter frames (n, inputs) with [output, input, taps]."""
    columns = [sum(lfilter(h, 1, s) for h, s in zip(row, x.T, strict=True)) for row in path]
    return np.stack([np.asarray(c) for c in columns], axis=1)


def reduction_db(disturbance: Signal, error: Signal) -> float:
    return float(10 * np.log10(np.sum(disturbance**2.0) / np.sum(error**2.0)))


def frames(n: int, J: int, M: int, seed: int = 1) -> tuple[Floats, Floats]:
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, J)), 0.1 * rng.standard_normal((n, M))


@pytest.mark.parametrize(("J", "K", "M"), [(2, 3, 2), (1, 5, 4), (3, 1, 5)])
@pytest.mark.parametrize("delay", [0, 9])
@pytest.mark.parametrize("kind", ["plain", "normalised", "adjoint", "channel", "projection"])
def test_follows_the_equations(J: int, K: int, M: int, delay: int, kind: str) -> None:
    """Each form and step is its documented equation to rounding error, whatever the channels."""
    N = 13
    _, s = paths(M, K, J)
    x, e = frames(300, J, M)
    book = MultichannelTextbook(N, s, J, delay)
    wanted = []
    for xn, en in zip(x, e, strict=True):
        X = book.regressors()
        energy = np.sum(X**2, axis=(0, 1))
        if kind == "plain":
            book.w -= 1e-3 * np.einsum("m,imkj->kji", en, X)
        elif kind == "normalised":
            step = 0.1 / (1e-6 + K * J * energy)
            book.w -= step[..., None] * np.einsum("m,imkj->kji", en, X)
        elif kind == "adjoint":
            book.w -= 1e-3 * book.adjoint(en)
        elif kind == "channel":
            step = 0.5 / (1e-6 + K * J * energy)
            book.w -= step[..., None] * np.einsum("m,imkj->kji", book.modified(en), X)
        else:
            rows = X.transpose(1, 2, 3, 0).reshape(M, -1)
            gram = rows @ rows.T
            gram += (1e-6 + 1e-2 * np.trace(gram) / M) * np.eye(M)
            change = rows.T @ np.linalg.solve(gram, book.modified(en))
            book.w -= 0.5 * change.reshape(K, J, N)
        wanted.append(book.emit(xn))
    kwargs: dict[str, Any] = {"references": J, "error_delay": delay, "dtype": np.float64}
    ours: _Multichannel
    if kind == "plain":
        ours = MultichannelFxLMS(N, s, 1e-3, normalised=False, **kwargs)
    elif kind == "normalised":
        ours = MultichannelFxLMS(N, s, 0.1, **kwargs)
    elif kind == "adjoint":
        ours = MultichannelFxLMS(N, s, 1e-3, normalised=False, form="error", **kwargs)
    else:
        kwargs["step"] = kind
        ours = MultichannelModifiedFx(N, s, 0.5, regularisation=1e-2, **kwargs)
    drive = ours.process(x if J > 1 else x[:, 0], e)
    np.testing.assert_allclose(drive.reshape(-1, K), np.array(wanted), atol=1e-9)
    np.testing.assert_allclose(ours.control_filter, book.w, atol=1e-9)


@pytest.mark.parametrize("delay", [0, 5])
def test_one_channel_is_the_single_channel_controller(delay: int) -> None:
    """With one of each, all rules equal FxLMS, FxNLMS and modified FxNLMS."""
    _, secondary = paths(1, 1, 1)
    x, e = (s[:, 0] for s in frames(3000, 1, 1))
    options: dict[str, Any] = {"error_delay": delay, "dtype": np.float64}
    pairs: list[tuple[NativeController, NativeController]] = [
        (
            MultichannelFxLMS(32, secondary, 1e-3, normalised=False, **options),
            FxLMS(32, secondary, 1e-3, **options),
        ),
        (
            MultichannelFxLMS(32, secondary, 0.05, leakage=0.9999, **options),
            FxNLMS(32, secondary, 0.05, leakage=0.9999, **options),
        ),
        (
            MultichannelModifiedFx(32, secondary, 0.3, **options),
            ModifiedFxNLMS(32, secondary, 0.3, **options),
        ),
    ]
    for ours, single in pairs:
        np.testing.assert_allclose(ours.process(x, e), single.process(x, e), rtol=0, atol=1e-9)
        np.testing.assert_allclose(ours.control_filter, single.control_filter, rtol=0, atol=1e-9)


def test_quiet_references_teach_nothing() -> None:
    """Sensor noise 60 dB below what the reference was leaves the filters where they are."""
    _, secondary = paths(2, 2, 1)
    x, e = frames(8000, 1, 2)
    x[4000:] *= 1e-3
    for make in (MultichannelFxLMS, MultichannelModifiedFx):
        controller = make(32, secondary, 0.05, dtype=np.float64)
        controller.process(x[:4100, 0], e[:4100])
        before = controller.control_filter
        controller.process(x[4100:, 0], e[4100:])
        np.testing.assert_array_equal(controller.control_filter, before)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("step", ["projection", "channel"])
def test_silences_every_microphone(
    dtype: npt.DTypeLike, step: Literal["projection", "channel"]
) -> None:
    """With as many loudspeakers as microphones, 2 references and no noise: ≥ 25 dB after 2 s."""
    primary, secondary = paths(3, 3, 2)
    x = np.random.default_rng(2).standard_normal((16000, 2))
    d = through(primary, x)
    controller = MultichannelModifiedFx(96, secondary, 0.5, references=2, step=step, dtype=dtype)
    result = run_loop(controller, reference=x, disturbance=d, secondary_path=secondary)
    for m in range(3):
        assert reduction_db(d[-4000:, m], result.error[-4000:, m]) > 25


def test_adjoint_form_ends_where_the_other_does() -> None:
    """Both forms of the gradient converge to the same filters at small steps."""
    primary, secondary = paths(2, 2, 1)
    x = np.random.default_rng(3).standard_normal((30000, 1))
    d = through(primary, x)
    filters = []
    for form in ("reference", "error"):
        controller = MultichannelFxLMS(48, secondary, 0.1, form=form, dtype=np.float64)
        result = run_loop(controller, reference=x[:, 0], disturbance=d, secondary_path=secondary)
        assert reduction_db(d[-4000:], result.error[-4000:]) > 25
        filters.append(controller.control_filter)
    np.testing.assert_allclose(filters[0], filters[1], atol=0.05)


def test_projection_beats_channels_where_paths_are_coupled() -> None:
    """Two loudspeakers that nearly do the same: the projection gets more of what is possible."""
    primary, secondary = paths(2, 2, 1)
    secondary = np.stack([secondary[0], secondary[0] + 0.2 * secondary[1]])
    x = np.random.default_rng(4).standard_normal((16000, 1))
    d = through(primary, x)
    reached = {}
    for step in ("projection", "channel"):
        controller = MultichannelModifiedFx(96, secondary, 0.5, step=step, regularisation=1e-4)
        result = run_loop(controller, reference=x[:, 0], disturbance=d, secondary_path=secondary)
        reached[step] = reduction_db(d[-4000:], result.error[-4000:])
    assert reached["projection"] > reached["channel"] + 3


def test_prewhitening_flattens_the_reference() -> None:
    """The filter is the AR model's inverse: unit power kept, spectrum flat."""
    x = lfilter([1], [1, -1.6, 0.8], np.random.default_rng(5).standard_normal(40000))
    a = prewhitening_filters(x, 4, floor=1e-9)
    np.testing.assert_allclose(a[0] / a[0, 0], [1, -1.6, 0.8, 0, 0], atol=0.03)
    white = lfilter(a[0], 1, x)
    assert np.std(white) == pytest.approx(np.std(x), rel=0.02)
    assert abs(np.mean(white[1:] * white[:-1])) < 0.02 * np.var(white)


def test_prewhitening_speeds_up_coloured_noise() -> None:
    """On AR noise with 40 dB of spectral range, whitening gains ≥ 6 dB in the same time."""
    primary, secondary = paths(2, 2, 1)
    x = lfilter([1], [1, -0.98], np.random.default_rng(6).standard_normal(16000))
    d = through(primary, x[:, None])
    whitening = prewhitening_filters(x, 8, secondary_path_estimate=secondary)
    reached = []
    for filters in (None, whitening):
        controller = MultichannelModifiedFx(96, secondary, 0.5, prewhitening=filters)
        result = run_loop(controller, reference=x, disturbance=d, secondary_path=secondary)
        reached.append(reduction_db(d[8000:], result.error[8000:]))
    assert reached[1] > reached[0] + 6


MAKERS: list[Callable[[], _Multichannel]] = [
    lambda: MultichannelFxLMS(11, paths(2, 3, 2)[1], 0.1, references=2, error_delay=3),
    lambda: MultichannelFxLMS(11, paths(2, 3, 2)[1], 0.1, references=2, form="error"),
    lambda: MultichannelModifiedFx(11, paths(2, 3, 2)[1], references=2),
    lambda: MultichannelModifiedFx(
        11, paths(2, 3, 2)[1], references=2, step="channel", prewhitening=[[1, 0.5], [1, -0.5]]
    ),
]


@pytest.mark.parametrize("make", MAKERS)
@given(splits=st.lists(st.integers(1, 97), min_size=1, max_size=20))
def test_block_size_invariance(make: Callable[[], _Multichannel], splits: list[int]) -> None:
    """Any split into blocks gives the same drives, bit by bit."""
    x, e = (s.astype(np.float32) for s in frames(sum(splits), 2, 2))
    whole, parts = make(), make()
    edges = np.cumsum(splits)[:-1]
    pieces = zip(np.split(x, edges), np.split(e, edges), strict=True)
    joined = np.concatenate([parts.process(a, b) for a, b in pieces])
    np.testing.assert_array_equal(joined, whole.process(x, e))


@pytest.mark.parametrize("make", MAKERS)
def test_state_goes_on_where_it_stopped(make: Callable[[], _Multichannel]) -> None:
    """A controller loaded with another's state continues as that one; a foreign one is refused."""
    x, e = (s.astype(np.float32) for s in frames(1800, 2, 2))
    first, second = make(), make()
    first.process(x[:1100], e[:1100])
    second.load_state(first.state())
    wanted = first.process(x[1100:], e[1100:])
    np.testing.assert_array_equal(second.process(x[1100:], e[1100:]), wanted)
    before = second.state()
    with pytest.raises(StateError):
        second.load_state(MultichannelFxLMS(12, paths(2, 3, 2)[1], 0.1, references=2).state())
    assert second.state() == before


@pytest.mark.parametrize("make", MAKERS)
def test_silence_and_bad_samples_leave_no_trace(make: Callable[[], _Multichannel]) -> None:
    """Zeros change no weight; NaN and Inf in any channel are rejected and counted."""
    x, e = (s.astype(np.float32) for s in frames(2000, 2, 2))
    x[700, 1], e[800, 0] = np.nan, -np.inf
    controller = make()
    assert np.isfinite(controller.process(x, e)).all()
    assert controller.rejected == 2
    zeros = np.zeros((20000, 2), np.float32)
    controller.process(zeros[:100], zeros[:100])
    before = controller.control_filter
    drive = controller.process(zeros, zeros)
    np.testing.assert_array_equal(controller.control_filter, before)
    np.testing.assert_array_equal(drive, 0)


def test_starts_anew_after_reset() -> None:
    """After reset a controller does what a new one does."""
    x, e = (s.astype(np.float32) for s in frames(700, 2, 2))
    for make in MAKERS:
        used = make()
        used.process(x, e)
        used.reset()
        np.testing.assert_array_equal(used.process(x, e), make().process(x, e))


def test_frozen_filters_go_on_filtering() -> None:
    """With `adapting` off the drives are the references through the control filters as set."""
    _, secondary = paths(2, 3, 2)
    x, e = frames(200, 2, 2)
    w = np.random.default_rng(7).standard_normal((3, 2, 11))
    controller = MultichannelFxLMS(11, secondary, 0.1, references=2, dtype=np.float64)
    controller.control_filter = w
    controller.adapting = False
    np.testing.assert_allclose(controller.process(x, e), through(w, x), atol=1e-12)


def published_room(name: str, seconds: float, band: tuple[float, float], taps: int) -> list[Floats]:
    data = load(name)
    rng = np.random.default_rng(8)
    white = rng.standard_normal(int(16000 * seconds))
    x = lfilter(firwin(taps, band, fs=16000, pass_zero=False), 1, white)
    d = through(data["primary_path"][:, None], x[:, None])
    return [np.asarray(x), d, data["secondary_path"]]


@needs_data
def test_reaches_the_published_room_in_two_seconds() -> None:
    """Room 1×4×4, 400–800 Hz: the published rule needs seconds for what ours has in the second."""
    x, d, secondary = published_room("room_1x4x4", 3, (400, 800), 513)
    controller = MultichannelModifiedFx(512, secondary, 0.1)
    error = run_loop(controller, reference=x, disturbance=d, secondary_path=secondary).error
    assert reduction_db(d[16000:], error[16000:]) > 15.5


@needs_data
@pytest.mark.slow
def test_plain_rule_gives_the_published_figure() -> None:
    """Room 1×4×4: plain multichannel FxLMS at step 1e-5 is at 17.0 dB ± 1 in second 40."""
    x, d, secondary = published_room("room_1x4x4", 40, (400, 800), 513)
    controller = MultichannelFxLMS(512, secondary, 1e-5, normalised=False)
    error = run_loop(controller, reference=x, disturbance=d, secondary_path=secondary).error
    assert reduction_db(d[-16000:], error[-16000:]) == pytest.approx(17.0, abs=1.0)


@needs_data
def test_room_of_six() -> None:
    """Room 1×6×6, 100–1000 Hz, reference SNR 40 dB: ≥ 9.5 dB in the fifth second (bound 12.5)."""
    x, d, secondary = published_room("room_1x6x6", 6, (100, 1000), 63)
    noise = 0.01 * np.std(x) * np.random.default_rng(9).standard_normal(len(x))
    controller = MultichannelModifiedFx(512, secondary, 0.1)
    error = run_loop(
        controller, reference=x, disturbance=d, secondary_path=secondary, reference_noise=noise
    ).error
    assert reduction_db(d[-16000:], error[-16000:]) > 9.5


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"n_taps": 0}, "n_taps=0 must be at least 1"),
        ({"mu": 2.5}, r"mu=2.5 must be in \(0, 2\)"),
        ({"references": 65}, "references=65"),
        ({"form": "both"}, "form"),
        ({"leakage": 1.1}, "leakage"),
        ({"epsilon": -1.0}, "epsilon"),
        ({"error_delay": -1}, "error_delay"),
    ],
)
def test_bad_parameters_say_what_to_change(kwargs: dict[str, Any], message: str) -> None:
    """Each parameter outside its range is refused in one line that names it."""
    arguments = {"n_taps": 8, "secondary_path_estimate": [1.0], "mu": 0.1, **kwargs}
    with pytest.raises(ParameterError, match=message):
        MultichannelFxLMS(**arguments)


def test_plain_step_must_be_positive() -> None:
    """The plain form takes any step above zero and no other."""
    with pytest.raises(ParameterError, match="mu=-1"):
        MultichannelFxLMS(8, [1.0], -1, normalised=False)


@pytest.mark.parametrize("kwargs", [{"step": "plain"}, {"regularisation": 0.0}])
def test_bad_modified_parameters_are_refused(kwargs: dict[str, Any]) -> None:
    """The modified form has its own steps and needs a regularisation above zero."""
    with pytest.raises(ParameterError, match=next(iter(kwargs))):
        MultichannelModifiedFx(8, [1.0], **kwargs)


@pytest.mark.parametrize("path", [np.zeros((2, 3)), np.zeros(0), [np.nan]])
def test_paths_that_are_none_are_refused(path: npt.ArrayLike) -> None:
    """A path of another shape, empty or not finite is refused."""
    with pytest.raises(SignalError, match="secondary_path_estimate"):
        MultichannelModifiedFx(8, path)


def test_prewhitening_must_fit() -> None:
    """One whitening filter per reference; a silent recording has none."""
    with pytest.raises(SignalError, match="prewhitening"):
        MultichannelModifiedFx(8, [1.0], prewhitening=[1.0, 0.5])
    with pytest.raises(SignalError, match="silent"):
        prewhitening_filters(np.zeros(100), 4)
    with pytest.raises(SignalError, match="order"):
        prewhitening_filters(np.ones(4), 4)
