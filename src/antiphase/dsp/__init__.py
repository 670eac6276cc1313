"""Streaming blocks and linear algebra of signals; they know nothing of noise control."""

from __future__ import annotations

from antiphase.dsp.biquad import BiquadFilter, butterworth
from antiphase.dsp.delay import (
    FractionalDelay,
    IntegerDelay,
    VariableDelay,
    lagrange_delay_taps,
    sinc_delay_taps,
)
from antiphase.dsp.fir import FIRFilter
from antiphase.dsp.interpolate import SincInterpolator
from antiphase.dsp.normal_equations import covariance_matrix, cross_covariance, solve_ridge
from antiphase.dsp.overlap_save import OverlapSave
from antiphase.dsp.resample import DriftResampler, PolyphaseResampler, rate_ratio, resample
from antiphase.dsp.response import (
    first_arrival,
    frequency_response,
    group_delay,
    minimum_phase,
)
from antiphase.dsp.spectrum import (
    Bands,
    WelchAccumulator,
    band_powers,
    coherence,
    cross_density,
    octave_bands,
    power_density,
    segment_length,
)
from antiphase.dsp.stream import StreamBlock, apply

__all__ = [
    "Bands",
    "BiquadFilter",
    "DriftResampler",
    "FIRFilter",
    "FractionalDelay",
    "IntegerDelay",
    "OverlapSave",
    "PolyphaseResampler",
    "SincInterpolator",
    "StreamBlock",
    "VariableDelay",
    "WelchAccumulator",
    "apply",
    "band_powers",
    "butterworth",
    "coherence",
    "covariance_matrix",
    "cross_covariance",
    "cross_density",
    "first_arrival",
    "frequency_response",
    "group_delay",
    "lagrange_delay_taps",
    "minimum_phase",
    "octave_bands",
    "power_density",
    "rate_ratio",
    "resample",
    "segment_length",
    "sinc_delay_taps",
    "solve_ridge",
]
