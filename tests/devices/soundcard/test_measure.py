"""The guided measurement, in the virtual room."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import numpy as np
import pytest

from antiphase.devices.soundcard import (
    CardFormat,
    DeviceLoop,
    Measured,
    Recorded,
    Take,
    check_latency,
    measure_here,
)
from antiphase.errors import SignalError
from tests.devices.soundcard.virtual import VirtualCard, hum, room_path

FORM = CardFormat(16000, block=64)


def lead(
    card: VirtualCard, procedure: Generator[Take, Recorded, Any], titles: list[str] | None = None
) -> Any:  # noqa: ANN401 - what the procedure returns
    """Let a procedure play and hear in a room, to its end."""
    loop = DeviceLoop(card.form)
    take = next(procedure)
    while True:
        if titles is not None:
            titles.append(take.title)
        loop.measure(take)
        recorded = None
        while recorded is None:
            card.step(loop)
            recorded = loop.fetch()
        try:
            take = procedure.send(recorded)
        except StopIteration as end:
            return end.value


def room(noise: np.ndarray, gain: float = 0.6, form: CardFormat = FORM) -> VirtualCard:
    return VirtualCard(form, noise, room_path(form.rate, gain=gain))


def test_it_measures_round_trip_path_and_verdict() -> None:
    """In a room with hum: the round trip of the chain, a path good to −20 dB, tones cancellable."""
    titles: list[str] = []
    found = lead(room(hum(16000)), measure_here(8000), titles)
    assert isinstance(found, Measured)
    # 12 ms of air, a block each for card and work, 5 samples in each converter.
    assert found.latency_ms == pytest.approx(12 + 8 + 1.25, abs=0.4)
    assert found.noise_db < -20
    assert found.plan.mode == "local"
    assert found.plan.tones_db is not None
    assert found.plan.tones_db > 20
    assert found.noise_level_db == pytest.approx(-27.4, abs=0.5)
    assert titles[:2] == ["silence", "chirp at -34 dB"]
    assert titles[-1] == "the noise here"
    true = lead(room(np.zeros(16000) + 1e-4 * hum(16000)), measure_here(8000)).path
    length = min(len(true), len(found.path))
    error = np.sum((found.path[:length] - true[:length]) ** 2)
    assert 10 * np.log10(error / np.sum(true**2)) < -15


def test_two_microphones_make_a_reference() -> None:
    """A second channel that differs is a reference: the verdict is split control."""
    form = CardFormat(16000, 2, block=64)
    rng = np.random.default_rng(0)
    x = 0.02 * rng.standard_normal(16000)
    card = VirtualCard(form, np.roll(x, 800), room_path(16000), reference=x)
    found = lead(card, measure_here(8000))
    assert found.plan.mode == "split"
    assert found.plan.nr_db > 10


def test_a_microphone_that_is_off_is_told() -> None:
    """Silence from the microphone ends it at the first step."""
    with pytest.raises(SignalError, match="unmute it"):
        lead(room(np.zeros(16000)), measure_here(8000))


def test_a_loudspeaker_that_can_not_be_heard_is_told() -> None:
    """In loud noise with the loudspeaker far away the levels are tried up to the last."""
    noise = 0.1 * np.random.default_rng(1).standard_normal(16000)
    titles: list[str] = []
    with pytest.raises(SignalError, match="raise its volume"):
        lead(room(noise, gain=0.001), measure_here(8000), titles)
    assert titles[-1] == "chirp at -12 dB"


def test_clipping_is_told() -> None:
    """A microphone at full scale says so in place of a wrong path."""
    with pytest.raises(SignalError, match="clips"):
        lead(room(hum(16000, level=0.9)), measure_here(8000))


def test_a_round_trip_that_moves_is_refused() -> None:
    """A card whose lag differs between two chirps has no secondary path to rely on."""
    card = room(hum(16000))
    procedure = measure_here(8000)

    def moving() -> Generator[Take, Recorded, Any]:
        take, sweeps = next(procedure), 0
        while True:
            if take.title.startswith("sweep"):
                sweeps += 1
            if sweeps and take.title.startswith("chirp"):
                card.plant.move(secondary_path=room_path(16000, delay_ms=14.0))
            try:
                take = procedure.send((yield take))
            except StopIteration as end:
                return end.value

    with pytest.raises(SignalError, match="moved by"):
        lead(card, moving())


def test_a_recording_with_lost_blocks_is_made_again() -> None:
    """One fault is repeated, three in a row are told."""
    procedure = measure_here(8000)
    take = next(procedure)
    bad = Recorded(np.zeros(take.frames), None, 0.0, 1)
    assert procedure.send(bad).title == "silence"
    assert procedure.send(bad).title == "silence"
    with pytest.raises(SignalError, match="blocks were lost"):
        procedure.send(bad)


def test_the_round_trip_alone_can_be_checked() -> None:
    """One chirp finds the same round trip as the measurement."""
    found = lead(room(hum(16000)), check_latency(8000, 0.05))
    assert found.ms == pytest.approx(12 + 8 + 1.25, abs=0.4)
