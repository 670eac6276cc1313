"""Every command and example in the documents runs."""

from __future__ import annotations

import re
import runpy
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from antiphase.cli import main
from antiphase.simulation.scan import run_case

ROOT = Path(__file__).resolve().parents[2]
# Blocks marked `shell` need servers or folders of their own; the tests of their part run them.
FENCE = re.compile(r"^```(sh|python|toml)\n(.*?)^```", re.MULTILINE | re.DOTALL)
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


EXAMPLES = sorted((ROOT / "examples").glob("*.py"))


def blocks(document: Path) -> list[tuple[str, str]]:
    """Return kind and text of the blocks that are meant to be run, in order."""
    return FENCE.findall(document.read_text(encoding="utf-8"))


WITH_BLOCKS = [document for document in DOCUMENTS if blocks(document)]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a folder with the recordings and paths that the documents speak of, and go there."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    runpy.run_path(str(ROOT / "examples" / "make_material.py"), run_name="__main__")
    return tmp_path


def run(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run one command line; fail the test if it fails."""
    words = shlex.split(line)
    if words[0] == "make":
        # `make test` can't run inside itself: its target must exist.
        dry = ["make", "-n", *words[1:]]
        subprocess.run(dry, cwd=ROOT, check=True, capture_output=True)
    elif words[0] == "python":
        runpy.run_path(words[1], run_name="__main__")
    else:
        assert words[0] == "antiphase"
        monkeypatch.setattr(sys, "argv", words)
        with pytest.raises(SystemExit) as ended:
            main()
        assert not ended.value.code, line


@pytest.mark.parametrize("document", WITH_BLOCKS, ids=lambda d: str(d.relative_to(ROOT)))
def test_what_a_document_says_works(
    document: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each command ends with code 0, each Python block runs, each scenario is valid."""
    monkeypatch.setattr(
        "antiphase.simulation.scan._on_processes", lambda cases, _: map(run_case, cases)
    )
    for number, (kind, text) in enumerate(blocks(document)):
        if kind == "toml":
            (folder / f"own{number}.toml").write_text(text, encoding="utf-8")
            run(f"antiphase simulate own{number}.toml --seconds 1", monkeypatch)
        elif kind == "python":
            exec(compile(text, str(document), "exec"), {})  # noqa: S102 - the document's own code
        else:
            for line in text.splitlines():
                if line and not line.startswith("#"):
                    run(line, monkeypatch)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda e: e.name)
def test_every_example_runs(
    example: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each example runs on the material that `make_material.py` makes."""
    runpy.run_path(str(example), run_name="__main__")
    assert "Traceback" not in capsys.readouterr().err


def test_the_readme_shows_the_example() -> None:
    """The ten lines in the README are those of examples/wav_to_db.py."""
    code = dict(blocks(ROOT / "README.md"))["python"]
    example = (ROOT / "examples" / "wav_to_db.py").read_text(encoding="utf-8")
    assert example.endswith(code)


def test_the_material_cancels_well(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The example reaches a reduction that is worth showing."""
    runpy.run_path(str(ROOT / "examples" / "wav_to_db.py"), run_name="__main__")
    assert float(capsys.readouterr().out.split()[0]) > 8
