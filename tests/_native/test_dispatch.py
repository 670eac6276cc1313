"""The right build of the kernels is picked, and every build gives the same answer."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np

from antiphase import _cpu, _native
from tests.needs import missing

RUN = """
import numpy as np
from antiphase import _native
from antiphase.adaptive import NLMSFilter
rng = np.random.default_rng(3)
x, d = rng.standard_normal((2, 500))
print(_native.ISA, float(np.sum(NLMSFilter(31, dtype=np.float64).process(x, d) ** 2)).hex())
"""


def run(isa: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-c", RUN],
        env={**os.environ, "ANTIPHASE_ISA": isa},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout or done.stderr


def test_the_best_usable_build_is_picked() -> None:
    """A processor with AVX2 does not land on the baseline."""
    forced = os.environ.get("ANTIPHASE_ISA")
    assert (forced or _cpu.isas()[0]) == _native.ISA


def test_all_builds_agree() -> None:
    """Residual energy agrees between instruction sets to rounding error."""
    results = {}
    for isa in _cpu.isas():
        code, text = run(isa)
        if code != 0 and "not built" in text:
            missing(f"the {isa} build is left out of this development environment")
        assert code == 0, text
        name, value = text.split()
        assert name == isa
        results[isa] = float.fromhex(value)
    values = list(results.values())
    np.testing.assert_allclose(values, values[0], rtol=1e-10)


def test_an_unknown_build_is_refused() -> None:
    """Forcing an instruction set that does not exist names those that do."""
    code, text = run("avx9000")
    assert code != 0
    assert "ANTIPHASE_ISA=avx9000 must be one of" in text
