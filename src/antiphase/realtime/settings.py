"""How an engine works."""

from __future__ import annotations

from dataclasses import dataclass, field

from antiphase.control import ChangeRule, SplitSettings
from antiphase.errors import require

__all__ = ["EngineSettings"]


@dataclass(frozen=True)
class EngineSettings:
    """How the engine of one session works.

    Attributes
    ----------
    split : SplitSettings
        Of the solver of mode `split`.
    forwarded : SplitSettings
        Of the same solver when the reference comes over the network: frames that were lost and
        clocks that are followed leave errors that no path has made, so a change of the paths must
        show more clearly, and a short window follows what is left of the drift.
    late : SplitSettings
        Of the same solver when the reference comes too late (mode `predictive`): lines last, so
        its window may be longer.
    limit : float
        Largest drive that the server makes, re full scale.
    clean_taps, clean_mu : int, float
        Of the canceller of mode `clean` on one stereo track.
    long_clean_taps, clean_window_s : int, float
        Of the least squares of mode `clean` on two tracks.
    clean_delay_ms : float
        By which the talker is delayed at most so that the reference can be aligned.
    buffer_ms : float
        How long a frame may be under way before it counts as lost, where the server plays it out.
    lookahead_buffer_ms : float
        The same in mode `lookahead`, where every millisecond is margin.
    longest_interval_s : float
        Update interval up to which a loaded solver is slowed; beyond, blocks are dropped.
    busy_share : float
        Share of a core that one session may use for sound that the server makes itself.
    silent_s : float
        A stream without frames for that long is dead.
    """

    split: SplitSettings = field(default_factory=SplitSettings)
    forwarded: SplitSettings = field(
        default_factory=lambda: SplitSettings(
            window_s=0.35, rule=ChangeRule(share=0.2, factor=8.0, in_a_row=4)
        )
    )
    late: SplitSettings = field(
        default_factory=lambda: SplitSettings(
            window_s=1.0, rule=ChangeRule(share=0.2, factor=8.0, in_a_row=4)
        )
    )
    limit: float = 1.0
    clean_taps: int = 256
    clean_mu: float = 0.3
    long_clean_taps: int = 1024
    clean_window_s: float = 8.0
    clean_delay_ms: float = 40.0
    buffer_ms: float = 15.0
    lookahead_buffer_ms: float = 10.0
    longest_interval_s: float = 2.0
    busy_share: float = 0.5
    silent_s: float = 1.0

    def __post_init__(self) -> None:
        """Check the ranges."""
        require(0 < self.limit <= 1, "limit", self.limit, "in (0, 1]")
        require(self.clean_taps >= 1, "clean_taps", self.clean_taps, "at least 1")
        require(0 < self.clean_mu < 2, "clean_mu", self.clean_mu, "in (0, 2)")
        require(self.long_clean_taps >= 2, "long_clean_taps", self.long_clean_taps, "at least 2")
        require(self.clean_window_s > 0, "clean_window_s", self.clean_window_s, "> 0 s")
        require(0 <= self.clean_delay_ms <= 1000, "clean_delay_ms", self.clean_delay_ms, "≤ 1000")
        require(2 <= self.buffer_ms <= 1000, "buffer_ms", self.buffer_ms, "in 2 … 1000 ms")
        waits = self.lookahead_buffer_ms
        require(2 <= waits <= 1000, "lookahead_buffer_ms", waits, "in 2 … 1000 ms")
        longest = self.longest_interval_s
        require(longest >= 0.1, "longest_interval_s", longest, "≥ 0.1 s")
        require(self.busy_share > 0, "busy_share", self.busy_share, "> 0")
        require(self.silent_s > 0, "silent_s", self.silent_s, "> 0 s")
