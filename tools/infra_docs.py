"""Write infra/MODULES.md: inputs and outputs of every Terraform module, as its files declare them.

`python tools/infra_docs.py` writes it, `--check` fails where it would change.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import hcl2

ROOT = Path(__file__).resolve().parents[1] / "infra"
PAGE = ROOT / "MODULES.md"
_LONG = 60


def _plain(value: object) -> str:
    """Return a text of HCL without its quotes or the braces of an expression."""
    text = str(value)
    expression = re.fullmatch(r"\$\{(.*)\}", text, re.DOTALL)
    return " ".join((expression.group(1) if expression else text.strip('"')).split())


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _default(block: dict[str, Any]) -> str:
    if "default" not in block:
        return "required"
    value = block["default"]
    text = _plain(value) if isinstance(value, str) else json.dumps(_bare(value))
    return "see variables.tf" if len(text) > _LONG else f"`{_cell(text)}`"


def _bare(value: Any) -> Any:  # noqa: ANN401 - any value that HCL has
    if isinstance(value, dict):
        return {_plain(k): _bare(v) for k, v in value.items() if not k.startswith("__")}
    if isinstance(value, list):
        return [_bare(item) for item in value]
    return _plain(value) if isinstance(value, str) else value


def _blocks(folder: Path, file: str, kind: str) -> dict[str, dict[str, Any]]:
    with (folder / file).open(encoding="utf-8") as text:
        found = hcl2.load(text).get(kind, [])
    return {_plain(name): block for entry in found for name, block in entry.items()}


def module_page(title: str, folder: Path) -> str:
    """Return the section of one module: a table of inputs and one of outputs."""
    lines = [f"## {title}", "", "| input | type | default | what |", "|---|---|---|---|"]
    for name, block in sorted(_blocks(folder, "variables.tf", "variable").items()):
        kind = _plain(block["type"])
        shown = kind.partition("(")[0] if len(kind) > _LONG else kind
        what = _cell(_plain(block["description"]))
        lines.append(f"| `{name}` | `{_cell(shown)}` | {_default(block)} | {what} |")
    lines += ["", "| output | what |", "|---|---|"]
    for name, block in sorted(_blocks(folder, "outputs.tf", "output").items()):
        lines.append(f"| `{name}` | {_cell(_plain(block['description']))} |")
    return "\n".join(lines)


def page() -> str:
    """Return the whole page."""
    modules = sorted(path.parent for path in ROOT.glob("modules/*/versions.tf"))
    head = "# Inputs and outputs\n\nWritten from the files by `python tools/infra_docs.py`."
    parts = [head, module_page("root", ROOT), *(module_page(m.name, m) for m in modules)]
    return "\n\n".join(parts) + "\n"


def main() -> int:
    """Write the page, or say that it is out of date."""
    text = page()
    if "--check" not in sys.argv[1:]:
        PAGE.write_text(text, encoding="utf-8")
        return 0
    same = PAGE.exists() and PAGE.read_text(encoding="utf-8") == text
    if not same:
        print("infra/MODULES.md is out of date: run python tools/infra_docs.py")
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
