"""The region behind a function URL, API Gateway or a load balancer.

The function's entry point is ``antiphase.region.function.handler``; `settings` says what it reads
from its environment.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from antiphase.region.handler import Region
from antiphase.region.settings import region_from

__all__ = ["handler"]


@cache
def _region() -> Region:
    return region_from()


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Answer an event with status, headers and body."""
    return _region().lambda_handler(event, context)
