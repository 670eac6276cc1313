"""Whether a card still is what it was."""

from __future__ import annotations

from antiphase.devices.soundcard import CardFormat, CardWatch

FORM = CardFormat(48000, block=480)


def run(watch: CardWatch, begin: float, seconds: float, rate: float, *, xrun: bool = False) -> str:
    """Let blocks come at a rate; the first fault, or nothing."""
    count = round(seconds * rate / 480)
    for k in range(1, count + 1):
        now = begin + k * 480 / rate
        watch.take(480, now, xrun=xrun and k % 50 == 0)
        fault = watch.fault(now)
        if fault:
            return fault
    return ""


def test_a_card_at_its_rate_is_left_alone() -> None:
    """Twenty seconds at 48 kHz, 0.1 % off, are no fault."""
    assert not run(CardWatch(FORM, 0.0), 0.0, 20.0, 48048.0)


def test_case_23_another_rate_is_noticed() -> None:
    """A headset that goes from 48 to 44.1 or 16 kHz without a word is noticed within 6 s."""
    for rate in (44100.0, 16000.0):
        watch = CardWatch(FORM, 0.0)
        assert not run(watch, 0.0, 5.0, 48000.0)
        assert "not 48000" in run(watch, 5.0, 6.0, rate)


def test_a_stall_is_noticed() -> None:
    """Two seconds without a call are a fault."""
    watch = CardWatch(FORM, 0.0)
    run(watch, 0.0, 1.0, 48000.0)
    assert watch.fault(2.5) is None
    assert not watch.stalled(2.5)
    assert watch.stalled(3.5)
    assert watch.fault(3.5) == "no sound for 2 s"


def test_an_input_that_was_pulled_out_is_noticed() -> None:
    """Exact zeros for two seconds are a fault where there was sound before, and only there."""
    never = CardWatch(FORM, 0.0)
    pulled = CardWatch(FORM, 0.0)
    pulled.take(480, 0.01)
    for k in range(2, 301):
        never.take(480, k / 100, silent=True)
        pulled.take(480, k / 100, silent=True)
    assert never.fault(3.0) is None
    assert "zeros" in str(pulled.fault(3.0))


def test_a_busy_machine_is_not_taken_for_another_rate() -> None:
    """Seconds with overflows, and seconds that do not agree, prove nothing; overflows count."""
    watch = CardWatch(FORM, 0.0)
    assert not run(watch, 0.0, 10.0, 40000.0, xrun=True)
    assert watch.xruns == 16
    uneven = CardWatch(FORM, 0.0)
    for second, rate in enumerate((30000.0, 40000.0, 35000.0, 44000.0, 31000.0, 38000.0)):
        assert not run(uneven, float(second), 1.0, rate)
