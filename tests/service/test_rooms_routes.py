"""Flows as routes; whole rooms are in test_rooms."""

from __future__ import annotations

import numpy as np

from antiphase.media.endpoint import Endpoint, EndpointSettings
from antiphase.media.routing import Listen, Route
from antiphase.realtime import Flow
from antiphase.service.rooms_routes import Switchboard, _Converter, _listen


def test_flows_of_devices_that_are_not_there_are_no_routes() -> None:
    """Nothing is set before the sections exist, and unknown tracks are wanted by nobody yet."""
    board = Switchboard(Endpoint(EndpointSettings((("192.0.2.1", 1),))))
    board.set_flows((Flow("a", "0", "hear"), Flow("a", "0", "forward", "b")))
    assert board.wants("a", "0")
    assert board.wants("b", "0")


def test_a_converter_gives_whole_frames_at_the_new_rate() -> None:
    """Half a second of frames of 5 ms at 8 kHz becomes frames of 10 ms at 48 kHz."""
    converter = _Converter(8000, 48000)
    frames = [f for _ in range(100) for f in converter.take(np.zeros(40))]
    assert {len(f) for f in frames} == {480}
    assert 48 <= len(frames) <= 50


def test_samples_come_up_once_however_many_want_them() -> None:
    """A track that is heard and goes on at another rate has one way up, not one for each."""
    routes: list[Route] = []
    _listen(routes)
    _listen(routes)
    assert routes == [Route(Listen())]
