"""Each limit against its closed form."""

from __future__ import annotations

from collections import deque

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphase.errors import ParameterError
from antiphase.metrics.bounds import (
    delayed_step_limit,
    duplex_latency,
    fxlms_step_limit,
    gain_phase_bound_db,
    gain_tolerance_db,
    phase_tolerance_deg,
    reblocking_latency,
    zone_of_quiet_db,
    zone_of_quiet_radius,
)


def test_gain_and_phase_tolerances() -> None:
    """20 dB: 0.83 dB and 5.7°; 60° gains nothing; no error leaves nothing."""
    assert gain_tolerance_db(20) == pytest.approx(0.83, abs=0.005)
    assert phase_tolerance_deg(20) == pytest.approx(5.73, abs=0.005)
    assert gain_phase_bound_db(0, 60) == pytest.approx(0, abs=1e-12)
    assert gain_phase_bound_db(0, 0) == np.inf
    with pytest.raises(ParameterError, match="nr_db"):
        phase_tolerance_deg(-7)


@given(st.floats(0.1, 60))
def test_tolerances_invert_the_bound(nr_db: float) -> None:
    """At its tolerance each error alone leaves exactly the reduction asked for."""
    assert gain_phase_bound_db(gain_tolerance_db(nr_db), 0) == pytest.approx(nr_db)
    assert gain_phase_bound_db(0, phase_tolerance_deg(nr_db)) == pytest.approx(nr_db)


@given(st.floats(-40, 20), st.floats(1, 180))
def test_gain_phase_is_the_sum_of_two_phasors(gain_db: float, phase_deg: float) -> None:
    """−20 log10 |1 − g e^{jφ}|."""
    residual = abs(1 - 10 ** (gain_db / 20) * np.exp(1j * np.radians(phase_deg)))
    assert gain_phase_bound_db(gain_db, phase_deg) == pytest.approx(
        -20 * np.log10(max(residual, 1e-12)), abs=1e-6
    )


def test_zone_of_quiet_is_a_tenth_of_a_wavelength() -> None:
    """10 dB within about λ/10: some 30 cm at 100 Hz and a tenth of it at 1 kHz."""
    assert zone_of_quiet_radius(100) == pytest.approx(0.1 * 3.43, rel=0.15)
    assert zone_of_quiet_radius(1000) == pytest.approx(zone_of_quiet_radius(100) / 10)
    assert zone_of_quiet_radius(100, field_ratio=1.0) == pytest.approx(0.12 * 3.43 / 2, rel=0.05)


def test_zone_of_quiet_follows_the_diffuse_field() -> None:
    """Best prediction of the pressure at r from that at 0 over many plane waves: 1 − sinc²."""
    rng = np.random.default_rng(1)
    k, r = 2 * np.pi * 500 / 343, 0.1
    amplitudes = rng.standard_normal((2000, 400)) + 1j * rng.standard_normal((2000, 400))
    here, there = (
        amplitudes.sum(1),
        (amplitudes * np.exp(1j * k * r * rng.uniform(-1, 1, 400))).sum(1),
    )
    shared = abs(np.vdot(here, there)) ** 2 / np.vdot(here, here).real / np.vdot(there, there).real
    assert zone_of_quiet_db(r, 500) == pytest.approx(-10 * np.log10(1 - shared), abs=0.5)
    assert zone_of_quiet_db(0, 500) == np.inf


@pytest.mark.parametrize(
    ("delay", "phase"), [(0, 0.0), (0, 60.0), (3, 0.0), (10, 45.0), (2, -80.0)]
)
def test_delayed_step_limit_is_where_the_roots_leave_the_circle(delay: int, phase: float) -> None:
    """The roots of z^(D+1) − z^D + a e^{jφ} lie inside below the limit and outside above it."""

    def largest(step: float) -> float:
        polynomial = np.zeros(delay + 2, dtype=complex)
        polynomial[0], polynomial[1] = 1, -1
        polynomial[-1] += step * np.exp(1j * np.radians(phase))
        return float(np.abs(np.roots(polynomial)).max())

    limit = delayed_step_limit(delay, phase)
    assert largest(0.99 * limit) < 1 < largest(1.01 * limit)


def test_ninety_degrees_are_never_stable() -> None:
    """From 90° of phase error on no positive step is stable."""
    assert delayed_step_limit(0, 90) == pytest.approx(0, abs=1e-15)
    assert delayed_step_limit(3, -120) == 0


def test_broadband_step_limit() -> None:
    """2 without delay, 1 with as much delay as taps."""
    assert fxlms_step_limit(128, 0) == 2
    assert fxlms_step_limit(128, 128) == 1


def simulate_reblocking(outer: int, inner: int) -> int:
    """Return the least prefill with which the output never runs dry."""
    waiting: deque[int] = deque()
    ready = worst = 0
    for _ in range(4 * inner):
        waiting.extend(range(outer))
        while len(waiting) >= inner:
            for _ in range(inner):
                waiting.popleft()
            ready += inner
        ready -= outer
        worst = min(worst, ready)
    return -worst


@given(st.integers(1, 40), st.integers(1, 40))
def test_reblocking_costs_what_a_queue_shows(outer: int, inner: int) -> None:
    """The formula equals the prefill that a simulated pair of queues needs."""
    assert reblocking_latency(outer, inner) == simulate_reblocking(outer, inner)


def test_duplex_latency_in_metres_of_air() -> None:
    """64 samples both ways at 48 kHz: 2.7 ms, 0.92 m; 441 inside 480 costs 438 more."""
    duplex = duplex_latency(64, 48_000)
    assert duplex.latency_ms == pytest.approx(2.67, abs=0.01)
    assert duplex.air_m == pytest.approx(0.915, abs=0.005)
    assert duplex_latency(480, 48_000, inner=441).samples == 960 + 438
    with pytest.raises(ParameterError, match="outer=0"):
        reblocking_latency(0, 1)
