"""The log of a device."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, asdict

import pytest

from antiphase.devices.soundcard import AgentEvent, DeviceAgent


def test_a_line_of_the_log_keeps_its_time_and_words() -> None:
    """In the order said, times in ms, as plain types, not to be changed."""
    agent = DeviceAgent()
    agent.say(1.23456, "opened")
    agent.say(2.0, "muted")
    assert [asdict(line) for line in agent.log] == [
        {"time_s": 1.235, "text": "opened"},
        {"time_s": 2.0, "text": "muted"},
    ]
    with pytest.raises(FrozenInstanceError):
        AgentEvent(1.0, "opened").text = "closed"  # type: ignore[misc]
