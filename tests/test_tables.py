"""Tables as frozen value objects."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from antiphase.errors import FileFormatError
from antiphase.tables import build, nearest, read_toml


@dataclass(frozen=True)
class Inner:
    """A table in a table."""

    place_m: tuple[float, float, float] = (0.0, 0.0, 0.0)
    places_m: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True)
class Outer:
    """A table."""

    name: str
    level: float = 1.0
    count: int = 1
    on: bool = False
    inner: Inner = field(default_factory=Inner)


def test_values_arrive_with_their_types() -> None:
    """Whole numbers are taken where a number is wanted, lists become tuples, tables objects."""
    built = build(
        Outer,
        {"name": "a", "level": 2, "inner": {"place_m": [1, 2, 3], "places_m": [[1, 2], [3, 4]]}},
    )
    assert built == Outer("a", 2.0, inner=Inner((1.0, 2.0, 3.0), ((1.0, 2.0), (3.0, 4.0))))
    assert isinstance(built.level, float)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({}, "key name is missing"),
        ({"name": "a", "levle": 1}, "unknown key levle; did you mean 'level'?"),
        ({"name": 1}, "name is 1 but must be text"),
        ({"name": "a", "level": "loud"}, "level is 'loud' but must be a number"),
        ({"name": "a", "level": True}, "level is True but must be a number"),
        ({"name": "a", "count": 1.5}, "count is 1.5 but must be a whole number"),
        ({"name": "a", "on": 1}, "on is 1 but must be true or false"),
        ({"name": "a", "inner": 3}, "inner is 3 but must be a table"),
        ({"name": "a", "inner": {"plcae_m": 1}}, "unknown key inner.plcae_m"),
        ({"name": "a", "inner": {"place_m": [1, 2]}}, "must have 3 numbers"),
        ({"name": "a", "inner": {"place_m": 1}}, "must be a list"),
    ],
)
def test_a_bad_table_is_named_in_one_line(table: dict[str, object], message: str) -> None:
    """Missing, unknown and mistyped keys are named with their table and what they must be."""
    with pytest.raises(FileFormatError) as caught:
        build(Outer, table)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_nearest_name_is_offered() -> None:
    """A near miss gets a hint, also in the wrong case; anything else gets the choices."""
    names = ["FxLMS", "ModifiedFxNLMS"]
    assert nearest("modifiedfxnlms", names) == "did you mean 'ModifiedFxNLMS'?"
    assert nearest("zzz", ["b", "a"]) == "choose from a, b"


def test_tables_come_back(tmp_path: Path) -> None:
    """What TOML says is what the reader returns, text outside ASCII included."""
    path = tmp_path / "a.toml"
    path.write_text('title = "Lärm"\n[noise]\nlevel = 1.5\n', encoding="utf-8")
    assert read_toml(path) == {"title": "Lärm", "noise": {"level": 1.5}}


@pytest.mark.parametrize("content", [None, b"a = = 1", b"\xff\xfe"])
def test_a_bad_file_is_one_line(tmp_path: Path, content: bytes | None) -> None:
    """A file that is missing, not TOML or not UTF-8 gives one line with its name."""
    path = tmp_path / "a.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(FileFormatError, match=r"a\.toml") as caught:
        read_toml(path)
    assert "\n" not in str(caught.value)
