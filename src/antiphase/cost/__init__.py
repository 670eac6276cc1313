"""What a month in the cloud costs: usage and architecture times dated list prices.

`usage` holds the profiles, `prices` the dated list, `estimate` the month's lines, `rates` a user's
hour by carrier, `lifecycle` what recordings cost, `break_even` where one choice overtakes another,
`claims` the request's own figures derived again, and `report` all of it as one dictionary.
"""

from __future__ import annotations

from antiphase.cost.estimate import Estimate, estimate, monthly_cost_usd
from antiphase.cost.prices import PriceBook, read_prices
from antiphase.cost.report import summarise
from antiphase.cost.usage import BUILTIN, Profile, load_profile

__all__ = [
    "BUILTIN",
    "Estimate",
    "PriceBook",
    "Profile",
    "estimate",
    "load_profile",
    "monthly_cost_usd",
    "read_prices",
    "summarise",
]
