"""The dated price list: what one unit of each thing costs, and where that was read."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from antiphase.errors import FileFormatError, ParameterError

__all__ = ["BUILTIN_PRICES", "Price", "PriceBook", "read_prices"]

BUILTIN_PRICES = Path(__file__).with_name("prices.json")


@dataclass(frozen=True, kw_only=True)
class Price:
    """One list price.

    Attributes
    ----------
    key : str
        Name, such as ``nat.hour``.
    usd : float
        Price of `units` units, in US dollars.
    per : str
        What a unit is, in words.
    units : float
        How many units `usd` buys.
    tiers : tuple of (float, float)
        Sizes in units and their prices, in order; the last one goes on for ever. Empty: one price.
    confidence, source, date : str
        How far to trust it, where it was read, and when.
    """

    key: str
    usd: float
    per: str
    units: float = 1.0
    tiers: tuple[tuple[float, float], ...] = ()
    confidence: str
    source: str
    date: str

    def cost(self, quantity: float) -> float:
        """Return what a quantity costs, in US dollars.

        Parameters
        ----------
        quantity : float
            Units, ≥ 0.
        """
        if not self.tiers:
            return quantity * self.usd / self.units
        total, left = 0.0, quantity
        for number, (size, usd) in enumerate(self.tiers):
            part = left if number == len(self.tiers) - 1 else min(left, size)
            total += part * usd / self.units
            left -= part
        return total


@dataclass(frozen=True)
class PriceBook:
    """All prices of one region.

    Attributes
    ----------
    region : str
        Where they hold.
    hours_per_month : float
        What a month has.
    warning : str
        What they leave out.
    prices : dict of str to Price
        By key.
    """

    region: str
    hours_per_month: float
    warning: str
    prices: dict[str, Price]

    def __getitem__(self, key: str) -> Price:
        """Return a price.

        Raises
        ------
        ParameterError
            If the list has no such price.
        """
        try:
            return self.prices[key]
        except KeyError:
            family = key.split(".", maxsplit=1)[0]
            known = [name for name in self.prices if name.startswith(f"{family}.")]
            rule = f"a key of the price list; it has {', '.join(known) or 'none of that family'}"
            raise ParameterError("price", key, rule) from None

    def find(self, key: str) -> Price | None:
        """Return a price, None where the list does not have it."""
        return self.prices.get(key)


@cache
def read_prices(path: Path = BUILTIN_PRICES) -> PriceBook:
    """Return the prices of a file in the form of the package's own ``prices.json``.

    Raises
    ------
    FileFormatError
        If it cannot be read, or a price lacks a field.
    """
    try:
        found: Any = json.loads(path.read_text(encoding="utf-8"))
        meta = found["meta"]
        prices = [
            Price(**{**row, "tiers": tuple(map(tuple, row.get("tiers", ())))})
            for row in found["prices"]
        ]
        book = PriceBook(
            meta["region"],
            float(meta["hours_per_month"]),
            meta["warning"],
            {price.key: price for price in prices},
        )
    except OSError as error:
        raise FileFormatError(f"can't read {path}: {error.strerror or error}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise FileFormatError(f"{path} is not a price list: {error}") from error
    if len(book.prices) != len(prices):
        raise FileFormatError(f"{path} has a price twice")
    return book
