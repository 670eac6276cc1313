"""The recorder in virtual time: who is taken, from when, and that all files keep one time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from scipy import signal

from antiphase.control import Block
from antiphase.control.split_protocol import encode
from antiphase.errors import ParameterError
from antiphase.realtime import DeviceDescription, PlayAudio, RoleBinding
from antiphase.service.recorder import RoomRecorder
from antiphase.service.recording_pieces import Piece

FS = 8000
Floats = npt.NDArray[np.float64]

MICROPHONE = DeviceDescription("kerb", (RoleBinding("reference", "0"),))
LOOPER = DeviceDescription("barrier", (RoleBinding("error", "0"), RoleBinding("loudspeaker", "0")))
WATCHER = DeviceDescription("page")


def noise_at(seconds: float, seed: int = 5) -> Callable[[Floats], Floats]:
    """Return noise below 1 kHz as a function of time, good at any instant."""
    rng = np.random.default_rng(seed)
    low = signal.firwin(255, 1000, fs=FS)
    known = 0.3 * signal.lfilter(low, 1.0, rng.standard_normal(round((seconds + 2) * FS)))
    index = np.arange(len(known))
    return lambda t: np.interp(t * FS, index, known)


class World:
    """A recorder, the pieces it made, and sound as its devices hear it."""

    def __init__(self, piece_s: float = 2.0, **devices: DeviceDescription) -> None:
        self.devices = dict(devices)
        self.pieces: list[Piece] = []
        self.recorder = RoomRecorder(self.devices, 0.0, self.pieces.append, piece_s)
        self.now = 0.0

    def end(self) -> None:
        self.recorder.end(self.now, dict)

    def play(
        self,
        seconds: float,
        frame_s: float,
        send: Callable[[int, float], None],
        late: Callable[[], float] = lambda: 0.0,
    ) -> None:
        """Let frames come: `send` takes the frame's number and its arrival."""
        first = round(self.now / frame_s)
        for k in range(first, first + round(seconds / frame_s)):
            self.now = (k + 1) * frame_s
            send(k, self.now + late())
            self.recorder.tick(self.now, dict)

    def track(self, role: str) -> Floats:
        """Return all of a role's samples, piece after piece."""
        parts = [
            strip.assemble()[0]
            for piece in self.pieces
            for strip in piece.strips
            if strip.role == role
        ]
        return np.concatenate(parts).astype(np.float64) if parts else np.zeros(0)

    def roles(self) -> set[str]:
        return {strip.role for piece in self.pieces for strip in piece.strips}


def lag(one: Floats, other: Floats) -> float:
    """Return by how many samples `other` is behind `one`."""
    n = min(len(one), len(other))
    cross = signal.correlate(other[:n], one[:n], method="fft")
    return float(np.argmax(cross) - (n - 1))


@pytest.mark.parametrize("ppm", [0.0, 100.0, -300.0])
def test_files_of_unequal_clocks_keep_one_time(ppm: float) -> None:
    """A microphone of another clock and blocks of split control: each piece begins within 0.5 ms.

    Frames come up to 20 ms late and a fiftieth are lost; the clocks' origins have nothing to do
    with each other.
    """
    world = World(5.0, a=MICROPHONE, b=LOOPER)
    for name in ("a", "b"):
        world.recorder.consent(name, agree=True, now=0.0)
    sound, rng = noise_at(32.0), np.random.default_rng(2)
    rate = FS * (1 + 1e-6 * ppm)

    def heard(first: int, n: int, hz: float) -> Floats:
        return sound((first + np.arange(n)) / hz)

    sent = [0]

    def frame(_: int, now: float) -> None:
        while (sent[0] + 1) * 80 / rate <= now:
            first, sent[0] = sent[0] * 80, sent[0] + 1
            if rng.random() > 0.02:
                at = (first + 80) / rate + 0.02 * rng.random() ** 2
                world.recorder.hear("a", "0", heard(first, 80, rate), first + 10_000_019, FS, at)

    def block(k: int, now: float) -> None:
        if k % 10 == 9:
            first = (k - 9) * 80
            e = heard(first, 800, FS)[:, None]
            made = Block(k // 10, first + 77, FS, np.zeros_like(e), 0.5 * e, e)
            world.recorder.receive("b", encode(made), now + 0.02 * rng.random() ** 2)

    def both(k: int, now: float) -> None:
        frame(k, now)
        block(k, now)

    world.play(30.0, 0.01, both)
    world.end()
    assert [round(p.end_s - p.start_s, 3) for p in world.pieces] == [5.0] * 6
    for piece in world.pieces:
        by_role = {strip.role: strip.assemble()[0].astype(float) for strip in piece.strips}
        assert set(by_role) == {"reference", "error", "output"}
        assert abs(lag(by_role["error"][:4000], by_role["reference"][:4000])) <= 4
        assert lag(by_role["error"], by_role["output"]) == 0
    # No sample is lost or doubled where pieces meet.
    whole = world.track("error")
    n = len(whole)
    expected = np.rint(32767 * sound(np.arange(n) / FS))
    begin = int(-lag(whole, expected))
    inner = slice(2 * FS, n - 2 * FS)
    moved = np.rint(32767 * sound((np.arange(n) - begin) / FS))
    assert np.max(np.abs(whole[inner] - moved[inner])) <= 2


def test_nothing_is_taken_before_a_consent_or_after_its_withdrawal() -> None:
    """Silence and a gap there; the other device's track goes on."""
    world = World(2.0, a=MICROPHONE, b=LOOPER)
    world.recorder.consent("b", agree=True, now=0.0)

    def send(k: int, now: float) -> None:
        if k == 150:
            world.recorder.consent("a", agree=True, now=now)
        if k == 250:
            world.recorder.consent("a", agree=False, now=now)
        for device in ("a", "b"):
            world.recorder.hear(device, "0", np.full(80, 0.5), 80 * k, FS, now)

    world.play(4.0, 0.01, send)
    world.end()
    assert world.recorder.recorded == ["b"]
    assert world.track("error").all()
    first, second = (
        next(s for s in piece.strips if s.role == "reference").assemble() for piece in world.pieces
    )
    assert first[1] == [(0, 150 * 80)]
    assert second[1] == [(50 * 80, 150 * 80)]
    assert not first[0][: 150 * 80].any()
    assert first[0][150 * 80 :].all()
    said = world.pieces[-1].devices["a"]
    assert (said["at_s"], said["withdrawn_s"]) == (pytest.approx(1.51), pytest.approx(2.51))


def test_what_is_made_of_others_sound_needs_all_of_them() -> None:
    """The drive, of the server or in blocks, is taken while every device that sends sound agrees.

    Blocks hold the forwarded reference too: that is the other device's, and never taken from here.
    """
    world = World(2.0, a=MICROPHONE, b=LOOPER, c=WATCHER)
    world.recorder.consent("b", agree=True, now=0.0)
    assert world.recorder.asked == ["a"]
    ones = np.full((800, 1), 0.25)

    def send(k: int, now: float) -> None:
        if k == 10:
            world.recorder.consent("a", agree=True, now=now)
        world.recorder.receive("b", encode(Block(k, 800 * k, FS, ones, ones, ones)), now)
        world.recorder.play(PlayAudio("b", "", np.full(160, 0.1), 16000, 160 * k), now)

    world.play(1.0, 0.1, send)
    world.end()
    assert world.roles() == {"error"}
    world.play(1.0, 0.1, send)
    world.end()
    assert world.roles() == {"error", "output"}
    assert {strip.fs for p in world.pieces for strip in p.strips if strip.role == "output"} == {
        8000,
        16000,
    }
    world.devices["d"] = MICROPHONE  # one that has not been asked yet has come
    before = len(world.track("output"))
    world.play(1.0, 0.1, send)
    world.end()
    assert len(world.track("output")) == before


def test_a_device_that_begins_anew_is_bridged_by_the_servers_clock() -> None:
    """Its timestamps jump; what comes after lies where it was heard."""
    world = World(4.0, a=MICROPHONE)
    world.recorder.consent("a", agree=True, now=0.0)

    def send(k: int, now: float) -> None:
        if not 100 <= k < 200:
            index = 80 * k if k < 100 else 123_456_789 + 80 * k
            world.recorder.hear("a", "0", np.full(80, 0.5), index, FS, now)

    world.play(4.0, 0.01, send)
    world.end()
    samples, gaps = world.pieces[0].strips[0].assemble()
    assert len(samples) == pytest.approx(4 * FS, abs=2)
    assert gaps[0] == pytest.approx((8000, 8000), abs=2)
    assert len(gaps) == 1


@pytest.mark.parametrize("speed", [10, 1000])
def test_a_clock_that_races_takes_no_more_than_twice_the_room(speed: int) -> None:
    """Memory stays bounded, whatever timestamps a device sends."""
    world = World(2.0, a=MICROPHONE)
    world.recorder.consent("a", agree=True, now=0.0)

    def send(k: int, now: float) -> None:
        for j in range(speed):
            index = 80 * (speed * k + j)
            world.recorder.hear("a", "0", np.full(80, 0.5), index, FS, now)

    world.play(2.0, 0.1 if speed == 1000 else 0.01, send)
    world.end()
    for piece in world.pieces:
        for strip in piece.strips:
            assert sum(len(s) for _, s in strip.chunks) <= 2 * FS * 4
            assert len(strip.assemble()[0]) <= 2 * FS * 2


def test_only_devices_of_the_session_consent() -> None:
    """An unknown one is refused; one that leaves is not recorded any more."""
    world = World(2.0, a=MICROPHONE)
    with pytest.raises(ParameterError, match="a device of the session"):
        world.recorder.consent("x", agree=True, now=0.0)
    world.recorder.consent("a", agree=True, now=0.0)
    assert world.recorder.sections() == {("a", "0")}
    del world.devices["a"]
    world.recorder.hear("a", "0", np.ones(80), 0, FS, 0.01)
    world.recorder.receive("a", b"no message", 0.01)
    world.end()
    assert world.recorder.sections() == set()
    assert world.roles() == set()


def test_who_declines_has_answered() -> None:
    """It is not asked any more, nothing of it is taken, and it may agree later."""
    world = World(2.0, a=MICROPHONE, b=MICROPHONE)
    assert world.recorder.asked == ["a", "b"]
    world.recorder.consent("a", agree=False, now=0.0)
    assert world.recorder.asked == ["b"]
    assert world.recorder.recorded == []
    world.recorder.hear("a", "0", np.ones(80), 0, FS, 0.01)
    world.recorder.consent("a", agree=True, now=0.02)
    assert world.recorder.recorded == ["a"]
    world.end()
    assert world.roles() == set()


def test_a_fault_in_its_input_is_no_fault_of_the_recorder() -> None:
    """NaN becomes silence, one channel of many is taken, bad bytes are ignored."""
    stereo = DeviceDescription("two", (RoleBinding("error", "0", 1),))
    world = World(2.0, a=stereo)
    world.recorder.consent("a", agree=True, now=0.0)
    pcm: Any = np.stack([np.zeros(80), np.full(80, np.nan)], axis=1)
    pcm[40:, 1] = 0.5
    world.recorder.hear("a", "0", pcm, 0, FS, 0.01)
    world.recorder.receive("a", b"\xff" * 40, 0.01)
    world.now = 0.01
    world.end()
    samples, gaps = world.pieces[0].strips[0].assemble()
    assert gaps == []
    assert samples.tolist() == [0] * 40 + [16384] * 40
