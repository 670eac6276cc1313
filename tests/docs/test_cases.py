"""The page of cases."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "cases.md").read_text(encoding="utf-8")
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in TEXT.splitlines()
    if line.startswith("|")
][2:]
NAMED = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", TEXT)


def test_each_case_has_words_and_a_test() -> None:
    """Cases 1 to 25, each once, with what happens here and at least one test."""
    assert [row[0] for row in ROWS] == [str(k) for k in range(1, 26)]
    for number, fault, answer, tests in ROWS:
        assert len(fault) > 10, number
        assert len(answer) > 10, number
        assert re.search(r"`tests/[\w/]+\.py::test_\w+`", tests), number


@pytest.mark.parametrize(("path", "name"), NAMED)
def test_each_named_test_exists(path: str, name: str) -> None:
    """The file has a test of that name that is not skipped for good."""
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    found = [n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == name]
    assert len(found) == 1
    marks = [ast.unparse(mark) for mark in found[0].decorator_list]
    assert not any(mark.startswith(("pytest.mark.skip(", "pytest.mark.xfail")) for mark in marks)


def test_tests_that_claim_a_case_are_on_the_page() -> None:
    """A docstring that names a case is named by the page in that row."""
    claims = re.compile(r"CASES ((?:\d+(?:, | and )?)+)")
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        if path == Path(__file__):
            continue
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef):
                for said in claims.findall(ast.get_docstring(node) or ""):
                    place = f"`{path.relative_to(ROOT)}::{node.name}`"
                    for number in re.findall(r"\d+", said):
                        assert place in ROWS[int(number) - 1][3], (place, number)
