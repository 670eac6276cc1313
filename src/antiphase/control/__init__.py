"""Controller structures around the update rules, and what keeps them safe."""

from __future__ import annotations

from antiphase.control.fixed import FixedController

__all__ = ["FixedController"]
