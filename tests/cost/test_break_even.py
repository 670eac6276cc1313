"""Where one architecture overtakes another."""

from __future__ import annotations

from dataclasses import replace

import pytest

from antiphase.cost.break_even import break_evens, carriers, memory_sizes
from antiphase.cost.estimate import estimate
from antiphase.cost.prices import PriceBook, read_prices
from antiphase.cost.usage import Profile, load_profile

BOOK = read_prices()
PRODUCTION = load_profile("production")


def points(book: PriceBook = BOOK) -> dict[str, float | None]:
    """Return all points of production by name."""
    return {point.name: point.value for point in break_evens(book, PRODUCTION)}


def month(sessions: float, users: float, block_ms: float, *, workers: bool) -> float:
    """Return a month of one carrier alone, from the table of the estimate."""
    changes = {
        "traffic.sessions": sessions,
        "edge.users": users,
        "edge.block_ms": block_ms,
        "edge.handed_over": 0,
        "media.least_nodes": 3 if workers else 0,
    }
    found = estimate(load_profile("production", changes))
    names = {"media"} if workers else {"edge", "security"}
    left_out = ("disks of the nodes", "firewall", "its rules", "keys", "secrets")
    return sum(
        line.usd
        for line in found.lines
        if line.part in names and not line.what.startswith(left_out)
    )


@pytest.mark.parametrize("block", [50.0, 100.0, 200.0])
def test_workers_overtake_where_two_whole_tables_cross(block: float) -> None:
    """At the point workers are cheaper than blocks by the estimate's own lines, one below not."""
    value = points()[f"WebRTC instead of {block:g} ms blocks"]
    assert value is not None
    at, below = value, value - 1
    assert month(at, 0, block, workers=True) <= month(0, at, block, workers=False)
    assert month(below, 0, block, workers=True) > month(0, below, block, workers=False)


def test_longer_blocks_overtake_later() -> None:
    """The longer the block, the cheaper HTTP, the more users before workers pay."""
    found = [points()[f"WebRTC instead of {block} ms blocks"] or 0.0 for block in (50, 100, 200)]
    assert found == sorted(found)
    assert found[0] < found[-1]


def test_endpoints_by_hand() -> None:
    """Three zones at one cent an hour against 3.5 cents a GB cross at 625.7 GB."""
    assert points()["endpoint instead of NAT, one service"] == pytest.approx(3 * 7.30 / 0.035)
    assert points()["NAT per zone instead of one"] == pytest.approx(730 * 0.05 / 0.02)
    assert points()["no NAT at all"] == pytest.approx(5)


@pytest.mark.parametrize("terms", ["spot", "reserved"])
def test_other_terms_need_a_price(terms: str) -> None:
    """Without a dated price the point is missing and says so; with one it is the ratio."""
    name = f"{terms} instead of on demand"
    assert points()[name] is None
    plain = BOOK["ec2.c6i.large"]
    other = replace(plain, key=f"{plain.key}.{terms}", usd=plain.usd * 0.4)
    own = replace(BOOK, prices={**BOOK.prices, other.key: other})
    assert points(own)[name] == pytest.approx(40)


def test_carriers_are_compared_at_one_place() -> None:
    """WebRTC is the cheapest; blocks are cheaper the longer; frames cost most."""
    rows = {row["carrier"]: row for row in carriers(BOOK, PRODUCTION)}
    edge = [rows[f"edge, {block} ms blocks"]["total_usd"] for block in (20, 50, 100, 200)]
    assert edge == sorted(edge, reverse=True)
    assert rows["WebRTC worker"]["total_usd"] < edge[-1] / 10
    for row in rows.values():
        parts = ("requests_usd", "compute_usd", "transfer_usd", "firewall_usd")
        assert row["total_usd"] == pytest.approx(sum(row[part] for part in parts))


def test_memory_buys_time_for_nothing_below_one_vcpu() -> None:
    """128 MB take fourteen times as long as one vCPU at the same price; 3 GB cost more."""
    rows = {row["memory_mb"]: row for row in memory_sizes(BOOK, PRODUCTION)}
    assert rows[128.0]["ms"] / rows[1769.0]["ms"] == pytest.approx(1769 / 128)
    assert rows[128.0]["usd_per_million"] == pytest.approx(rows[1769.0]["usd_per_million"])
    assert rows[3008.0]["usd_per_million"] > rows[1769.0]["usd_per_million"]


def test_without_a_firewall_nothing_is_paid_for_it() -> None:
    """A profile without firewall has no firewall in its rates."""
    bare: Profile = load_profile("production", {"operations.waf_rules": 0})
    assert all(row["firewall_usd"] == 0 for row in carriers(BOOK, bare))
