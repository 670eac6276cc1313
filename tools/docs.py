"""Check the documents and write the index of the API (`make docs`).

Three checks: every relative link in a Markdown file leads somewhere, every public name has a
docstring with a summary and its sections in numpydoc's order, and every module of the package says
in one line what it is. The index goes to build/docs/api.md.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from numpydoc.validate import validate

import antiphase

ROOT = Path(__file__).resolve().parents[1]
LINK = re.compile(r"\]\(([^)\s]+)\)")
# No docstring, no summary, sections in the wrong order, a parameter's type line without a colon.
CHECKS = {"GL08", "SS01", "GL07", "PR10"}


def documents() -> list[Path]:
    """Return the Markdown files of the repository."""
    return sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def broken_links() -> Iterator[str]:
    """Name every relative link that leads nowhere."""
    for document in documents():
        for target in LINK.findall(document.read_text(encoding="utf-8")):
            if target.startswith(("http:", "https:", "mailto:", "#")):
                continue
            if not (document.parent / target.split("#")[0]).exists():
                yield f"{document.relative_to(ROOT)}: {target} leads nowhere"


def modules() -> Iterator[ModuleType]:
    """Import every module of the package that has a public name."""
    for found in pkgutil.walk_packages(antiphase.__path__, "antiphase."):
        if "._" not in found.name:
            yield importlib.import_module(found.name)


def public(module: ModuleType) -> Iterator[tuple[str, object]]:
    """Return the classes and functions that a module defines and exports."""
    for name in getattr(module, "__all__", []):
        item = getattr(module, name)
        if getattr(item, "__module__", None) == module.__name__ and (
            inspect.isclass(item) or inspect.isfunction(item)
        ):
            yield name, item


def bad_docstrings() -> Iterator[str]:
    """Name every public name whose docstring does not say what it must."""
    for module in modules():
        if not module.__doc__:
            yield f"{module.__name__}: no docstring"
        for name, _ in public(module):
            path = f"{module.__name__}.{name}"
            for code, message in validate(path)["errors"]:
                if code in CHECKS:
                    yield f"{path}: {code} {message}"


def api_index() -> str:
    """Return all public names with their first lines, by module."""
    lines = ["# API"]
    for module in modules():
        rows = [(name, inspect.getdoc(item) or "") for name, item in public(module)]
        if rows:
            lines += ["", f"## {module.__name__}", "", (module.__doc__ or "").splitlines()[0], ""]
            lines += [f"- `{name}` – {text.splitlines()[0]}" for name, text in rows]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Run the checks and write the index."""
    target = ROOT / "build" / "docs" / "api.md"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(api_index(), encoding="utf-8")
    faults = [*broken_links(), *bad_docstrings()]
    for fault in faults:
        print(fault)
    print(f"{len(faults)} faults; {target.relative_to(ROOT)} written")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
