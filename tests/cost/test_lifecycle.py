"""What recordings cost under rules that move them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from antiphase.cost.lifecycle import RULES, months_to_save, quantities, saving, storage_usd
from antiphase.cost.prices import read_prices
from antiphase.cost.usage import Storage

BOOK = read_prices()
KEPT = Storage(raw_gb=100, raw_months=12, object_mb=10)


def lived(months: int, glacier_at: int | None) -> dict[str, float]:
    """Let 100 GB a month come and go for three years and count where they lie in the last month."""
    cohorts: list[int] = []
    for _ in range(36):
        cohorts = [age + 1 for age in cohorts if age + 1 < months]
        cohorts.append(0)
    found = {"frequent": 0.0, "infrequent": 0.0, "glacier": 0.0}
    for age in cohorts:
        cold = glacier_at is not None and age >= glacier_at
        found["glacier" if cold else "frequent" if age == 0 else "infrequent"] += 100
    return found


@pytest.mark.parametrize("months", [1, 2, 3, 4, 12, 24])
@pytest.mark.parametrize(("rule", "glacier_at"), [("tiering", None), ("tiering and glacier", 3)])
def test_the_steady_state_is_what_months_of_coming_and_going_give(
    months: int, rule: str, glacier_at: int | None
) -> None:
    """Gigabytes by tier equal those of three years played month by month."""
    found = quantities(replace(KEPT, raw_months=float(months)), rule)
    played = lived(months, glacier_at)
    assert found["s3.it_frequent_gb"] == pytest.approx(played["frequent"])
    assert found["s3.it_infrequent_gb"] == pytest.approx(played["infrequent"])
    assert found["s3.glacier_flexible_gb"] == pytest.approx(played["glacier"], rel=0.01)


def test_standard_is_gigabytes_times_price() -> None:
    """1,200 GB in Standard are $27.60 and the puts."""
    puts = 100 * 1024 / 10 * 0.005 / 1000
    assert storage_usd(BOOK, KEPT, "standard") == pytest.approx(1200 * 0.023 + puts)


def test_68_percent_takes_a_year() -> None:
    """A GB costs 84 % less in Glacier, but three months of twelve lie elsewhere: 69 % in a year."""
    assert saving(BOOK, KEPT, "tiering and glacier") == pytest.approx(0.69, abs=0.01)
    assert months_to_save(BOOK, KEPT, "tiering and glacier", 0.68) == 12
    assert months_to_save(BOOK, KEPT, "tiering", 0.68) is None


def test_small_objects_eat_the_saving() -> None:
    """Moves are paid by object: with 10 kB recordings the rule costs more than it saves."""
    small = replace(KEPT, object_mb=0.01)
    assert saving(BOOK, small, "tiering and glacier") < 0 < saving(BOOK, KEPT, RULES[2])
    assert saving(BOOK, replace(KEPT, raw_gb=0.0), "tiering") == 0
