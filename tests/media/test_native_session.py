"""The native carrier's own parts; whole sessions are tested in test_native_loop."""

from __future__ import annotations

import os
import random
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from antiphase.media import srtp
from antiphase.media.native_session import NativeCarrier, native_loop_available

linux = pytest.mark.skipif(not hasattr(os, "eventfd"), reason="the batch loop needs Linux")


@linux
def test_available_where_the_wheels_are() -> None:
    """On Linux with the pinned wheels the batch loop loads."""
    assert native_loop_available()


def test_not_available_without_its_libraries(monkeypatch: pytest.MonkeyPatch) -> None:
    """A libsrtp of another line is not called; the plain driver runs instead."""

    def missing() -> None:
        raise ImportError

    monkeypatch.setattr(srtp, "library", missing)
    assert not native_loop_available()


Place = tuple[bytes, int, bool]
"""Address, port, and whether it is TCP."""


@contextmanager
def idle_carrier() -> Iterator[NativeCarrier]:
    """Yield a batch loop whose thread never runs."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        wake = os.eventfd(0, os.EFD_NONBLOCK)
        try:
            yield NativeCarrier(udp.fileno(), wake)
        finally:
            os.close(wake)


def is_gated(carrier: NativeCarrier, place: Place) -> bool:
    """Whether the loop knows a source: what is no packet at all is junk then."""
    before = carrier.loop.counters()["junk"]
    carrier.loop.receive(*place, b"\x46", 0)
    return bool(carrier.loop.counters()["junk"] > before)


@linux
@pytest.mark.parametrize("seed", range(3))
def test_the_source_gate_is_a_map(seed: int) -> None:
    """Sources that come and go by the hundred, of two families, pass while their session lives."""
    rng = random.Random(seed)  # noqa: S311 - reproducible
    hosts = [rng.randbytes(rng.choice((4, 16))) for _ in range(12)]
    places = [(h, p, t) for h in hosts for p in (1, 5000, 65535) for t in (False, True)]
    places += [(hosts[0], port, False) for port in range(40000, 40400)]
    expected: dict[Place, int] = {}
    with idle_carrier() as carrier:
        sessions = [carrier.loop.add_session(False) for _ in range(5)]
        for _ in range(3000):
            place = rng.choice(places)
            action = rng.random()
            if action < 0.6:
                expected[place] = rng.choice(sessions)
                carrier.loop.open_gate(*place, expected[place])
            elif action < 0.995:
                expected.pop(place, None)
                carrier.loop.close_gate(*place)
            else:
                gone = sessions.pop(rng.randrange(len(sessions)))
                carrier.loop.remove_session(gone)
                expected = {p: s for p, s in expected.items() if s != gone}
                sessions.append(carrier.loop.add_session(False))
        assert {p for p in places if is_gated(carrier, p)} == set(expected)
        for session in sessions:
            carrier.loop.remove_session(session)
        assert not any(is_gated(carrier, place) for place in places)
