"""Each Terraform module by itself: format, types, plan and apply against a mock, refusals."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.infra.terraform import MODULES, ROOT, Terraform, make_terraform

BLOCK = re.compile(r'^(variable|output) "(\w+)" \{\n(.*?)^\}', re.MULTILINE | re.DOTALL)
FILES = sorted(ROOT.rglob("modules/*/*.tf"))
# All other modules at once; the quick tests check the types of that whole.
LONG = ("stack",)
TESTED = [pytest.param(m, marks=[pytest.mark.slow] if m in LONG else []) for m in MODULES]
Printed = dict[str, Future[str]]


@pytest.fixture(scope="module")
def terraform(tmp_path_factory: pytest.TempPathFactory) -> Terraform:
    """One copy of the infrastructure for all tests of this file."""
    return make_terraform(tmp_path_factory.mktemp("modules"))


def test_files_are_formatted(terraform: Terraform) -> None:
    """`terraform fmt` would change nothing."""
    assert terraform.call(".", "fmt", "-check", "-recursive").stdout == ""


@pytest.fixture(scope="module")
def printed(terraform: Terraform, request: pytest.FixtureRequest) -> Iterator[Printed]:
    """Run the tests of the chosen modules, two at a time, for Terraform idles a lot."""

    def run(module: str) -> str:
        terraform.run(f"modules/{module}", "init", "-backend=false")
        return terraform.run(f"modules/{module}", "test", "-no-color")

    chosen = [getattr(item, "callspec", None) for item in request.session.items]
    modules = [
        str(spec.params["module"])
        for item, spec in zip(request.session.items, chosen, strict=True)
        if spec is not None and item.name.startswith("test_module_applies")
    ]
    with ThreadPoolExecutor(2) as pool:
        yield {module: pool.submit(run, module) for module in modules}


@pytest.mark.parametrize("module", TESTED)
def test_module_applies_to_a_mock_and_refuses_bad_input(printed: Printed, module: str) -> None:
    """Applied to a mock, planned by the real provider; bad values are refused by name."""
    tests = {path.name for path in (ROOT / "modules" / module / "tests").glob("*.tftest.hcl")}
    assert {"mock.tftest.hcl", "plan.tftest.hcl"} <= tests
    assert re.search(r"Success! [1-9]\d* passed, 0 failed", printed[module].result())


@pytest.mark.parametrize("module", MODULES)
def test_every_variable_is_typed_and_everything_described(module: str) -> None:
    """Variables have a type and a description, outputs a description."""
    files = [ROOT / "modules" / module / f"{name}.tf" for name in ("variables", "outputs")]
    for kind, name, body in BLOCK.findall("".join(file.read_text() for file in files)):
        assert re.search(r'^  description = ".+\."$', body, re.MULTILINE), name
        assert kind == "output" or re.search(r"^  type +=", body, re.MULTILINE), name


@pytest.mark.parametrize("path", FILES, ids=lambda p: f"{p.parent.name}/{p.name}")
def test_no_policy_allows_by_wildcard(path: Path) -> None:
    """Actions with a star appear only in statements that deny."""
    statements = re.split(r"\n\s+(?:statement|content) \{", path.read_text())
    wild = [text for text in statements if re.search(r"actions\s+= \[[^\]]*\*", text)]
    assert all(re.search(r'effect\s+= "Deny"', text) for text in wild)
