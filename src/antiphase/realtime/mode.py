"""What every mode is: a way to treat the streams of a session."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

from antiphase.control import Message, Mode
from antiphase.realtime.carried import Carried
from antiphase.realtime.load import SolverPool
from antiphase.realtime.meter import Meter
from antiphase.realtime.outputs import Flow, Output
from antiphase.realtime.roster import Device, Frame, Roster
from antiphase.realtime.settings import EngineSettings

__all__ = ["ModeRunner", "Surroundings", "listening"]


@dataclass
class Surroundings:
    """What a mode works with.

    Attributes
    ----------
    settings : EngineSettings
    roster : Roster
    pool : SolverPool
    meter : Meter
        Takes every block of reference, drive and error.
    emit : callable
        Takes what is to be done outside.
    misses : callable
        Counts a frame or an update that came too late.
    margin_ms : callable
        Returns the causality margin as measured so far.
    carried : Carried, optional
        What another server knew of the session; whoever uses it takes it out.
    """

    settings: EngineSettings
    roster: Roster
    pool: SolverPool
    meter: Meter
    emit: Callable[[Output], None]
    misses: Callable[[], None] = field(default=lambda: None)
    margin_ms: Callable[[], float | None] = field(default=lambda: None)
    carried: Carried | None = None

    def take_carried(self, kind: str, device: Device) -> Carried | None:
        """Return what was carried here if it is for this kind of mode and device, once."""
        carried = self.carried
        if carried is None or not carried.fits(kind, device.description):
            return None
        self.carried = None
        return carried


class ModeRunner:
    """Base of the modes: passes everything by and plays nothing.

    Parameters
    ----------
    around : Surroundings
    """

    mode: ClassVar[Mode] = "forward"
    tick_s: ClassVar[float] = 0.25
    """How often `tick` wants to be called, s; 0: as often as there is time."""

    def __init__(self, around: Surroundings) -> None:
        self.around = around
        self.control = True

    def start(self, now: float) -> None:
        """Begin; called once."""

    def stop(self, now: float) -> None:
        """End: leave nothing playing."""

    def set_control(self, on: bool, now: float) -> None:  # noqa: ARG002 - the seam
        """Let anti-noise be played, or not."""
        self.control = on

    def hear(self, device: Device, mid: str, frame: Frame, now: float) -> None:
        """Take a frame of a track."""

    def restarted(self, device: Device, mid: str) -> None:
        """Know that a track began anew: another rate, other channels, another count of samples."""

    def receive(self, device: Device, message: Message, now: float) -> None:
        """Take a message of split control."""

    def told(self, device: Device, message: dict[str, Any], now: float) -> None:
        """Take a message of ``anc.control``."""

    def tick(self, now: float) -> None:
        """Do what is due."""

    def flows(self) -> list[Flow]:
        """Return the ways that sound takes in this mode."""
        return listening(self.around.roster)

    def parameters(self) -> dict[str, Any]:
        """Return what devices and people should know of the mode."""
        return {}

    def fits(self) -> bool:
        """Whether it can go on with the devices that are there now."""
        return True

    def meter(self) -> Meter:
        """Return what is shown as reference, drive and error."""
        return self.around.meter

    def drive_snr_db(self) -> float | None:
        """Return what the filter makes of the reference re all else that is played, if known."""
        return None

    def knows_the_loop(self) -> bool:
        """Whether the meter's path is the whole way from drive to error."""
        return True

    def delay_ms(self) -> float:
        """Return for how long sound waits on the server by the mode's own will."""
        return 0.0

    def to_carry(self) -> Carried | None:
        """Return the filter in force for another server to go on with, None where there is none."""
        return None

    def split_figures(self) -> dict[str, Any] | None:
        """Return the state of split control, None in other modes."""
        return None


def listening(roster: Roster) -> list[Flow]:
    """Return the flows that let listeners hear the error microphones, or else any track.

    Each listener hears the first error microphone that sends sound; where there is none, the first
    talker, and else the first reference. Nobody hears itself.
    """
    flows = []
    for listener, binding in roster.holding("listener"):
        tracks = [
            (source, heard.track)
            for role in ("error", "talker", "reference")
            for source, heard in roster.holding(role)
            if heard.track != "data" and source is not listener
        ]
        if tracks:
            source, mid = tracks[0]
            flows.append(Flow(source.device_id, mid, "forward", listener.device_id, binding.mid))
    return flows
