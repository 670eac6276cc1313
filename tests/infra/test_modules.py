"""Each Terraform module by itself: format, types, plan and apply against a mock, refusals."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.infra.terraform import MODULES, ROOT, Terraform, make_terraform

BLOCK = re.compile(r'^(variable|output) "(\w+)" \{\n(.*?)^\}', re.MULTILINE | re.DOTALL)
FILES = sorted(ROOT.rglob("modules/*/*.tf"))


@pytest.fixture(scope="module")
def terraform(tmp_path_factory: pytest.TempPathFactory) -> Terraform:
    """One copy of the infrastructure for all tests of this file."""
    return make_terraform(tmp_path_factory.mktemp("modules"))


@pytest.mark.slow
def test_files_are_formatted(terraform: Terraform) -> None:
    """`terraform fmt` would change nothing."""
    assert terraform.call(".", "fmt", "-check", "-recursive").stdout == ""


@pytest.mark.slow
@pytest.mark.parametrize("module", MODULES)
def test_module_applies_to_a_mock_and_refuses_bad_input(terraform: Terraform, module: str) -> None:
    """Applied to a mock, planned by the real provider; bad values are refused by name."""
    tests = {path.name for path in (ROOT / "modules" / module / "tests").glob("*.tftest.hcl")}
    assert {"mock.tftest.hcl", "plan.tftest.hcl"} <= tests
    terraform.run(f"modules/{module}", "init", "-backend=false")
    printed = terraform.run(f"modules/{module}", "test", "-no-color")
    assert re.search(r"Success! [1-9]\d* passed, 0 failed", printed)


@pytest.mark.parametrize("module", MODULES)
def test_every_variable_is_typed_and_everything_described(module: str) -> None:
    """Variables have a type and a description, outputs a description."""
    files = [ROOT / "modules" / module / f"{name}.tf" for name in ("variables", "outputs")]
    for kind, name, body in BLOCK.findall("".join(file.read_text() for file in files)):
        assert re.search(r'^  description = ".+\."$', body, re.MULTILINE), name
        assert kind == "output" or re.search(r"^  type +=", body, re.MULTILINE), name


@pytest.mark.parametrize(
    "path", sorted(ROOT.rglob("modules/*/*.tf")), ids=lambda p: f"{p.parent.name}/{p.name}"
)
def test_no_policy_allows_by_wildcard(path: Path) -> None:
    """Actions with a star appear only in statements that deny."""
    statements = re.split(r"\n\s+(?:statement|content) \{", path.read_text())
    wild = [text for text in statements if re.search(r"actions\s+= \[[^\]]*\*", text)]
    assert all(re.search(r'effect\s+= "Deny"', text) for text in wild)
