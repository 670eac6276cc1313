"""Our client against our endpoint on an in-memory link in virtual time."""

from __future__ import annotations

import numpy as np
import pytest

from antiphase.errors import ParameterError, ProtocolError
from antiphase.media.client import Client, ClientTrack
from antiphase.media.datachannel import ChannelMessage, ChannelOpened
from antiphase.media.events import AudioReceived, ChannelChanged, Closed, Connected
from antiphase.media.stun import Attribute, Message, MessageClass, Method, is_stun
from tests.media.link import CERTIFICATE, L16, SERVER, Link, lossy


def test_connects_and_carries_audio_both_ways() -> None:
    """One round of checks and a handshake, then every frame arrives bit for bit."""
    link = Link()
    client = link.join("a")
    link.until_connected(client)
    assert Connected("a") in link.events
    rng = np.random.default_rng(1)
    sent = rng.uniform(-0.5, 0.5, (20, 80))
    for frame in sent:
        client.send_audio("0", frame)
        link.endpoint.send_audio("a", "0", -frame)
        link.step()
    up = [e.frame.pcm for e in link.events if isinstance(e, AudioReceived)]
    down = [e.frame.pcm for e in link.client_events if isinstance(e, AudioReceived)]
    np.testing.assert_allclose(up, sent, atol=2e-5)
    np.testing.assert_allclose(down, -sent, atol=2e-5)


def test_two_tracks_keep_apart() -> None:
    """Each section has its own stream in each direction, found by MID and source."""
    link = Link()
    client = link.join("a", ClientTrack(L16), ClientTrack(L16))
    link.until_connected(client)
    for _ in range(3):
        client.send_audio("0", np.full(80, 0.25))
        client.send_audio("1", np.full(80, -0.25))
        link.step()
    heard = [e for e in link.events if isinstance(e, AudioReceived)]
    mean = {mid: np.mean([e.frame.pcm for e in heard if e.mid == mid]) for mid in "01"}
    assert mean["0"] == pytest.approx(0.25, abs=1e-4)
    assert mean["1"] == pytest.approx(-0.25, abs=1e-4)


@pytest.mark.parametrize("direction", ["sendonly", "recvonly"])
def test_one_way_tracks_carry_one_way(direction: str) -> None:
    """Audio against the agreed direction is dropped by the sender."""
    link = Link()
    client = link.join("a", ClientTrack(L16, direction))
    link.until_connected(client)
    client.send_audio("0", np.full(80, 0.25))
    link.endpoint.send_audio("a", "0", np.full(80, 0.25))
    link.step()
    heard = [
        any(isinstance(e, AudioReceived) for e in events)
        for events in (link.events, link.client_events)
    ]
    assert heard == [direction == "sendonly", direction == "recvonly"]


def test_loss_reports_lower_nothing_below_the_limits_and_reach_the_sender() -> None:
    """With 20 % loss the receiver's reports arrive and name about that loss."""
    link = Link()
    client = link.join("a")
    link.until_connected(client)
    link.spoil = lossy(0.2)
    for _ in range(600):
        client.send_audio("0", np.zeros(80))
        link.step()
    assert client.session is not None
    assert 0.05 < client.session.rates["0"].loss < 0.4
    frames = [e.frame for e in link.events if isinstance(e, AudioReceived)]
    assert set(np.diff([f.timestamp for f in frames])) == {80}


def test_a_server_that_disappears_ends_the_session() -> None:
    """Without answers to its checks the client gives up after the consent time."""
    link = Link()
    client = link.join("a")
    link.until_connected(client)
    link.spoil = lambda _: []
    for _ in range(40):
        link.step(1.0)
    assert any(isinstance(e, Closed) for e in link.client_events)
    assert Closed("a", "consent expired: no connectivity check for 30 s") in link.events
    assert link.endpoint.sessions == {}


def test_closing_reaches_the_server_at_once() -> None:
    """The place is free in the same moment."""
    link = Link()
    client = link.join("a")
    link.until_connected(client)
    client.close()
    link.step()
    assert Closed("a", "closed by the peer") in link.events
    assert link.endpoint.sessions == {}


def test_an_answer_with_other_sections_is_refused() -> None:
    """An answer must mirror the offer."""
    one, two = Client((ClientTrack(L16),)), Client((ClientTrack(L16), ClientTrack(L16)))
    link = Link()
    answer = link.endpoint.open("a", two.offer(), 0.0)
    with pytest.raises(ProtocolError, match="m-lines"):
        one.accept(answer, 0.0)


def test_data_channels_carry_messages_both_ways() -> None:
    """A channel made by the client opens on the server, and both sides send on it."""
    link = Link()
    client = Client((ClientTrack(L16),), data=True, certificate=CERTIFICATE)
    client.accept(link.endpoint.open("a", client.offer(), link.now), link.now)
    link.clients["198.51.100.9", 9] = client
    link.until_connected(client)
    assert client.channels is not None
    client.channels.open("anc.split", link.now)
    for _ in range(10):
        link.step()
    client.channels.send("anc.split", b"block" * 1000, link.now)
    link.endpoint.send_message("a", "anc.split", b"push", link.now)
    for _ in range(10):
        link.step()
    changes = [e.change for e in link.events if isinstance(e, ChannelChanged)]
    assert changes == [ChannelOpened("anc.split"), ChannelMessage("anc.split", b"block" * 1000)]
    assert ChannelChanged("client", ChannelMessage("anc.split", b"push")) in link.client_events


def test_a_message_without_a_channel_is_refused() -> None:
    """A session without data channels names the label that is missing."""
    link = Link()
    client = link.join("a")
    link.until_connected(client)
    with pytest.raises(ParameterError, match="label='x'"):
        link.endpoint.send_message("a", "x", b"", link.now)


def test_checks_of_a_full_server_are_answered() -> None:
    """A server that checks us back gets an answer under our password, a stranger gets none."""
    link = Link()
    client = link.join("a")
    link.until_connected(client)
    agent = client._agent
    assert agent is not None
    check = Message(Method.BINDING, MessageClass.REQUEST)
    name = f"{agent.local.ufrag}:{agent.remote.ufrag}"
    check.attributes[Attribute.USERNAME] = name.encode()
    client.receive(check.encode(agent.local.password.encode()), SERVER, link.now, link.now)
    client.receive(check.encode(b"guess"), SERVER, link.now, link.now)
    answers = [Message.parse(d) for d, _ in client.poll_outgoing() if is_stun(d)]
    assert [a.message_class for a in answers] == [MessageClass.SUCCESS]
    assert client.counters.stun_unauthenticated == 1
