"""The cancellers give what other libraries give where their definitions agree."""

from __future__ import annotations

import warnings

import av
import numpy as np
import numpy.typing as npt
import pytest

from antiphase.adaptive import AffineProjectionFilter, LMSFilter, NLMSFilter

with warnings.catch_warnings():
    # Its docstrings hold escapes that newer Python warns of.
    warnings.simplefilter("ignore")
    import padasip

Floats = npt.NDArray[np.float64]
N_TAPS = 24


@pytest.fixture(scope="module")
def signals() -> tuple[Floats, Floats, Floats]:
    """White reference, primary with noise, and the matrix of delayed references, newest first."""
    rng = np.random.default_rng(11)
    x = rng.standard_normal(3000)
    d = np.convolve(x, 0.8 ** np.arange(N_TAPS))[: len(x)] + 0.01 * rng.standard_normal(len(x))
    padded = np.concatenate([np.zeros(N_TAPS - 1), x])
    rows = np.lib.stride_tricks.sliding_window_view(padded, N_TAPS)[:, ::-1]
    return x, d, np.ascontiguousarray(rows)


def test_nlms_equals_padasips(signals: tuple[Floats, Floats, Floats]) -> None:
    """Step mu / (eps + |x|²), the same residual to rounding."""
    x, d, rows = signals
    peer = padasip.filters.FilterNLMS(n=N_TAPS, mu=0.6, eps=1e-3, w="zeros")
    _, theirs, _ = peer.run(d, rows)
    ours = NLMSFilter(N_TAPS, 0.6, epsilon=1e-3, energy_floor=0.0, dtype=np.float64)
    np.testing.assert_allclose(ours.process(x, d), theirs, atol=1e-10)


def test_lms_equals_padasips(signals: tuple[Floats, Floats, Floats]) -> None:
    """Plain step, the same residual to rounding."""
    x, d, rows = signals
    _, theirs, _ = padasip.filters.FilterLMS(n=N_TAPS, mu=0.01, w="zeros").run(d, rows)
    ours = LMSFilter(N_TAPS, 0.01, dtype=np.float64)
    np.testing.assert_allclose(ours.process(x, d), theirs, atol=1e-10)


def test_affine_projection_settles_as_padasips(signals: tuple[Floats, Floats, Floats]) -> None:
    """Regularisation is placed differently, so the settled levels are compared: within 0.5 dB."""
    x, d, rows = signals
    peer = padasip.filters.FilterAP(n=N_TAPS, order=4, mu=0.3, w="zeros")
    _, theirs, _ = peer.run(d, rows)
    ours = AffineProjectionFilter(N_TAPS, order=4, mu=0.3, dtype=np.float64).process(x, d)
    levels = [10 * np.log10(np.mean(np.square(e[1500:]))) for e in (ours, theirs)]
    assert abs(levels[0] - levels[1]) < 0.5


def ffmpeg_anlms(x: Floats, d: Floats, options: str) -> Floats:
    """Run FFmpeg's adaptive filter, in float32; returns desired minus filtered."""
    source = "sample_rate=8000:sample_fmt=dblp:channel_layout=mono:time_base=1/8000"
    graph = av.filter.Graph()
    inputs = [graph.add("abuffer", source) for _ in range(2)]
    filter_, sink = graph.add("anlms", options), graph.add("abuffersink")
    for pad, node in enumerate(inputs):
        node.link_to(filter_, 0, pad)
    filter_.link_to(sink)
    graph.configure()
    parts = []
    for start in range(0, len(x), 1000):
        for node, signal in zip(inputs, (x, d), strict=True):
            frame = av.AudioFrame.from_ndarray(signal[None, start : start + 1000], "dblp", "mono")
            frame.sample_rate, frame.pts = 8000, start
            node.push(frame)
        out = sink.pull()
        assert isinstance(out, av.AudioFrame)
        parts.append(out.to_ndarray()[0])
    return np.concatenate(parts)


def test_nlms_equals_ffmpegs(signals: tuple[Floats, Floats, Floats]) -> None:
    """FFmpeg's `anlms` gives the same residual to float32 (lengths in 16s, as there).

    Its `arls` starts from another matrix and has no loading, so the two don't agree by definition.
    """
    x, d, _ = signals
    theirs = ffmpeg_anlms(x, d, "order=32:mu=0.6:eps=1e-3:leakage=0:out_mode=o")
    ours = NLMSFilter(32, 0.6, epsilon=1e-3, energy_floor=0.0, dtype=np.float64).process(x, d)
    np.testing.assert_allclose(ours, theirs, atol=1e-5)
