"""What a device writes into its log."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["AgentEvent"]


@dataclass(frozen=True)
class AgentEvent:
    """A line of the log.

    Attributes
    ----------
    time_s : float
        On the clock that `DeviceAgent` is told.
    text : str
    """

    time_s: float
    text: str
