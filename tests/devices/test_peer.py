"""A device as a client, whatever it hears and plays."""

from __future__ import annotations

import json

import pytest

from antiphase.devices.peer import Peer
from antiphase.media.client import ClientTrack
from antiphase.media.payload import AudioFormat
from tests.devices.rig.server import CERTIFICATE


class Noting(Peer):
    """Notes what it is told to obey."""

    def __init__(self) -> None:
        super().__init__("noting", data=True, certificate=CERTIFICATE)
        self.obeyed: list[object] = []

    def mode_changed(self, parameters: dict[str, object]) -> None:
        self.obeyed.append((self.mode, parameters))

    def control_changed(self) -> None:
        self.obeyed.append(self.control)


def test_it_obeys_modes_and_the_switch() -> None:
    """A mode comes with its parameters, the switch as on or off; other messages change nothing."""
    peer = Noting()
    peer.take_message({"type": "mode", "mode": "local", "parameters": {"reference": "error"}}, 0.0)
    peer.take_message({"type": "control", "on": False}, 0.0)
    peer.take_message({"type": "figures"}, 0.0)
    assert peer.obeyed == [("local", {"reference": "error"}), False]


def test_it_offers_its_tracks_and_channels() -> None:
    """One m-line for each track and one for data; without tracks data alone."""
    form = AudioFormat("L16", 96, 8000)
    both = Peer("both", (ClientTrack(form, "sendonly", 5.0),), data=True, certificate=CERTIFICATE)
    assert both.offer().count("m=audio") == 1
    assert both.offer().count("m=application") == 1
    alone = Peer("data", data=True, certificate=CERTIFICATE)
    assert "m=audio" not in alone.offer()
    assert alone.join_message() == {"type": "join", "device": "data", "roles": []}


def test_a_new_connection_forgets_the_old_one() -> None:
    """After `reconnect` there are other credentials, no open channels and no mode."""
    peer = Noting()
    peer.take_message({"type": "mode", "mode": "split"}, 0.0)
    peer.open_channels.add("anc.control")
    peer.closed = "gone"
    before = peer.offer()
    peer.reconnect()
    assert (peer.mode, peer.open_channels) == ("forward", set())
    assert not peer.closed
    assert peer.offer() != before


def test_what_can_not_be_sent_yet_is_dropped_or_queued() -> None:
    """A channel that is not open drops; signalling messages wait to be fetched once."""
    peer = Noting()
    peer.tell({"type": "latency"}, 0.0)
    peer.say({"type": "truth", "nr_db": 1.0})
    assert json.dumps(peer.poll_messages()) == '[{"type": "truth", "nr_db": 1.0}]'
    assert peer.poll_messages() == []
    assert peer.poll_outgoing() == []
    assert peer.due == pytest.approx(float("inf"))
