"""Commands start without what they don't need, and each tells how it is used."""

from __future__ import annotations

import subprocess
import sys

import pytest
from typer.core import TyperGroup
from typer.main import get_command

from antiphase.cli import app
from antiphase.cost.usage import BUILTIN as PROFILES
from antiphase.simulation.scenario import BUILTIN as SCENARIOS

ASK = """
import sys
from antiphase.cli import main
try:
    main()
finally:
    print(*(name for name in ("numpy", "scipy", "av", "fastapi") if name in sys.modules))
"""


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ("--help", 0),
        ("--version", 0),
        ("device run --help", 0),
        ("cost staging --json", 0),
        ("cost nothing", 2),
        ("nothing", 2),
        ("simulate road --nothing", 2),
        ("simulate road --set nothing", 2),
        ("plan hum --source 1,2", 2),
        ("scan road --set nothing", 2),
        ("identify", 2),
        ("bench nothing", 2),
        ("serve --workers 0", 2),
    ],
)
def test_light_commands_load_nothing_heavy(arguments: str, code: int) -> None:
    """Help, version, cost and wrong arguments need neither numpy, scipy, codecs nor the web."""
    command = [sys.executable, "-c", ASK, *arguments.split()]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == code, done.stderr
    assert done.stdout.splitlines()[-1] == ""
    assert "Traceback" not in done.stderr


def _commands() -> dict[str, list[str]]:
    """Return the long options of each command, by its name."""
    found = {}

    def walk(group: TyperGroup, name: str) -> None:
        for verb, command in group.commands.items():
            words = f"{name} {verb}".strip()
            if isinstance(command, TyperGroup):
                walk(command, words)
            else:
                options = [o for parameter in command.params for o in parameter.opts]
                found[words] = [option for option in options if option.startswith("--")]

    root = get_command(app)
    assert isinstance(root, TyperGroup)
    walk(root, "")
    return found


@pytest.mark.parametrize(("words", "options"), _commands().items())
def test_each_command_tells_its_options(
    words: str, options: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """The help of each command ends well and has all of its options."""
    with pytest.raises(SystemExit) as ended:
        app([*words.split(), "--help"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    for option in options:
        assert option in text


@pytest.mark.parametrize(("command", "names"), [("simulate", SCENARIOS), ("cost", PROFILES)])
def test_the_help_names_what_is_built_in(command: str, names: tuple[str, ...]) -> None:
    """Scenarios and profiles that a user may name are those of the package."""
    root = get_command(app)
    assert isinstance(root, TyperGroup)
    assert f"A file, or {', '.join(names)}." in vars(root.commands[command].params[0])["help"]
