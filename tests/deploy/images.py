"""Builds the image without an engine or a registry, and runs it as a cluster would.

The base is a local root filesystem of Debian's packages, so what is proved is the recipe, not the
published base. Buildah needs no daemon; packages are fetched beforehand and given as a folder.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.needs import missing

__all__ = ["Image", "build_image", "until_healthy"]

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = "python3,python3-venv,libpython3-dev,ca-certificates"
# A root file system that can't be written, as with readOnlyRootFilesystem: only /tmp can.
RUN = """
set -e
mount --make-rprivate /
mount --bind "$1" "$1"
mount -o remount,bind,ro "$1"
mount -t tmpfs -o mode=1777 tmpfs "$1/tmp"
mount -t proc proc "$1/proc"
root=$1; shift
exec chroot --userspec=10001:10001 "$root" env -i PATH=/opt/antiphase/bin:/usr/bin:/bin HOME=/tmp \
  PYTHONDONTWRITEBYTECODE=1 "$@"
"""


@dataclass(frozen=True)
class Image:
    """A built image.

    Attributes
    ----------
    root : Path
        Its mounted file system.
    config : str
        What buildah says of it, JSON.
    """

    root: Path
    config: str

    @contextmanager
    def running(self, *words: str) -> Iterator[subprocess.Popen[str]]:
        """Run a command in it as user 10001 on a root file system that can't be written."""
        command = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", RUN, "run"]
        with subprocess.Popen(
            [*command, str(self.root), *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    def output(self, *words: str) -> str:
        """Return what a command in it prints."""
        with self.running(*words) as process:
            return process.communicate(timeout=60)[0]


def check_tools() -> None:
    """Skip the test where an image can't be built, or fail it in CI."""
    lacks = [name for name in ("buildah", "mmdebstrap", "unshare") if shutil.which(name) is None]
    why = f"{', '.join(lacks)} not installed" if lacks else ""
    if not why and os.geteuid() != 0:
        why = "building in a chroot needs root"
    if why:
        missing(why)


def make_base(path: Path) -> None:
    """Write a root file system of Debian with Python to a tar file."""
    program = shutil.which("mmdebstrap") or ""
    options = ["--quiet", "--variant=minbase", f"--include={PACKAGES}"]
    subprocess.run([program, *options, "bookworm", path], check=True)


def fetch_packages(folder: Path) -> None:
    """Fetch what the image installs, with the pip of this environment."""
    # Debian's own Python is a little older than the pins were made for and needs one package more.
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--dest", str(folder)]
    files = [f"--requirement=requirements/{name}.txt" for name in ("build", "run", "edge")]
    extra = ["--constraint=requirements/constraints.txt", "ziglang", "async-timeout"]
    subprocess.run([*pip, *files, *extra], cwd=ROOT, check=True)


def build_image(folder: Path) -> Iterator[Image]:
    """Build the image from a local base and mount it."""
    check_tools()
    base, packages = folder / "base.tar", folder / "packages"
    store = ("--storage-driver=vfs", f"--root={folder / 'store'}", f"--runroot={folder / 'run'}")

    def buildah(*words: str | Path) -> str:
        done = subprocess.run(
            [shutil.which("buildah") or "", *store, *map(str, words)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
            env=os.environ | {"BUILDAH_ISOLATION": "chroot"},
        )
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout.strip()

    make_base(base)
    fetch_packages(packages)
    empty = buildah("from", "scratch")
    buildah("add", empty, base, "/")
    buildah("commit", "--rm", empty, "localhost/base")
    arguments = ("BASE=localhost/base", "PIP_NO_INDEX=1", "PIP_FIND_LINKS=/packages")
    options = [f"--build-arg={argument}" for argument in arguments]
    recipe = ("--format=docker", "--file=deploy/docker/Dockerfile", "--tag=antiphase")
    buildah("build", *recipe, *options, f"--volume={packages}:/packages:ro", ".")
    container = buildah("from", "antiphase")
    try:
        root = Path(buildah("mount", container))
        yield Image(root, buildah("inspect", "--type", "image", "antiphase"))
    finally:
        buildah("rm", container)


def until_healthy(url: str, seconds: float) -> None:
    """Wait until a service answers."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if httpx.get(f"{url}/healthz").status_code == httpx.codes.OK:
                return
        except httpx.HTTPError:
            time.sleep(0.1)
    raise AssertionError(f"{url} does not answer")
