"""Whole sessions in virtual time: what an engine does with devices that behave and that do not."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from antiphase.control import Block
from antiphase.control.split_protocol import encode
from antiphase.errors import ParameterError
from antiphase.realtime import (
    DeviceDescription,
    Engine,
    EngineSettings,
    Notice,
    RoleBinding,
    SendMessage,
    SetRoutes,
    Ticket,
)

from .engine_loop import FS, LEAD, EngineLoop, paths, speaker

Floats = npt.NDArray[np.float64]


def white(seconds: float, seed: int = 1) -> Floats:
    return 0.1 * np.random.default_rng(seed).standard_normal(round(seconds * FS))


def last_mode(loop: EngineLoop) -> dict[str, Any]:
    return [n for n in loop.notices if n["type"] == "mode"][-1]


def test_a_session_cancels_and_says_by_how_much() -> None:
    """Auto picks split, reaches 20 dB in 3 s, and shown figures agree with the truth."""
    loop = EngineLoop(white(8), noise=0.03)
    loop.run(7)
    figures = loop.engine.figures(loop.now)
    assert figures.mode == "split"
    assert loop.reduction_db(1) > 20
    assert figures.attenuation.estimated == pytest.approx(loop.reduction_db(1), abs=1)
    assert figures.margin_ms == pytest.approx(1000 * LEAD / FS, abs=0.5)
    assert "ms" in figures.reason


def test_figures_are_json() -> None:
    """All figures survive a round trip through JSON, at the start and later."""
    loop = EngineLoop(white(3))
    for _ in range(2):
        values = loop.engine.figures(loop.now).as_dict()
        assert json.loads(json.dumps(values, allow_nan=False)) == values
        loop.run(1.5)


def test_a_reference_that_comes_too_late_is_answered_by_silence() -> None:
    """White noise heard too late can't be foretold: nothing is played, and words say why."""
    loop = EngineLoop(white(6))
    early = loop.disturbance
    loop.plant = type(loop.plant)(
        reference=np.concatenate([np.zeros(2 * LEAD), white(6)])[: len(early)],
        disturbance=early,
        secondary_path=paths()[1],
    )
    loop.run(5.5)
    assert loop.engine.mode == "forward"
    assert "too late" in loop.engine.reason
    assert loop.reduction_db(1) > -0.5


def test_control_off_is_silence_and_on_comes_back() -> None:
    """The switch silences the device within a round trip and control returns with a new filter."""
    loop = EngineLoop(white(9), noise=0.03)
    loop.run(4)
    loop.engine.set_control(False, loop.now)
    loop.run(1.5)
    assert abs(loop.reduction_db(1)) < 0.1
    assert not loop.engine.figures(loop.now).control
    loop.engine.set_control(True, loop.now)
    loop.run(2)
    assert loop.reduction_db(1) > 20


def test_a_device_that_leaves_and_comes_back() -> None:
    """A session whose device was gone for a second cancels again within two."""
    loop = EngineLoop(white(9), noise=0.03)
    loop.run(3)
    loop.leave()
    loop.run(1)
    assert loop.engine.mode == "forward"
    loop.join()
    loop.run(3)
    assert loop.engine.mode == "split"
    assert loop.reduction_db(1) > 20


def test_a_stream_that_stops_and_goes_on() -> None:
    """Blocks that stop for two seconds leave a session that works on when they return."""
    loop = EngineLoop(white(9), noise=0.03)
    loop.run(3)
    loop.present = False
    loop.run(2)
    loop.present = True
    loop.run(2.5)
    assert loop.reduction_db(1) > 20


@pytest.mark.parametrize("data", [b"", b"AP", b"AP\x01\x01junk", bytes(4000), b"\xff" * 100])
def test_bad_messages_are_counted_and_answered(data: bytes) -> None:
    """Junk on the split channel is an error for its sender and harms nothing."""
    loop = EngineLoop(white(4), noise=0.03)
    loop.run(1)
    loop.engine.push_message("d", "anc.split", data, loop.now)
    notices = [o for o in loop.engine.poll() if isinstance(o, Notice)]
    assert notices[-1].message["type"] == "error"
    assert notices[-1].device_id == "d"
    assert loop.engine.bad_messages == 1
    loop.run(2)
    assert loop.reduction_db(0.5) > 15


def test_a_nan_in_the_audio_does_not_last() -> None:
    """A track with NaN and Inf in it leaves the session alive and figures finite."""
    engine = Engine()
    engine.add_device("t", DeviceDescription("t", (RoleBinding("talker", "0"),)), 0.0)
    engine.add_device("r", DeviceDescription("r", (RoleBinding("reference", "0"),)), 0.0)
    assert engine.mode == "clean"
    rng = np.random.default_rng(1)
    for k in range(400):
        pcm = 0.1 * rng.standard_normal(40)
        if k == 100:
            pcm[3], pcm[5] = np.nan, np.inf
        for device in ("r", "t"):
            engine.push_audio(device, "0", pcm, 40 * k, FS, False, 0.005 * k + 0.01)
        engine.tick(0.005 * k + 0.01)
    assert engine.mode == "clean"
    estimated = engine.figures(2.0).attenuation.estimated
    assert estimated is not None
    assert estimated > 6


def test_a_block_of_another_rate_is_refused() -> None:
    """A device that changes its rate without joining again is told so (CASES 23)."""
    engine = Engine()
    engine.add_device("d", speaker(paths()[1]), 0.0)
    one = np.zeros((80, 1), np.float32)
    engine.push_message("d", "anc.split", encode(Block(0, 0, 16000, one, one, one)), 0.1)
    assert (
        "join again" in [o for o in engine.poll() if isinstance(o, Notice)][-1].message["message"]
    )


def test_a_switched_sample_rate_is_told() -> None:
    """A headset that goes from 48 to 16 kHz and stereo in mid-call is told once (CASES 23)."""
    engine = Engine()
    engine.add_device("t", DeviceDescription("t", (RoleBinding("talker", "0"),)), 0.0)
    for k in range(10):
        engine.push_audio("t", "0", np.zeros(480), 480 * k, 48000, False, 0.01 * k)
    for k in range(10):
        engine.push_audio("t", "0", np.zeros((160, 2)), 160 * k, 16000, False, 0.1 + 0.01 * k)
    changed = [o.message for o in engine.poll() if isinstance(o, Notice)]
    told = [str(m["reason"]) for m in changed if m.get("event") == "changed"]
    assert told == ["track 0 began anew at 16000 Hz with 2 channel(s)"]


def test_overload_degrades_this_session_and_no_other() -> None:
    """A session that takes more than its share only forwards and says why (CASES 24).

    The processor clock of one engine is told to run fast: as if its filters were too long.
    """
    spent = iter(np.arange(0.0, 1e4, 0.008))
    slow = EngineLoop(white(4), engine=Engine(EngineSettings(), cpu=lambda: float(next(spent))))
    good = EngineLoop(white(4), noise=0.03)
    for _ in range(30):
        slow.run(0.1)
        good.run(0.1)
    assert slow.engine.mode == "forward"
    assert "% of a core" in slow.engine.reason
    assert good.engine.mode == "split"
    assert good.reduction_db(0.5) > 15


class SlowPool:
    """Finishes each job some seconds later, one after the other."""

    def __init__(self, each_s: float) -> None:
        self.each_s = each_s
        self.free_at = 0.0

    def submit(self, job: Callable[[], Any], now: float) -> Ticket[Any]:
        self.free_at = max(self.free_at, now) + self.each_s
        return _Later(job, self.free_at)

    def has_room(self) -> bool:
        return True

    def open(self) -> None:
        pass

    def close(self) -> None:
        pass


class _Later:
    def __init__(self, job: Callable[[], Any], at: float) -> None:
        self.job, self.at = job, at

    def ready(self, now: float) -> bool:
        return now >= self.at

    def result(self) -> Any:  # noqa: ANN401
        return self.job()


def test_a_busy_solver_means_a_longer_interval_not_a_queue() -> None:
    """A solver that takes 0.4 s per job: the interval grows, people are told (CASES 16)."""
    loop = EngineLoop(white(8), engine=Engine(pool=SlowPool(0.4)), noise=0.03)
    loop.run(7)
    split = loop.engine.figures(loop.now).split
    assert split is not None
    assert split["interval_s"] == pytest.approx(0.4, abs=0.15)
    assert split["lost_blocks"] == 0
    assert any(n["type"] == "load" and n["slow"] for n in loop.notices)
    assert loop.engine.deadline_misses > 0
    assert loop.reduction_db(1) > 20


def test_two_sessions_do_not_hear_each_other() -> None:
    """Messages of a device that is not in the session change nothing and go nowhere."""
    engine = Engine()
    engine.add_device("a", speaker(paths()[1]), 0.0)
    engine.poll()
    engine.push_message("b", "anc.split", b"junk", 0.1)
    engine.push_audio("b", "0", np.zeros(80), 0, FS, False, 0.1)
    engine.remove_device("b", 0.1)
    assert engine.poll() == []
    assert engine.bad_messages == 0


def test_the_reference_of_another_device_is_forwarded_to_the_loudspeaker() -> None:
    """In split control a foreign reference gets a flow to the loudspeaker's section."""
    engine = Engine()
    roles = (RoleBinding("error", "0"), RoleBinding("loudspeaker", "1"))
    engine.add_device("w", speaker(paths()[1], roles=roles), 0.0)
    engine.add_device("k", DeviceDescription("kerb", (RoleBinding("reference", "0"),)), 0.0)
    engine.open_channel("w", "anc.split", 0.1)
    flows = [o for o in engine.poll() if isinstance(o, SetRoutes)][-1].flows
    assert {(f.device_id, f.kind, f.to, f.to_mid) for f in flows} == {
        ("k", "forward", "w", "1"),
        ("k", "hear", "", ""),
        ("w", "hear", "", ""),
    }


def spoilt() -> Floats:
    """Return Ŝ with a random error 10 dB below itself."""
    path = paths()[1]
    envelope = np.sqrt(np.convolve(path**2, np.ones(9) / 9, mode="same"))
    error = envelope * np.random.default_rng(4).standard_normal(len(path))
    return path + 10 ** (-10 / 20) * np.linalg.norm(path) / np.linalg.norm(error) * error


@pytest.mark.parametrize("estimate", [spoilt(), 10 ** (-10 / 20) * paths()[1]], ids=["err", "gain"])
def test_a_wrong_estimate_is_found_out(estimate: Floats) -> None:
    """With Ŝ 10 dB wrong the session still cancels, and shown equals true within 1 dB."""
    loop = EngineLoop(white(9), estimate=estimate, noise=0.03)
    loop.run(8)
    assert loop.reduction_db(2) > 20
    estimated = loop.engine.figures(loop.now).attenuation.estimated
    assert estimated == pytest.approx(loop.reduction_db(1), abs=1)


def test_modes_that_lack_something_say_so() -> None:
    """A mode asked for without its devices stays at forward with the reason, then starts."""
    engine = Engine()
    engine.set_mode("split", 0.0)
    assert engine.mode == "forward"
    assert "reference" in engine.reason
    engine.add_device("d", speaker(paths()[1]), 0.0)
    engine.open_channel("d", "anc.split", 0.0)
    assert engine.mode == "split"
    assert engine.reason == "asked for"
    with pytest.raises(ParameterError, match="mode='louder'"):
        engine.set_mode("louder", 0.0)


def test_control_messages_tell_latencies_and_junk_is_refused() -> None:
    """anc.control takes the device's latencies; what is no JSON object is an error."""
    engine = Engine()
    engine.add_device("d", speaker(paths()[1]), 0.0)
    told = {"type": "latency", "buffer": 15.0, "capture": 5.0, "converters": -1}
    engine.push_message("d", "anc.control", json.dumps(told), 0.0)
    latency = engine.figures(0.1).latency
    assert (latency.buffer, latency.capture, latency.converters) == (15.0, 5.0, None)
    for junk in ("[]", "{", "\x00"):
        engine.push_message("d", "anc.control", junk, 0.0)
    assert engine.bad_messages == 3


def test_a_newcomer_is_told_the_state() -> None:
    """`tell_state` gives mode and switch to one device alone, also on its control channel."""
    engine = Engine()
    engine.add_device("d", speaker(paths()[1]), 0.0)
    engine.open_channel("d", "anc.control", 0.0)
    engine.poll()
    engine.tell_state("d")
    told = engine.poll()
    assert [o.message["type"] for o in told if isinstance(o, Notice)] == ["mode", "control"]
    assert [o.label for o in told if isinstance(o, SendMessage)] == ["anc.control"]


def test_truth_is_shown_while_it_is_fresh() -> None:
    """What a rig knows is shown beside the estimate for two seconds."""
    engine = Engine()
    engine.report_truth(12.5, 1.0)
    assert engine.figures(1.5).attenuation.true == 12.5
    assert engine.figures(4.0).attenuation.true is None


def test_closing_a_session_leaves_silence() -> None:
    """The last thing a device hears of a closed session is to go silent."""
    loop = EngineLoop(white(3))
    loop.run(1)
    loop.engine.close(loop.now)
    assert [type(o) for o in loop.engine.poll()] == [SendMessage, SendMessage]
    assert last_mode(loop)["mode"] == "split"
