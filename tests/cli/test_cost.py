"""`antiphase cost`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from antiphase.cli import main
from antiphase.cost.estimate import monthly_cost_usd
from antiphase.cost.prices import BUILTIN_PRICES


def run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str
) -> tuple[object, str, str]:
    """Run the command; return its code, output and messages."""
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr(sys, "argv", ["antiphase", "cost", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    captured = capsys.readouterr()
    return ended.value.code or 0, captured.out, captured.err


def test_tables_have_the_total_and_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The screen has the month's total, the points, the dates and what has no price."""
    code, out, _ = run(monkeypatch, capsys, "staging")
    assert code == 0
    assert f"{monthly_cost_usd('staging'):,.2f}" in out
    for words in ("WebRTC worker", "NAT gateways", "no dated price", "2026-01-19", "Shield"):
        assert words in out
    assert "claimed" not in out


def test_claims_are_shown_when_asked_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With --claims the request's table and its claims are there, beside what was derived."""
    _, out, _ = run(monkeypatch, capsys, "--claims")
    for words in ("525.00", "480.00", "68 %", "40–60 %", "NAT gateways"):
        assert words in out


def test_json_is_one_object(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """With --json one object; keys can be changed and prices can be one's own."""
    own = tmp_path / "own.json"
    found = json.loads(BUILTIN_PRICES.read_text(encoding="utf-8"))
    for price in found["prices"]:
        price["usd"] *= 2
        price["tiers"] = [[size, 2 * usd] for size, usd in price.get("tiers", [])]
    own.write_text(json.dumps(found), encoding="utf-8")
    arguments = ("dev", "--set", "traffic.sessions=2", "--json")
    plain = json.loads(run(monkeypatch, capsys, *arguments)[1])
    double = json.loads(run(monkeypatch, capsys, *arguments, "--prices", str(own))[1])
    assert plain["usage"]["traffic"]["sessions"] == 2
    assert double["monthly_cost_usd"] == pytest.approx(2 * plain["monthly_cost_usd"])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("prodction",), "did you mean 'production'"),
        (("gone.toml",), "gone.toml"),
        (("--set", "network.nat=two"), "per_zone"),
        (("--set", "media.node=c99"), "ec2.c6i.large"),
        (("--prices", "gone.json"), "gone.json"),
    ],
)
def test_a_fault_is_one_line(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    words: str,
) -> None:
    """A fault is one line on stderr with code 2."""
    code, _, err = run(monkeypatch, capsys, *arguments)
    assert code == 2
    assert words in err
    assert len(err.strip().splitlines()) == 1
