"""Terraform on a copy of `infra/`, with the provider from a local mirror where there is one.

`ANTIPHASE_TERRAFORM_MIRROR` names a folder in the layout of a filesystem mirror; without it
Terraform asks its registry.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.needs import missing

__all__ = ["MODULES", "ROOT", "Terraform", "make_terraform"]

ROOT = Path(__file__).resolve().parents[2] / "infra"
MODULES = sorted(path.parent.name for path in ROOT.glob("modules/*/versions.tf"))
MIRROR = "ANTIPHASE_TERRAFORM_MIRROR"
# Lines that a fault shows: the end, where Terraform says what is wrong.
_TOLD = 200


@dataclass(frozen=True)
class Terraform:
    """Runs Terraform below a copy of the infrastructure."""

    infra: Path
    env: dict[str, str]

    def call(self, where: str, *words: str) -> subprocess.CompletedProcess[str]:
        """Run one command and return how it ended."""
        return subprocess.run(
            [shutil.which("terraform") or "terraform", *words],
            cwd=self.infra / where,
            env=self.env,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            check=False,
        )

    def run(self, where: str, *words: str) -> str:
        """Run one command that must succeed and return what it printed."""
        done = self.call(where, *words)
        said = (done.stdout + done.stderr).splitlines()
        assert done.returncode == 0, "\n".join(said[-_TOLD:])
        return done.stdout


def make_terraform(folder: Path, extra: dict[str, str] | None = None) -> Terraform:
    """Copy the infrastructure; skip the test without Terraform and provider, or fail it in CI."""
    infra = folder / "infra"
    skipped = shutil.ignore_patterns(".terraform*", "*.tfstate*")
    shutil.copytree(ROOT, infra, ignore=skipped)
    # The root module reads the alert rules of the deployment.
    shutil.copytree(ROOT.parent / "deploy" / "prometheus", folder / "deploy" / "prometheus")
    env = {key: value for key, value in os.environ.items() if not key.startswith("AWS_")}
    # Terraform spends a third of its time on collecting garbage unless it may keep more of it.
    env |= {"CHECKPOINT_DISABLE": "1", "TF_IN_AUTOMATION": "1", "GOGC": "400", **(extra or {})}
    config = folder / "cli.tfrc"
    mirror = os.environ.get(MIRROR)
    text = "disable_checkpoint = true\n"
    if mirror:
        place = f"filesystem_mirror {{\n path = {json.dumps(mirror)}\n }}"
        text += f"provider_installation {{\n {place}\n}}\n"
    config.write_text(text, encoding="utf-8")
    env["TF_CLI_CONFIG_FILE"] = str(config)
    terraform = Terraform(infra, env)
    why = ""
    if shutil.which("terraform") is None:
        why = "terraform is not on the PATH"
    elif terraform.call("modules/kms", "init", "-backend=false").returncode != 0:
        why = f"terraform can't get the AWS provider: no network, and {MIRROR} names no mirror"
    if why:
        missing(why)
    return terraform
