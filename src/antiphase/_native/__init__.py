"""The C++ kernels, in the build that fits this processor.

`ISA` names the instruction set in use. The environment variable ``ANTIPHASE_ISA`` forces one
(``baseline`` or ``avx2``), for tests and for comparing.
"""

from __future__ import annotations

import importlib
import os

from antiphase import _cpu
from antiphase.errors import AntiphaseError


def _load() -> dict[str, object]:
    forced = os.environ.get("ANTIPHASE_ISA")
    usable = _cpu.isas()
    if forced and forced not in usable:
        raise AntiphaseError(f"ANTIPHASE_ISA={forced} must be one of {', '.join(usable)}")
    for isa in [forced] if forced else usable:
        try:
            module = importlib.import_module(f"antiphase._native_{isa}")
        except ModuleNotFoundError:
            continue
        return {k: v for k, v in vars(module).items() if not k.startswith("__")}
    raise AntiphaseError(
        "the native kernels are not built; run `make build` or reinstall antiphase"
    )


globals().update(_load())
