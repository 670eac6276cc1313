"""The image: what its recipe says, and that it builds and serves."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy.images import Image, build_image, until_healthy

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


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Image]:
    """Build the image from a local base."""
    yield from build_image(tmp_path_factory.mktemp("image"))


@pytest.mark.slow
def test_the_image_has_no_tools(image: Image) -> None:
    """Neither compilers nor pip nor build packages are in the last stage; its user is not root."""
    for program in ("cc", "g++", "make", "cmake", "ninja", "pip", "pip3"):
        folders = ("usr/bin", "usr/local/bin", "opt/antiphase/bin", "bin")
        assert not any((image.root / folder / program).exists() for folder in folders), program
    packages = {path.name for path in image.root.glob("opt/antiphase/lib/python3*/site-packages/*")}
    assert not packages & {"pip", "setuptools", "cmake", "ziglang", "nanobind", "scikit_build_core"}
    assert '"User": "10001:10001"' in image.config
    assert "healthcheck.py" in image.config


@pytest.mark.slow
def test_the_image_serves_on_a_closed_root(image: Image) -> None:
    """As user 10001, with a root file system that can't be written, it answers."""
    assert image.output("sh", "-c", "id -u; touch /x /opt/x 2>&1 || true").startswith("10001\n")
    assert not (image.root / "x").exists()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with image.running("antiphase", "serve", "--port", str(port)):
        until_healthy(f"http://127.0.0.1:{port}", 60)
        check = ("env", f"ANTIPHASE_PORT={port}", "python3", "/opt/antiphase/healthcheck.py")
        with image.running(*check) as done:
            assert done.wait(30) == 0


@pytest.mark.slow
def test_the_image_is_the_region_too(image: Image) -> None:
    """The regional function's server is in the same image."""
    text = image.output("python3", "-m", "antiphase.region.server", "--help")
    assert "serve" in text
