"""What a local AWS API shows of the applied modules: drift, leftovers, replacements, properties."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from tests.infra.local_api import RECORDS

__all__ = ["applied_figures"]

FOLDER = Path(__file__).resolve().parents[1] / "tests" / "infra"
FILES = ("test_foundation.py", "test_front.py", "test_serving.py")
COUNTED = ("unexpected_drift", "stale_allowances", "replaced_on_new_az")


class Counter:
    """Counts the assertions that held, and collects what the tests recorded."""

    def __init__(self) -> None:
        self.assertions = 0
        self.failed: list[str] = []
        self.figures: dict[str, int] = {}

    def pytest_assertion_pass(self, item: pytest.Item) -> None:
        """Count one assertion of a test of the applied state."""
        self.assertions += item.path.name in FILES

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Collect failures and recorded figures."""
        if report.failed:
            self.failed.append(f"{report.nodeid} ({report.when})")
        if report.when == "call":
            for name, value in report.user_properties:
                self.figures[name] = self.figures.get(name, 0) + int(str(value))


def applied_figures() -> dict[str, Any]:
    """Apply, read back and destroy; return the figures.

    Raises
    ------
    RuntimeError
        If a test of the applied state fails: its figures would say too much.
    """
    counter = Counter()
    options = ["-q", "-p", "no:cacheprovider", "-o", "enable_assertion_pass_hook=true"]
    with tempfile.TemporaryDirectory() as folder:
        # Compiled tests of an earlier run don't count; these are compiled anew.
        before, sys.pycache_prefix = sys.pycache_prefix, folder
        try:
            code = pytest.main([*options, *(str(FOLDER / file) for file in FILES)], [counter])
        finally:
            sys.pycache_prefix = before
    if counter.failed or code != pytest.ExitCode.OK:
        raise RuntimeError(f"the applied state is not as it must be: {counter.failed or code}")
    return {
        "modules_moto_applied": len(set().union(*(record.modules for record in RECORDS))),
        "modules_moto_partly": len(set().union(*(record.partly for record in RECORDS))),
        "left_after_destroy": sum(record.left for record in RECORDS),
        **{name: counter.figures[name] for name in COUNTED},
        "assertions": counter.assertions,
    }
