"""The check of the documents."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def docs() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_tool", ROOT / "tools" / "docs.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_all_links_lead_somewhere(docs: ModuleType) -> None:
    """Every relative link in the repository's documents exists."""
    assert list(docs.broken_links()) == []


def test_every_public_name_is_documented(docs: ModuleType) -> None:
    """Every public class and function has a docstring with its sections in order."""
    assert list(docs.bad_docstrings()) == []


def test_a_broken_link_is_found(
    docs: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A link to a file that is not there is named with its document."""
    (tmp_path / "README.md").write_text("[here](README.md) [gone](docs/none.md#part)")
    monkeypatch.setattr(docs, "ROOT", tmp_path)
    assert list(docs.broken_links()) == ["README.md: docs/none.md#part leads nowhere"]


def test_the_index_has_every_module_with_public_names(docs: ModuleType) -> None:
    """The index names the errors and the filters."""
    index = docs.api_index()
    assert "## antiphase.errors" in index
    assert "- `NLMSFilter` – " in index
