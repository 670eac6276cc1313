"""What listeners hear."""

from __future__ import annotations

from antiphase.realtime.mode import listening
from antiphase.realtime.roles import DeviceDescription, RoleBinding
from antiphase.realtime.roster import Roster


def test_listeners_hear_the_error_microphone_first() -> None:
    """Then a talker, then a reference; never themselves, never a data channel."""
    roster = Roster()
    roster.add("l", DeviceDescription("l", (RoleBinding("listener", "2"),)))
    assert listening(roster) == []
    roster.add("r", DeviceDescription("r", (RoleBinding("reference", "0"),)))
    assert listening(roster)[0].device_id == "r"
    both = (RoleBinding("error", "data"), RoleBinding("error", "1"), RoleBinding("listener"))
    roster.add("e", DeviceDescription("e", both))
    first, second = listening(roster)
    assert (first.device_id, first.mid, first.to, first.to_mid) == ("e", "1", "l", "2")
    assert (second.device_id, second.to, second.to_mid) == ("r", "e", "")
