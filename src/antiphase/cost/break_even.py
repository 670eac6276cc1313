"""Where one architecture becomes cheaper than another."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from typing import Any

from antiphase.cost.estimate import nodes_for
from antiphase.cost.lifecycle import months_to_save, saving
from antiphase.cost.prices import PriceBook
from antiphase.cost.rates import (
    FULL_VCPU_MB,
    HourRate,
    edge_rate,
    gb_seconds,
    region_rate,
    users_per_region,
    webrtc_rate,
)
from antiphase.cost.usage import Profile

__all__ = ["BreakEven", "break_evens", "carriers", "memory_sizes"]

# 20 ms is there to show why frames do not go over HTTP.
_BLOCKS_MS = (20.0, 50.0, 100.0, 200.0)
_MEMORY_MB = (128.0, 256.0, 512.0, 1024.0, FULL_VCPU_MB, 3008.0)
_MOST_USERS = 100_000


@dataclass(frozen=True)
class BreakEven:
    """One point.

    Attributes
    ----------
    name : str
        What is compared.
    value : float or None
        Where it turns, in `unit`; None where it never does or a price is missing.
    unit : str
        Of the value.
    words : str
        What follows from it, in one sentence.
    """

    name: str
    value: float | None
    unit: str
    words: str


def carriers(book: PriceBook, profile: Profile) -> list[dict[str, Any]]:
    """Return what a user costs in an hour by carrier, and how many one region's quota takes."""
    firewall = profile.operations.waf_rules > 0
    rows = []
    for block in _BLOCKS_MS:
        rate = edge_rate(book, profile.edge, block, firewall=firewall)
        rows.append(_row(f"edge, {block:g} ms blocks", rate, block, users_per_region(block)))
    block = profile.edge.block_ms
    rows.append(_row(f"region, {block:g} ms blocks", region_rate(book, profile.edge, block), block))
    rate = webrtc_rate(book, profile.traffic, profile.media)
    rows.append(_row("WebRTC worker", rate, profile.traffic.frame_ms))
    return rows


def _row(name: str, rate: HourRate, waits_ms: float, users: float | None = None) -> dict[str, Any]:
    parts = {f"{part}_usd": value for part, value in asdict(rate).items()}
    total = {"total_usd": rate.total, "waits_ms": waits_ms, "users_per_region": users}
    return {"carrier": name, **parts, **total}


def memory_sizes(book: PriceBook, profile: Profile) -> list[dict[str, float]]:
    """Return duration and price of a block at the edge over the function's memory.

    Below one vCPU time falls as memory grows, so the price stays the same and the largest size is
    the best; above, a single thread gains nothing.
    """
    rows = []
    for memory in _MEMORY_MB:
        edge = replace(profile.edge, memory_mb=memory)
        used = gb_seconds(edge, edge.block_ms)
        milliseconds = used / (memory / 1024) * 1000
        usd = book["lambda_edge.gb_second"].cost(used) * 1e6
        rows.append({"memory_mb": memory, "ms": milliseconds, "usd_per_million": usd})
    return rows


def break_evens(book: PriceBook, profile: Profile) -> list[BreakEven]:
    """Return all points for a profile."""
    return [
        *(_webrtc(book, profile, block) for block in _BLOCKS_MS[1:]),
        _endpoint(book, profile),
        _without_nat(book),
        _single_nat(book),
        _glacier(book, profile),
        *(_other_terms(book, profile, terms) for terms in ("spot", "reserved")),
    ]


def _worker_fixed(book: PriceBook, profile: Profile) -> float:
    """Return what live media costs before the first session: cluster and load balancer."""
    hours = book.hours_per_month
    keys = ["nlb.hour", "nlb.lcu_hour", *(["eks.cluster_hour"] if profile.media.cluster else [])]
    addresses = book["public_ipv4_hour"].cost(profile.network.zones * hours)
    return addresses + sum(book[key].cost(hours) for key in keys)


def _webrtc(book: PriceBook, profile: Profile, block_ms: float) -> BreakEven:
    """Return from how many users at once workers are cheaper than blocks at the edge."""
    firewall = profile.operations.waf_rules > 0
    hours = book.hours_per_month
    http = edge_rate(book, profile.edge, block_ms, firewall=firewall).total * hours
    rate = webrtc_rate(book, profile.traffic, profile.media)
    carried = rate.transfer * hours
    node = book[f"ec2.{profile.media.node}"].cost(hours) + book["public_ipv4_hour"].cost(hours)
    fixed = _worker_fixed(book, profile)
    turning = next(
        (
            users
            for users in range(1, _MOST_USERS)
            if fixed + nodes_for(profile, users) * node + users * carried <= users * http
        ),
        None,
    )
    words = (
        f"blocks of {block_ms:g} ms cost ${http:.2f} a month for each user at once; workers start "
        f"at ${fixed + nodes_for(profile, 0) * node:.2f}"
    )
    return BreakEven(f"WebRTC instead of {block_ms:g} ms blocks", turning, "users at once", words)


def _endpoint(book: PriceBook, profile: Profile) -> BreakEven:
    zones = max(1, profile.network.zones)
    hourly = book["vpce.interface_hour"].cost(book.hours_per_month * zones)
    gained = book["nat.gb"].cost(1) - book["vpce.interface_gb"].cost(1)
    words = (
        f"an interface endpoint in {zones} zones costs ${hourly:.2f} a month and saves "
        f"${gained:.3f} a GB; those of S3 and DynamoDB are free and pay from the first byte"
    )
    return BreakEven("endpoint instead of NAT, one service", hourly / gained, "GB a month", words)


def _without_nat(book: PriceBook) -> BreakEven:
    hours = book.hours_per_month
    gateway = book["nat.hour"].cost(hours) + book["public_ipv4_hour"].cost(hours)
    services = gateway / book["vpce.interface_hour"].cost(hours)
    words = (
        f"up to {math.floor(services)} services through endpoints cost less than a NAT gateway "
        "in each zone, before traffic"
    )
    return BreakEven("no NAT at all", services, "interface endpoints", words)


def _single_nat(book: PriceBook) -> BreakEven:
    hours = book.hours_per_month
    saved = book["nat.hour"].cost(hours) + book["public_ipv4_hour"].cost(hours)
    crossing = 2 * book["dto.inter_az_gb"].cost(1)
    words = (
        f"one gateway for all saves ${saved:.2f} a month for each zone without one, until that "
        "zone sends more than this through it; it is one point of failure"
    )
    return BreakEven("NAT per zone instead of one", saved / crossing, "GB a month and zone", words)


def _glacier(book: PriceBook, profile: Profile) -> BreakEven:
    storage = profile.storage
    months = months_to_save(book, storage, "tiering and glacier", 0.68)
    reached = saving(book, storage, "tiering and glacier")
    words = (
        f"recordings kept for {storage.raw_months:g} months cost {100 * reached:.0f} % less than "
        "in Standard; 68 % needs the months given; what comes back from Glacier costs extra"
    )
    return BreakEven("68 % saved by tiering and Glacier", months, "months kept", words)


def _other_terms(book: PriceBook, profile: Profile, terms: str) -> BreakEven:
    """Compare other terms of buying a node, if the price list has a dated price for them."""
    key = f"ec2.{profile.media.node}"
    price, plain = book.find(f"{key}.{terms}"), book[key]
    name = f"{terms} instead of on demand"
    if price is None:
        words = f"no dated price: add {key}.{terms} to a price list and give it with --prices"
        return BreakEven(name, None, "% of the month", words)
    share = 100 * price.cost(1) / plain.cost(1)
    ends = {
        "reserved": "pays where a node is needed for more of the month than this",
        "spot": "pays while a node works for more of the time than this before it is taken away",
    }
    words = (
        f"${price.cost(1):.4f} an hour ({price.date}) instead of ${plain.cost(1):.4f} "
        f"({plain.date}): {ends[terms]}"
    )
    return BreakEven(name, share, "% of the month", words)
