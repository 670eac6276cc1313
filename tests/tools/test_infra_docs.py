"""The page of inputs and outputs of the Terraform modules."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tools.infra_docs import PAGE, module_page, page


def test_the_page_is_up_to_date() -> None:
    """What the tool would write is what is there."""
    assert PAGE.read_text(encoding="utf-8") == page()


def test_a_module_is_shown_as_it_is_declared(tmp_path: Path) -> None:
    """Name, type, default and description of each input, required where there is no default."""
    (tmp_path / "variables.tf").write_text(
        'variable "a" {\n  description = "First | one."\n  type = number\n  default = 2\n}\n'
        'variable "b" {\n  description = "Second."\n  type = list(string)\n}\n'
    )
    (tmp_path / "outputs.tf").write_text('output "c" {\n  description = "Third."\n  value = 1\n}\n')
    text = module_page("m", tmp_path)
    assert "| `a` | `number` | `2` | First \\| one. |" in text
    assert "| `b` | `list(string)` | required | Second. |" in text
    assert "| `c` | Third. |" in text


@pytest.mark.parametrize("kind", ["variable", "output"])
def test_nothing_is_left_out(kind: str) -> None:
    """Every variable and output of the files has its line."""
    folders = [PAGE.parent, *(path.parent for path in PAGE.parent.glob("modules/*/versions.tf"))]
    file = "variables.tf" if kind == "variable" else "outputs.tf"
    names = [
        name
        for folder in folders
        for name in re.findall(rf'^{kind} "(\w+)"', (folder / file).read_text(), re.MULTILINE)
    ]
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    columns = 6 if kind == "variable" else 4
    shown = [line for line in lines if line.startswith("| `") and _columns(line) == columns]
    assert len(shown) == len(names)


def _columns(line: str) -> int:
    return len(re.split(r"(?<!\\)\|", line))
