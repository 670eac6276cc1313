"""Other libraries' filters, each as a call that works through given signals; ready to be timed.

What can be prepared is prepared outside the timed call, in the peer's favour.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from types import ModuleType

import numpy as np
import numpy.typing as npt

__all__ = ["affine_padasip", "nlms_peers", "rls_padasip"]

Floats = npt.NDArray[np.float64]
Run = tuple[Callable[[], object], int]


def _module(name: str, what: str) -> ModuleType | None:
    try:
        return importlib.import_module(name)
    except ImportError:
        print(
            f"{name} is not installed: {what} is left out (pip install -r requirements/bench.txt)",
            file=sys.stderr,
        )
        return None


def _nlms_padasip(x: Floats, d: Floats, n_taps: int) -> Run | None:
    module = _module("padasip", "nlms128_vs_padasip")
    if module is None:
        return None
    rows = module.input_from_history(x, n_taps)
    target = d[n_taps - 1 :]
    filter_ = module.filters.FilterNLMS(n=n_taps, mu=0.5, w="zeros")
    return lambda: filter_.run(target, rows), len(target)


def _nlms_adafilt(x: Floats, d: Floats, n_taps: int) -> Run | None:
    module = _module("adafilt", "its nlms128")
    if module is None:
        return None
    filter_ = module.LMSFilter(n_taps, stepsize=0.5)

    def run() -> None:
        for sample, target in zip(x, d, strict=True):
            filter_.adapt(sample, target - filter_.filt(sample))

    return run, len(x)


def _nlms_pyroomacoustics(x: Floats, d: Floats, n_taps: int) -> Run | None:
    module = _module("pyroomacoustics.adaptive", "its nlms128")
    if module is None:
        return None
    filter_ = module.NLMS(n_taps, mu=0.5)

    def run() -> None:
        for sample, target in zip(x, d, strict=True):
            filter_.update(sample, target)

    return run, len(x)


def _nlms_saftig(x: Floats, d: Floats, n_taps: int, name: str) -> Run | None:
    module = _module("saftig.filtering", "its nlms128")
    if module is None:
        return None
    # Its update has a factor of 2: the same step as the others'.
    filter_ = getattr(module, name)(n_taps, 0, 1, normalized=True, step_scale=0.25)
    return lambda: filter_.apply([x], d, update_state=True), len(x)


def _nlms_adaptfilt(x: Floats, d: Floats, n_taps: int) -> Run | None:
    module = _module("adaptfilt", "its nlms128")
    if module is None:
        return None
    return lambda: module.nlms(x, d, n_taps, 0.5), len(x) - n_taps + 1


def nlms_peers(x: Floats, d: Floats, n_taps: int) -> dict[str, Run]:
    """Return the runs of all NLMS peers that are installed; slow ones on a part of the signal."""
    short = slice(0, 4 * 480)
    runs = {
        "padasip": _nlms_padasip(x[short], d[short], n_taps),
        "adafilt": _nlms_adafilt(x[short], d[short], n_taps),
        "pyroomacoustics": _nlms_pyroomacoustics(x[short], d[short], n_taps),
        "saftig": _nlms_saftig(x, d, n_taps, "LMSFilter"),
        "saftig_c": _nlms_saftig(x, d, n_taps, "LMSFilterC"),
        "adaptfilt": _nlms_adaptfilt(x[short], d[short], n_taps),
    }
    return {name: run for name, run in runs.items() if run is not None}


def affine_padasip(x: Floats, d: Floats, n_taps: int, order: int) -> Run | None:
    """Return padasip's affine projection, None where it is not installed."""
    module = _module("padasip", "ap4_128_vs_padasip")
    if module is None:
        return None
    rows = module.input_from_history(x, n_taps)
    target = d[n_taps - 1 :]
    filter_ = module.filters.FilterAP(n=n_taps, mu=0.5, order=order, w="zeros")
    return lambda: filter_.run(target, rows), len(target)


def rls_padasip(x: Floats, d: Floats, n_taps: int) -> Run | None:
    """Return padasip's recursive least squares, None where it is not installed."""
    module = _module("padasip", "rls64_vs_padasip")
    if module is None:
        return None
    rows = module.input_from_history(x, n_taps)
    target = d[n_taps - 1 :]
    filter_ = module.filters.FilterRLS(n=n_taps, mu=0.999, w="zeros")
    return lambda: filter_.run(target, rows), len(target)
