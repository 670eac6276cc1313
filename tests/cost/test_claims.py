"""The request's own figures, derived again."""

from __future__ import annotations

import pytest

from antiphase.cost.claims import claims, request_table
from antiphase.cost.estimate import estimate
from antiphase.cost.prices import read_prices
from antiphase.cost.usage import load_profile

BOOK = read_prices()
ROWS = {row.name: row for row in request_table(BOOK)}
CLAIMS = {claim.name: claim for claim in claims(BOOK, estimate(load_profile("production")))}


def test_the_request_is_quoted_whole() -> None:
    """The claimed columns add up to the request's $525 and $480."""
    assert sum(row.claimed_before or 0 for row in ROWS.values()) == 525
    assert sum(row.claimed_after or 0 for row in ROWS.values()) == 480


def test_what_is_paid_by_use_starts_where_the_request_does() -> None:
    """By construction the lines paid by use cost before what the request says."""
    for name in ("API Gateway", "S3", "Data transfer", "CloudWatch"):
        assert ROWS[name].before == ROWS[name].claimed_before


def test_lines_by_hand() -> None:
    """Lines paid by the hour are hand calculations with the listed prices."""
    assert ROWS["RDS"].after == pytest.approx(2 * 730 * 0.065 + 2 * 100 * 0.115)
    assert ROWS["ElastiCache"].after == pytest.approx(2 * 730 * 0.065)
    assert ROWS["SageMaker"].after == pytest.approx(730 * 0.115)
    assert ROWS["WAF"].after == pytest.approx(5 + 9 + 35 * 0.60)
    hourly = 0.10 + 3 * (0.085 + 2 * 0.005) + 0.0225 + 0.006
    assert ROWS["WebRTC (Kubernetes)"].after == pytest.approx(730 * hourly)
    assert ROWS["NAT gateways"].after == pytest.approx(3 * 730 * 0.05)


def test_the_edge_line_is_requests_and_compute() -> None:
    """35 million calls are $21 and $35 before the first millisecond is computed."""
    after = ROWS["Lambda (regional), then Lambda@Edge"].after
    compute = 35e6 * 0.0058 * 1769 / 1024 * 0.00005001
    assert after == pytest.approx(21 + 35 + compute)


def test_the_storage_claims_share_the_sixty_dollars() -> None:
    """Tiering and lifecycle together save what both together save; each claim alone is too high."""
    tiering, lifecycle = CLAIMS["Intelligent-Tiering"].value, CLAIMS["lifecycle"].value
    assert tiering + lifecycle == pytest.approx(CLAIMS["both, at scale"].value)
    assert tiering < 40
    assert lifecycle < 25
    assert CLAIMS["Glacier"].value == pytest.approx(69, abs=1)


def test_the_table_does_not_save() -> None:
    """The requested architecture costs more than the one before, and the claim says how much."""
    before = sum(row.before for row in ROWS.values())
    after = sum(row.after for row in ROWS.values())
    assert CLAIMS["saved by the table"].value == pytest.approx(before - after)
    assert after > before
    assert CLAIMS["saved at scale"].value == pytest.approx(100 * (before - after) / before)


def test_endpoints_take_a_terabyte_for_fifty_dollars() -> None:
    """$50 of NAT processing are 1,111 GB."""
    assert CLAIMS["endpoints cut transfer"].value == pytest.approx(50 / 0.045)


def test_a_session_is_a_share_of_everything() -> None:
    """The price of a session is the whole month over its sessions."""
    found = estimate(load_profile("production"))
    at_once = found.profile.traffic.sessions + found.profile.edge.users
    assert CLAIMS["a session"].value == pytest.approx(found.total / (at_once * 730) / 2)
