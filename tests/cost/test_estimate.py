"""The month of a profile."""

from __future__ import annotations

import pytest

from antiphase.cost.estimate import MISSING, estimate, monthly_cost_usd, nodes_for
from antiphase.cost.prices import read_prices
from antiphase.cost.usage import BUILTIN, load_profile
from antiphase.errors import ParameterError


@pytest.mark.parametrize("name", BUILTIN)
def test_the_total_is_the_sum_of_its_lines(name: str) -> None:
    """Lines are quantity times price; parts and total are their sums."""
    found = estimate(load_profile(name))
    book = read_prices()
    for line in found.lines:
        assert line.usd == pytest.approx(book[line.key].cost(line.quantity))
        assert line.usd >= 0
    assert found.total == pytest.approx(sum(found.parts.values()))
    assert monthly_cost_usd(name) == pytest.approx(found.total)


def test_bigger_environments_cost_more() -> None:
    """Development costs less than staging, staging less than production."""
    dev, staging, production = map(monthly_cost_usd, BUILTIN)
    assert 0 < dev < staging < production


def test_a_bare_month_by_hand() -> None:
    """One node, one zone, nothing else: the lines are those of a hand calculation."""
    changes = {
        "traffic.sessions": 0,
        "edge.users": 0,
        "network.zones": 1,
        "network.nat": "none",
        "data.database": "",
        "data.cache": "",
        "storage.raw_gb": 0,
        "storage.processed_gb": 0,
        "storage.models_gb": 0,
        **{f"operations.{name}": 0 for name in ("log_gb", "alarms", "keys", "secrets")},
    }
    found = estimate(load_profile("dev", changes))
    hourly = 0.085 + 2 * 0.005 + 0.10 + 0.0225 + 0.006
    rest = 30 * 0.08 + 0.25 + 0.20 + 2 * 0.10 + 0.50 + 0.60
    assert found.total == pytest.approx(730 * hourly + rest)
    assert found.session_hour_usd is None


def test_nodes_grow_in_steps() -> None:
    """A node of 2 cores at 60 % takes 30 split sessions; the least number is kept."""
    profile = load_profile(
        "production", {"traffic.split": 1, "traffic.clean": 0, "traffic.forward": 0}
    )
    found = [nodes_for(profile, sessions) for sessions in (0, 90, 91, 300, 301)]
    assert found == [3, 3, 4, 10, 11]


@pytest.mark.parametrize(
    ("changes", "part", "usd"),
    [
        ({"network.nat": "single"}, "network", -2 * 730 * (0.045 + 0.005)),
        ({"network.interface_endpoints": 2}, "network", 2 * 3 * 730 * 0.01),
        ({"data.multi_az": False}, "data", -730 * 0.065 - 100 * 0.115),
        ({"data.inference": ""}, "data", -2 * 730 * 0.115),
        ({"operations.waf_rules": 10}, "security", 1.0),
        ({"media.cluster": False}, "media", -73.0),
        ({"operations.log_gb": 61}, "watching", 0.5 + 3 * 0.03),
    ],
)
def test_a_choice_moves_its_part_only(changes: dict[str, object], part: str, usd: float) -> None:
    """Each architecture choice changes its part by the price of what it adds or leaves out."""
    before = estimate(load_profile("production")).parts
    after = estimate(load_profile("production", changes)).parts
    assert after[part] - before[part] == pytest.approx(usd)
    assert all(after[name] == pytest.approx(before[name]) for name in before if name != part)


def test_an_instance_without_a_price_is_refused() -> None:
    """A node type that the list does not have is refused, with those it has."""
    with pytest.raises(ParameterError, match=r"ec2\.c6i\.large"):
        estimate(load_profile("production", {"media.node": "c99.huge"}))


def test_what_has_no_price_is_named() -> None:
    """The things without a dated price are listed, and none of them has crept into the list."""
    assert len(MISSING) >= 5
    keys = " ".join(read_prices().prices)
    assert not any(word in keys for word in ("firehose", "xray", "shield", "spot", "reserved"))
