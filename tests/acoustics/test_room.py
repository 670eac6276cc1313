"""Room paths against geometry, closed forms and a second simulator."""

from __future__ import annotations

import threading

import numpy as np
import pyroomacoustics as pra
import pytest
import rir_generator
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from antiphase.acoustics import geometric_margin, path_margin
from antiphase.acoustics.room import reverberation_time_s, room_paths, sabine_absorption
from antiphase.errors import ParameterError

SIZE = (4.0, 3.0, 2.5)


@settings(max_examples=25)
@given(
    st.tuples(*(st.floats(0.3, s - 0.3) for s in SIZE)),
    st.tuples(*(st.floats(0.3, s - 0.3) for s in SIZE)),
    st.sampled_from([8000, 16000, 44100]),
)
def test_first_arrival_is_geometry(
    source: tuple[float, float, float], mic: tuple[float, float, float], fs: int
) -> None:
    """Anywhere in the room, at any rate, the direct sound is found to ± 1 sample (CASES 9, 10)."""
    assume(np.linalg.norm(np.subtract(source, mic)) > 0.3)
    paths = room_paths(SIZE, [source], [mic], fs, absorption=0.3, max_order=4)
    assert abs(paths.arrival() - paths.geometric_arrival()) <= 1


def test_coinciding_images_do_not_hide_the_direct_sound() -> None:
    """In the middle of a hard cube three pairs of images coincide and exceed the direct sound."""
    source, middle = (1.5, 1.5, 0.2), (1.5, 1.5, 1.5)
    paths = room_paths((3, 3, 3), [source], [middle], 8000, absorption=0.01, max_order=6)
    assert np.argmax(np.abs(paths.taps[0, 0])) > paths.geometric_arrival() + 20
    assert abs(paths.arrival() - paths.geometric_arrival()) <= 1


def test_margin_of_a_room_is_that_of_its_geometry() -> None:
    """The published room: margin read from simulated responses equals distances to a sample."""
    source, error, loudspeaker, fs = (1, 1.5, 1.2), (3, 1.5, 1.2), (3.05, 1.5, 1.2), 16000
    paths = room_paths(SIZE, [source, loudspeaker], [error], fs, t60_s=0.3)
    seen = path_margin([1.0], paths.taps[0, 0], paths.taps[0, 1], fs)
    known = geometric_margin(source, source, error, loudspeaker)
    assert seen.samples(fs) == pytest.approx(known.samples(fs), abs=1)
    assert known.samples(fs) == pytest.approx(91, abs=1)


def test_direct_sound_alone_in_a_dead_room() -> None:
    """With full absorption only 1/r is left."""
    paths = room_paths(SIZE, [(1, 1, 1)], [(2, 1, 1)], 8000, absorption=1.0, max_order=5)
    assert paths.taps[0, 0].sum() == pytest.approx(1.0, rel=0.02)
    assert np.sum(paths.taps**2) == pytest.approx(1.0, rel=0.1)


def test_second_simulator_agrees() -> None:
    """rir-generator, written by others from the same paper, gives the same response below fs/4."""
    source, mic, fs, n = (1.1, 1.3, 0.9), (2.7, 1.9, 1.4), 16000, 2048
    absorption = 0.36
    ours = room_paths(SIZE, [source], [mic], fs, absorption=absorption, max_order=40, n_taps=n)
    theirs = rir_generator.generate(
        c=343.2,
        fs=fs,
        r=[mic],
        s=list(source),
        L=list(SIZE),
        beta=[np.sqrt(1 - absorption)] * 6,
        nsample=n,
        hp_filter=False,
    )[:, 0]
    ours_spectrum, theirs_spectrum = np.fft.rfft(ours.taps[0, 0]), 4 * np.pi * np.fft.rfft(theirs)
    low = slice(n // 64, n // 4)
    error = np.linalg.norm(ours_spectrum[low] - theirs_spectrum[low])
    assert 20 * np.log10(error / np.linalg.norm(theirs_spectrum[low])) < -20
    assert abs(int(np.argmax(np.abs(theirs))) - ours.geometric_arrival()) <= 1


def test_reverberation_decays_as_sabine_says() -> None:
    """Backward-integrated energy falls by 60 dB in about T60 (Schroeder, −5 … −25 dB)."""
    paths = room_paths((6, 5, 4), [(1, 1.2, 1.3)], [(4, 3.6, 2.1)], 8000, t60_s=0.4)
    energy = np.cumsum(paths.taps[0, 0, ::-1] ** 2)[::-1]
    level = 10 * np.log10(energy / energy[0] + 1e-12)
    start, stop = int(np.argmax(level < -5)), int(np.argmax(level < -25))
    assert 3 * (stop - start) / 8000 == pytest.approx(0.4, rel=0.3)
    assert reverberation_time_s((6, 5, 4), sabine_absorption((6, 5, 4), 0.4)) == pytest.approx(0.4)


def test_ray_tracing_adds_a_tail_and_repeats() -> None:
    """The late tail comes with ray tracing, the same for the same seed; the start is untouched."""
    make = {"t60_s": 0.6, "n_taps": 4800, "ray_tracing": True}
    first = room_paths(SIZE, [(1, 1, 1)], [(3, 2, 1.5)], 8000, **make)  # type: ignore[arg-type]
    again = room_paths(SIZE, [(1, 1, 1)], [(3, 2, 1.5)], 8000, **make)  # type: ignore[arg-type]
    np.testing.assert_array_equal(first.taps, again.taps)
    assert abs(first.arrival() - first.geometric_arrival()) <= 1
    assert np.sum(first.taps[0, 0, 1600:] ** 2) > 1e-4 * np.sum(first.taps**2)


def test_many_sources_and_microphones() -> None:
    """Taps are [mic, source, taps], all of one length, reciprocal."""
    points = [(1.0, 1.0, 1.0), (3.0, 2.0, 1.5)]
    paths = room_paths(SIZE, points, [*points[::-1], (2, 2, 2)][2:], 8000, absorption=0.5)
    assert paths.taps.shape[:2] == (1, 2)
    there = room_paths(SIZE, points[:1], points[1:], 8000, absorption=0.5, max_order=5)
    back = room_paths(SIZE, points[1:], points[:1], 8000, absorption=0.5, max_order=5)
    np.testing.assert_allclose(there.taps, back.taps, atol=1e-5)


def test_simulators_switches_are_left_as_they_were() -> None:
    """The global high-pass switch is restored, also after an error and from several threads."""
    before = pra.constants.get("rir_hpf_enable")

    def work() -> None:
        room_paths(SIZE, [(1, 1, 1)], [(2, 2, 2)], 8000, absorption=0.5, max_order=2)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert pra.constants.get("rir_hpf_enable") == before


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"dimensions_m": (4, 3)}, "three lengths"),
        ({"sources": [(5, 1, 1)]}, r"sources=\(5\.0, 1\.0, 1\.0\) must be inside the room"),
        ({"microphones": []}, "microphones"),
        ({"microphones": [(1, 1, 1)]}, "distance"),
        ({"fs": 8000.5}, "whole number of Hz"),
        ({"absorption": None}, "t60_s=None must be given"),
        ({"absorption": 1.5}, r"absorption=1\.5"),
        ({"absorption": None, "t60_s": 0.01}, "at least 0"),
        ({"absorption": None, "t60_s": 3.0}, "or use ray_tracing"),
        ({"n_taps": 0}, "n_taps=0"),
        ({"max_order": -1}, "max_order=-1"),
    ],
)
def test_impossible_rooms_are_refused(change: dict[str, object], message: str) -> None:
    """Each wrong parameter is refused in one line that says what to change."""
    good: dict[str, object] = {
        "dimensions_m": SIZE,
        "sources": [(1, 1, 1)],
        "microphones": [(2, 2, 2)],
        "fs": 8000,
        "absorption": 0.5,
    }
    with pytest.raises(ParameterError, match=message):
        room_paths(**(good | change))  # type: ignore[arg-type]
