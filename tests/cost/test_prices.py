"""The dated price list."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from antiphase.cost.prices import BUILTIN_PRICES, Price, read_prices
from antiphase.errors import FileFormatError, ParameterError


def test_every_price_has_a_source_and_a_date() -> None:
    """Each price is positive or free, says per what, where it was read, and at least the year."""
    book = read_prices()
    assert len(book.prices) > 70
    for price in book.prices.values():
        assert price.usd > 0 or price.key == "vpce.gateway", price.key
        assert price.per
        assert price.source
        assert re.match(r"20\d\d", price.date), price.key
        assert price.confidence in {"A", "B", "C"}


def test_units_are_those_of_the_words() -> None:
    """A price of a million, of ten thousand or of a thousand says so in words and in numbers."""
    for price in read_prices().prices.values():
        head = price.per.split(maxsplit=1)[0]
        assert price.units == {"1e6": 1e6, "10k": 1e4, "1000": 1e3}.get(head, 1), price.key


def test_tiers_are_filled_in_order() -> None:
    """20 TB out cost 10 TB at the first price and 10 at the second; one GB costs the first."""
    price = read_prices()["dto.internet_gb"]
    assert price.cost(1) == pytest.approx(0.09)
    assert price.cost(20_480) == pytest.approx(10_240 * 0.09 + 10_240 * 0.085)
    assert price.cost(200_000) == pytest.approx(
        10_240 * 0.09 + 40_960 * 0.085 + (200_000 - 51_200) * 0.07
    )


def test_known_months() -> None:
    """A NAT gateway is $32.85 a month, a control plane $73, as their pages say."""
    book = read_prices()
    assert book["nat.hour"].cost(book.hours_per_month) == pytest.approx(32.85)
    assert book["eks.cluster_hour"].cost(book.hours_per_month) == pytest.approx(73)
    assert book["lambda.request"].cost(1e6) == pytest.approx(0.20)


def test_an_unknown_price_names_its_family() -> None:
    """Who asks for an instance that is not there is told which ones are."""
    with pytest.raises(ParameterError, match=r"nat\.gb") as fault:
        _ = read_prices()["nat.day"]
    assert "\n" not in str(fault.value)
    assert read_prices().find("ec2.c6i.large.spot") is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda found: found.pop("meta"), "meta"),
        (lambda found: found["prices"][0].pop("date"), "date"),
        (lambda found: found["prices"].append(found["prices"][0]), "twice"),
    ],
)
def test_a_broken_list_is_refused(tmp_path: Path, change: object, words: str) -> None:
    """A list without its head, a price without a date and a price twice are refused by name."""
    found = json.loads(BUILTIN_PRICES.read_text(encoding="utf-8"))
    assert callable(change)
    change(found)
    path = tmp_path / "own.json"
    path.write_text(json.dumps(found), encoding="utf-8")
    with pytest.raises(FileFormatError, match=words):
        read_prices(path)
    with pytest.raises(FileFormatError, match=r"gone\.json"):
        read_prices(tmp_path / "gone.json")


def test_a_price_without_tiers_is_a_line() -> None:
    """Without tiers twice as much costs twice as much."""
    price = Price(key="a", usd=3, per="1000", units=1e3, confidence="A", source="s", date="2026")
    assert price.cost(2000) == pytest.approx(6)
