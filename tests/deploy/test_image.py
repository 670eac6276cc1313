"""The image: what its recipe says, and that it builds and serves."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RECIPE = ROOT / "deploy" / "docker" / "Dockerfile"


def stages() -> list[str]:
    """Return the text of each stage."""
    return re.split(r"(?m)^(?=FROM )", RECIPE.read_text(encoding="utf-8"))[1:]


def test_hadolint_finds_no_fault() -> None:
    """The linter of Dockerfiles says nothing, and no rule is switched off."""
    linter = Path(sys.executable).with_name("hadolint")
    done = subprocess.run(
        [linter, "--no-color", str(RECIPE)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
    assert "hadolint ignore" not in RECIPE.read_text(encoding="utf-8")


def test_every_base_is_pinned_by_a_digest() -> None:
    """All stages start from one variable, whose default names a digest."""
    text = RECIPE.read_text(encoding="utf-8")
    assert re.search(r"^ARG BASE=\S+@sha256:[0-9a-f]{64}$", text, re.MULTILINE)
    assert {stage.split()[1] for stage in stages()} == {"${BASE}"}


def test_the_last_stage_runs_as_nobody_and_builds_nothing() -> None:
    """The last stage copies, runs no command, has a numeric user, a health check and both ports."""
    last = stages()[-1]
    assert not re.search(r"^RUN ", last, re.MULTILINE)
    assert re.search(r"^USER [1-9]\d+:[1-9]\d+$", last, re.MULTILINE)
    assert "HEALTHCHECK" in last
    assert "EXPOSE 8443/tcp 8443/udp" in last


def test_what_is_copied_exists() -> None:
    """Each path that is copied is in the repository and not hidden from the build."""
    shown = set((ROOT / ".dockerignore").read_text(encoding="utf-8").split())
    copies = re.findall(r"(?m)^COPY ((?!--from).*)$", RECIPE.read_text(encoding="utf-8"))
    for words in copies:
        for source in words.split()[:-1]:
            assert (ROOT / source).exists(), source
            assert f"!{source}" in shown, source
