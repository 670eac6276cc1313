"""The whole answer of `antiphase cost` as one dictionary."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from antiphase.cost.break_even import break_evens, carriers, memory_sizes
from antiphase.cost.claims import claims, request_table
from antiphase.cost.estimate import MISSING, estimate, nodes_for
from antiphase.cost.prices import PriceBook
from antiphase.cost.usage import Profile

__all__ = ["summarise"]


def summarise(profile: Profile, book: PriceBook) -> dict[str, Any]:
    """Return estimate, carriers, break-even points and the request's claims.

    Parameters
    ----------
    profile : Profile
    book : PriceBook

    Raises
    ------
    ParameterError
        If the price list lacks a price that the profile needs.
    """
    found = estimate(profile, book)
    traffic = profile.traffic
    lines = [
        {**asdict(line), "per": book[line.key].per, "date": book[line.key].date}
        for line in found.lines
    ]
    return {
        "profile": profile.name,
        "about": profile.about,
        "region": book.region,
        "usage": asdict(profile),
        "monthly_cost_usd": found.total,
        "parts": found.parts,
        "lines": lines,
        "session_hour_usd": found.session_hour_usd,
        "nodes": nodes_for(profile, traffic.sessions),
        "nodes_at_peak": nodes_for(profile, traffic.sessions * traffic.peak),
        "carriers": carriers(book, profile),
        "memory_sizes": memory_sizes(book, profile),
        "break_even": [asdict(point) for point in break_evens(book, profile)],
        "request_table": [asdict(row) for row in request_table(book)],
        "claims": [asdict(claim) for claim in claims(book, found)],
        "missing": list(MISSING),
        "warning": book.warning,
    }
