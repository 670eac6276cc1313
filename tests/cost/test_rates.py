"""What a user costs in an hour, by carrier."""

from __future__ import annotations

from dataclasses import replace

import pytest

from antiphase.cost.prices import read_prices
from antiphase.cost.rates import (
    FULL_VCPU_MB,
    GB,
    answer_bytes,
    edge_rate,
    egress_gb_per_hour,
    gb_seconds,
    region_rate,
    users_per_region,
    webrtc_rate,
)
from antiphase.cost.usage import Edge, Media, Traffic

BOOK = read_prices()


def test_requests_alone_are_what_the_platform_charges() -> None:
    """20 ms frames are 180,000 requests an hour and $0.29, 200 ms blocks $0.03."""
    short = edge_rate(BOOK, Edge(), 20, firewall=False).requests
    long = edge_rate(BOOK, Edge(), 200, firewall=False).requests
    assert short == pytest.approx(180_000 * (0.60e-6 + 1.0e-6))
    assert short == pytest.approx(0.29, abs=0.005)
    assert long == pytest.approx(0.03, abs=0.003)


def test_the_quota_carries_ten_times_more_users_at_ten_times_the_block() -> None:
    """10,000 requests a second are 200 users of 20 ms frames and 2,000 of 200 ms blocks."""
    assert users_per_region(20) == pytest.approx(200)
    assert users_per_region(200) == pytest.approx(2000)


def test_more_memory_is_faster_and_not_dearer_up_to_one_vcpu() -> None:
    """GB-seconds stay the same below one vCPU and grow with memory above."""
    one = gb_seconds(Edge(memory_mb=128), 100)
    assert gb_seconds(Edge(memory_mb=FULL_VCPU_MB), 100) == pytest.approx(one)
    assert gb_seconds(Edge(memory_mb=2 * FULL_VCPU_MB), 100) == pytest.approx(2 * one)
    assert one == pytest.approx(0.0058 * FULL_VCPU_MB / 1024)


def test_an_answer_has_samples_and_state() -> None:
    """100 ms at 8 kHz are 1600 bytes of samples beside the state."""
    assert answer_bytes(Edge(), 100) - answer_bytes(Edge(), 50) == pytest.approx(800)


def test_the_firewall_is_paid_by_the_request() -> None:
    """With a firewall each of 36,000 blocks an hour costs 0.60 in a million more."""
    bare, guarded = (edge_rate(BOOK, Edge(), 100, firewall=on).total for on in (False, True))
    assert guarded - bare == pytest.approx(36_000 * 0.6e-6)


def test_the_region_is_cheaper_by_request_than_the_edge() -> None:
    """A request in the region costs 1.20 in a million, at the edge 1.60."""
    region, edge = region_rate(BOOK, Edge(), 100), edge_rate(BOOK, Edge(), 100, firewall=False)
    assert region.requests / edge.requests == pytest.approx(1.2 / 1.6)
    assert region.compute < edge.compute


def test_webrtc_is_a_share_of_a_node_and_bytes() -> None:
    """25 split sessions fill a core; a session is bytes on the wire and 1/30 of two busy cores."""
    traffic = Traffic(sessions=1)
    rate = webrtc_rate(BOOK, traffic, Media(busy=0.6))
    assert rate.compute == pytest.approx(0.085 / (2 * 0.6 * 25))
    gigabytes = 54_400 / 8 * 3600 / GB
    assert egress_gb_per_hour(traffic) == pytest.approx(gigabytes)
    assert rate.transfer == pytest.approx(0.09 * gigabytes)
    bare = replace(traffic, frame_ms=1e9)
    assert BOOK["dto.internet_gb"].cost(egress_gb_per_hour(bare)) == pytest.approx(13e-4, abs=1e-4)
