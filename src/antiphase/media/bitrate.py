"""Opus bitrate from what the receiver reports: loss-driven, capped by REMB, within set limits."""

from __future__ import annotations

from dataclasses import dataclass

from antiphase.errors import require

__all__ = ["BitrateController", "BitrateLimits"]


@dataclass(frozen=True)
class BitrateLimits:
    """Bounds of the bitrate in bits per second."""

    minimum: int = 16000
    maximum: int = 128000

    def __post_init__(self) -> None:
        """Check the order."""
        require(
            6000 <= self.minimum <= self.maximum <= 510000,
            "BitrateLimits",
            (self.minimum, self.maximum),
            "6000 ≤ minimum ≤ maximum ≤ 510000",
        )


class BitrateController:
    """Bitrate of one sender.

    Above 10 % loss the rate is multiplied by 1 − loss/2, below 2 % it grows by 8 %, between it
    stays; at most one step a second each way.

    Parameters
    ----------
    limits : BitrateLimits
        Bounds.
    start : int
        Bits per second before the first report, moved into the bounds.

    References
    ----------
    Holmer, Lundin, Carlucci, De Cicco & Mascolo (2017), A Google Congestion Control Algorithm for
    Real-Time Communication, §6 (loss-based part).
    """

    def __init__(self, limits: BitrateLimits, start: int) -> None:
        self.limits = limits
        self.bitrate = min(max(start, limits.minimum), limits.maximum)
        self.loss = 0.0
        """Loss fraction of the newest report."""
        self._cap = limits.maximum
        self._changed_at = float("-inf")

    def report(self, fraction_lost: int, now: float) -> int:
        """Take a receiver report's loss (0 … 255 of 256) and return the bitrate to use."""
        self.loss = fraction_lost / 256
        if now - self._changed_at >= 1.0:
            factor = 1 - self.loss / 2 if self.loss > 0.10 else 1.08 if self.loss < 0.02 else 1.0
            self._changed_at = now if factor != 1.0 else self._changed_at
            self._set(self.bitrate * factor)
        return self.bitrate

    def cap(self, bitrate: int) -> int:
        """Take a REMB estimate of the receiver and return the bitrate to use."""
        self._cap = bitrate
        self._set(self.bitrate)
        return self.bitrate

    def _set(self, bitrate: float) -> None:
        ceiling = max(min(self.limits.maximum, self._cap), self.limits.minimum)
        self.bitrate = int(min(max(bitrate, self.limits.minimum), ceiling))
