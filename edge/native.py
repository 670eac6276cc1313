"""The optional compiled kernel: plain C functions in a shared library, called through ctypes.

Absent, or not for this machine: every name is None, `ENGINE` is "python", and `filter` does the
work.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from .filter import Floats, Rule, Step

LIBRARY = os.path.join(os.path.dirname(__file__), "kernel.so")  # noqa: PTH118, PTH120 - quick start
PRESENT = os.path.exists(LIBRARY)  # noqa: PTH110 - as above
if TYPE_CHECKING or PRESENT:
    import ctypes

__all__ = ["ENGINE", "convolve", "fxnlms", "nlms"]

ABI = 1

ENGINE = "python"
nlms: Callable[[Sequence[float], Floats, Floats, Rule, float], Step] | None = None
fxnlms: Callable[[Floats, Floats, Floats, Floats, Rule, float], Step] | None = None
convolve: Callable[[Floats, Floats], Floats] | None = None


def _load() -> ctypes.CDLL | None:
    try:
        library = ctypes.CDLL(LIBRARY)
    except OSError:
        return None
    return library if library.antiphase_edge_abi() == ABI else None


def _array(values: Sequence[float]) -> ctypes.Array[ctypes.c_double]:
    return (ctypes.c_double * len(values))(*values)


def _numbers(rule: Rule) -> list[ctypes.c_double]:
    return [ctypes.c_double(value) for value in rule]


def _bind(library: ctypes.CDLL) -> None:
    global ENGINE, nlms, fxnlms, convolve

    def run_nlms(
        reference: Sequence[float], primary: Floats, weights: Floats, rule: Rule, peak: float = 0.0
    ) -> Step:
        w, out, top = _array(weights), _array(primary), ctypes.c_double(peak)
        sizes = ctypes.c_size_t(len(primary)), ctypes.c_size_t(len(weights))
        library.antiphase_nlms(
            _array(reference), out, w, *sizes, *_numbers(rule), ctypes.byref(top)
        )
        return Step(list(out), list(w), top.value)

    def run_fxnlms(
        reference: Floats,
        filtered: Floats,
        error: Floats,
        weights: Floats,
        rule: Rule,
        peak: float = 0.0,
    ) -> Step:
        w, out, top = _array(weights), _array(error), ctypes.c_double(peak)
        sizes = ctypes.c_size_t(len(error)), ctypes.c_size_t(len(weights))
        library.antiphase_fxnlms(
            _array(reference), _array(filtered), out, w, *sizes, *_numbers(rule), ctypes.byref(top)
        )
        return Step(list(out), list(w), top.value)

    def run_convolve(signal: Floats, path: Floats) -> Floats:
        count = len(signal) - len(path) + 1
        out = (ctypes.c_double * count)()
        sizes = ctypes.c_size_t(count), ctypes.c_size_t(len(path))
        library.antiphase_convolve(_array(signal), _array(path), out, *sizes)
        return list(out)

    ENGINE, nlms, fxnlms, convolve = "native", run_nlms, run_fxnlms, run_convolve


_LIBRARY = _load() if PRESENT else None
if _LIBRARY is not None:
    _bind(_LIBRARY)
