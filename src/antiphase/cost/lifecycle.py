"""What recordings cost once as much is deleted as comes in, by the rules that move them.

Every month the same amount comes in and is kept for M months, so month k of its life lies in the
bucket once for each k ≤ M. Intelligent-Tiering moves what nobody read for 30 days to its infrequent
tier; Glacier takes it after `GLACIER_MONTHS` and adds 40 kB to each object.
"""

from __future__ import annotations

from dataclasses import replace

from antiphase.cost.prices import PriceBook
from antiphase.cost.usage import Storage

__all__ = ["GLACIER_MONTHS", "RULES", "months_to_save", "quantities", "saving", "storage_usd"]

RULES = ("standard", "tiering", "tiering and glacier")
GLACIER_MONTHS = 3.0
_INDEX_GB = 32 / 1024**2
_NAME_GB = 8 / 1024**2
_LONGEST_MONTHS = 120


def quantities(storage: Storage, rule: str) -> dict[str, float]:
    """Return how much of each price a month of recordings takes.

    Parameters
    ----------
    storage : Storage
    rule : str
        One of `RULES`.
    """
    added, months = storage.raw_gb, storage.raw_months
    objects = added * 1024 / storage.object_mb
    if rule == "standard":
        return {"s3.put_1k": objects, "s3.standard_gb": added * months}
    warm = months if rule == "tiering" else min(months, GLACIER_MONTHS)
    cold = months - warm
    return {
        "s3.put_1k": objects,
        "s3.it_frequent_gb": added * min(1.0, warm),
        "s3.it_infrequent_gb": added * max(0.0, warm - 1),
        "s3.it_lifecycle_1k": objects,
        "s3.it_monitoring_1k": objects * warm,
        "s3.glacier_flexible_gb": (added + objects * _INDEX_GB) * cold,
        "s3.standard_gb": objects * _NAME_GB * cold,
        "s3.glacier_flexible_lifecycle_1k": objects if cold else 0.0,
    }


def storage_usd(book: PriceBook, storage: Storage, rule: str) -> float:
    """Return what the recordings cost in a month under one of `RULES`, US dollars."""
    return sum(book[key].cost(amount) for key, amount in quantities(storage, rule).items())


def saving(book: PriceBook, storage: Storage, rule: str) -> float:
    """Return the share that a rule saves of what Standard costs; negative: it costs more."""
    plain = storage_usd(book, storage, "standard")
    return 1 - storage_usd(book, storage, rule) / plain if plain else 0.0


def months_to_save(book: PriceBook, storage: Storage, rule: str, share: float) -> int | None:
    """Return how many months recordings must be kept before a rule saves a share; None if never."""
    for months in range(1, _LONGEST_MONTHS + 1):
        if saving(book, replace(storage, raw_months=float(months)), rule) >= share:
            return months
    return None
