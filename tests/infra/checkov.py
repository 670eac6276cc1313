"""checkov over the infrastructure, from an environment of its own (`make test-all` makes it)."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.infra.terraform import ROOT
from tests.needs import missing

__all__ = ["Scan", "scan", "version"]

# Its pins don't go with the product's, so it does not live in the same environment.
PLACES = (ROOT.parent / ".venv" / "checkov" / "bin" / "checkov",)


@dataclass(frozen=True)
class Scan:
    """What the scan found: failed checks, how many passed, and each skip with its reason."""

    failed: list[str]
    passed: int
    reasons: dict[tuple[str, str], str]

    @property
    def skipped(self) -> int:
        """Skips that are written down: a check in a file, however many resources it touches."""
        return len(self.reasons)


def _program() -> str:
    named = os.environ.get("ANTIPHASE_CHECKOV") or shutil.which("checkov")
    found = named or next((str(place) for place in PLACES if place.exists()), None)
    if found is None:
        missing("checkov is not installed (`make test-all` does it)")
    return found


def version() -> str:
    """Return the version of the checkov that scans."""
    done = subprocess.run([_program(), "--version"], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def scan(folder: Path = ROOT) -> Scan:
    """Scan all Terraform files below a folder, modules as their callers configure them."""
    options = ["--framework", "terraform", "--skip-download", "--compact", "-o", "json"]
    done = subprocess.run(
        [_program(), "-d", str(folder), *options],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "LOG_LEVEL": "ERROR"},
    )
    report = json.loads(done.stdout)
    results = report["results"]
    return Scan(
        [f"{c['check_id']} {c['resource']} {c['file_path']}" for c in results["failed_checks"]],
        int(report["summary"]["passed"]),
        {
            (c["check_id"], c["file_path"]): c["check_result"].get("suppress_comment", "")
            for c in results["skipped_checks"]
        },
    )
