"""Identification of paths and delays: arrays in, paths and their errors out."""

from __future__ import annotations

from antiphase.identify.offline import PathEstimate, identify_mls, identify_path, mls

__all__ = ["PathEstimate", "identify_mls", "identify_path", "mls"]
