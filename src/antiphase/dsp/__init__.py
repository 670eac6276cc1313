"""Streaming blocks and linear algebra of signals; they know nothing of noise control."""

from __future__ import annotations

from antiphase.dsp.normal_equations import covariance_matrix, cross_covariance, solve_ridge

__all__ = ["covariance_matrix", "cross_covariance", "solve_ridge"]
