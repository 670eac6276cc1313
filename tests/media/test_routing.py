"""Routes in virtual time: forwarding, gain, cleaning, listening."""

from __future__ import annotations

import numpy as np
import pytest

from antiphase.adaptive import NLMSFilter
from antiphase.errors import ParameterError
from antiphase.media.client import ClientTrack
from antiphase.media.events import AudioReceived
from antiphase.media.payload import AudioFormat
from antiphase.media.routing import Clean, Forward, Gain, Listen, Route, RouteTable, match_channels
from tests.media.link import L16, Link

STEREO = AudioFormat("L16", 96, 8000, 2)


def heard(link: Link) -> np.ndarray:
    return np.concatenate([e.frame.pcm for e in link.client_events if isinstance(e, AudioReceived)])


def test_one_talker_many_listeners() -> None:
    """A forwarded frame reaches every listener bit for bit, and the talker not."""
    link = Link()
    talker = link.join("talker")
    ears = [link.join(f"ear{k}", ClientTrack(L16, "recvonly")) for k in range(3)]
    for client in (talker, *ears):
        link.until_connected(client)
    routes = tuple(Route(Forward(), f"ear{k}", "0") for k in range(3))
    link.endpoint.set_routes("talker", "0", routes)
    sent = np.random.default_rng(1).uniform(-0.5, 0.5, (5, 80))
    for frame in sent:
        talker.send_audio("0", frame)
        link.step()
    frames = [e.frame.pcm for e in link.client_events if isinstance(e, AudioReceived)]
    np.testing.assert_allclose(np.repeat(sent, 3, axis=0), frames, atol=2e-5)


def test_forwarding_keeps_gaps_visible() -> None:
    """What the network lost before us the listener conceals: numbering keeps the hole."""
    link = Link()
    talker, ear = link.join("talker"), link.join("ear", ClientTrack(L16, "recvonly"))
    link.until_connected(talker)
    link.until_connected(ear)
    link.endpoint.set_routes("talker", "0", (Route(Forward(), "ear", "0"),))
    for k in range(10):
        link.spoil = (lambda _: []) if k == 5 else (lambda datagram: [datagram])
        talker.send_audio("0", np.full(80, 0.1))
        link.step()
    frames = [e.frame for e in link.client_events if isinstance(e, AudioReceived)]
    assert [f.concealed for f in frames] == [k == 5 for k in range(10)]


def test_gain_reaches_the_listener() -> None:
    """Decoded, scaled and encoded again."""
    link = Link()
    client = link.join("a")
    link.until_connected(client)
    link.endpoint.set_routes("a", "0", (Route(Gain(-0.5), "a", "0"),))
    client.send_audio("0", np.full(80, 0.4))
    link.step()
    np.testing.assert_allclose(heard(link), -0.2, atol=5e-5)
    assert not any(isinstance(e, AudioReceived) for e in link.events)


def test_cleaning_takes_the_reference_out_of_the_primary() -> None:
    """Left is noise through a path, right the noise: what comes back falls by 40 dB."""
    link = Link()
    client = link.join("a", ClientTrack(STEREO))
    link.until_connected(client)
    link.endpoint.set_routes("a", "0", (Route(Clean(NLMSFilter(64, 0.5)), "a", "0"),))
    noise = np.random.default_rng(2).uniform(-0.3, 0.3, 16000)
    primary = np.convolve(noise, [0.5, -0.3, 0.2])[:16000]
    for left, right in zip(primary.reshape(-1, 80), noise.reshape(-1, 80), strict=True):
        client.send_audio("0", np.stack([left, right], axis=1))
        link.step()
    residual = heard(link)[-4000:, 0]
    assert 10 * np.log10(np.mean(primary**2) / np.mean(residual**2)) > 40


def test_listening_beside_forwarding() -> None:
    """A route may report frames while others carry them on."""
    link = Link()
    client = link.join("a")
    link.until_connected(client)
    link.endpoint.set_routes("a", "0", (Route(Forward(), "a", "0"), Route(Listen())))
    client.send_audio("0", np.full(80, 0.25))
    link.step()
    assert any(isinstance(e, AudioReceived) for e in link.events)
    assert len(heard(link)) == 80


def test_a_route_to_nobody_is_silent() -> None:
    """A listener that has left takes nothing down with it."""
    link = Link()
    client = link.join("a")
    link.until_connected(client)
    gone = (Route(Forward(), "gone", "0"), Route(Gain(), "gone", "0"))
    link.endpoint.set_routes("a", "0", gone)
    client.send_audio("0", np.zeros(80))
    link.step()
    with pytest.raises(ParameterError, match="gone"):
        link.endpoint.set_routes("gone", "0", ())


@pytest.mark.parametrize(("have", "want"), [(1, 2), (2, 1), (1, 1), (2, 2)])
def test_channels_are_matched(have: int, want: int) -> None:
    """Mono goes to both sides, stereo to its mean."""
    pcm = np.full(10, 0.5) if have == 1 else np.tile([0.25, 0.75], (10, 1))
    out = match_channels(pcm, want)
    assert out.shape == ((10,) if want == 1 else (10, 2))
    assert out.mean() == pytest.approx(0.5)


def test_a_canceller_of_another_type_is_refused() -> None:
    """The native loop works in float32."""
    with pytest.raises(ParameterError, match="float32"):
        Clean(NLMSFilter(8, dtype=np.float64))


def test_the_table_knows_who_leads_to_whom() -> None:
    """What leads to a session is known also before it comes, and forgotten with its source."""
    table = RouteTable()
    table.set("a", "0", (Route(Forward(), "b", "0"), Route(Gain(0.5), "b", "1")))
    table.set("a", "1", (Route(Listen()), Route(Forward(), "c", "0")))
    table.set("b", "0", (Route(Forward(), "c", "0"),))
    assert set(table.leading_to("b")) == {("a", "0")}
    assert set(table.leading_to("c")) == {("a", "1"), ("b", "0")}
    table.set("a", "0", (Route(Forward(), "c", "0"),))
    assert table.leading_to("b") == ()
    table.drop("a")
    assert table.get("a", "0") is None
    assert table.leading_to("c") == (("b", "0"),)
