"""The root module and the environments: planned, applied to a mock, refusing what can't work."""

from __future__ import annotations

import re

import pytest

from tests.infra.terraform import ROOT, Terraform, make_terraform

ENVIRONMENTS = ("dev", "staging", "production")
# What the request's production.tfvars sets.
ASKED = {
    "environment",
    "aws_region",
    "vpc_cidr",
    "availability_zones",
    "enable_global_tables",
    "replica_regions",
    "blocked_countries",
}


@pytest.fixture(scope="module")
def terraform(tmp_path_factory: pytest.TempPathFactory) -> Terraform:
    """One copy of the infrastructure for all tests of this file."""
    return make_terraform(tmp_path_factory.mktemp("root"))


def test_modules_fit_each_other(terraform: Terraform) -> None:
    """What the environments pass down to each module is of the types that it takes."""
    where = "environments/production"
    terraform.run(where, "init", "-backend=false")
    assert "The configuration is valid" in terraform.run(where, "validate", "-no-color")


@pytest.mark.slow
def test_root_plans_applies_and_refuses(terraform: Terraform) -> None:
    """Both regions are planned for real and applied to a mock; tables outlive replicas."""
    terraform.run(".", "init", "-backend=false")
    printed = terraform.run(".", "test", "-no-color")
    assert re.search(r"Success! [1-9]\d* passed, 0 failed", printed)


@pytest.mark.slow
@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_environment_plans_with_its_file(terraform: Terraform, environment: str) -> None:
    """`-var-file=NAME.tfvars` is all that a plan of an environment needs beside an account."""
    where = f"environments/{environment}"
    terraform.run(where, "init", "-backend=false")
    printed = terraform.run(where, "test", "-no-color", f"-var-file={environment}.tfvars")
    assert re.search(r"Success! [1-9]\d* passed, 0 failed", printed)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_environments_differ_in_sizes_only(environment: str) -> None:
    """An environment declares no resource, takes the request's variables and passes them on."""
    folder = ROOT / "environments" / environment
    text = (folder / "main.tf").read_text()
    assert re.findall(r'^(?:resource|data|module) "([^"]+)"', text, re.MULTILINE) == ["antiphase"]
    values = (folder / f"{environment}.tfvars").read_text()
    assert set(re.findall(r"^(\w+) +=", values, re.MULTILINE)) >= ASKED
    declared = re.findall(r'^variable "(\w+)"', (folder / "variables.tf").read_text(), re.MULTILINE)
    passed = re.findall(r"^  (\w+) += var\.(\w+)$", text, re.MULTILINE)
    assert {name for name, _ in passed if name != "region"} == set(declared)
    assert all(name == given for name, given in passed if name != "region")
