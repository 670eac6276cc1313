"""A sound card that plays and records: opened, watched, opened anew when it has changed."""

from __future__ import annotations

import atexit
import contextlib
import os
import threading
import time
from dataclasses import dataclass
from typing import Any

from antiphase.devices.soundcard.agent import DeviceAgent
from antiphase.devices.soundcard.bridge import BlockBridge
from antiphase.devices.soundcard.card import CardFormat
from antiphase.devices.soundcard.catalogue import (
    find_device,
    hold,
    jack_period,
    load,
    quiet,
    release,
)
from antiphase.devices.soundcard.loop import DeviceLoop
from antiphase.devices.soundcard.watch import CardWatch
from antiphase.errors import (
    AntiphaseError,
    ParameterError,
    SignalError,
)

__all__ = ["CardWish", "SoundCard"]

_TAKE_S = 0.1
_RETRY_S = 1.0
_BLOCK_S = 0.004
_PRIORITY = 5


@dataclass(frozen=True)
class CardWish:
    """Which card to open, and how.

    Attributes
    ----------
    input, output : str or None
        Number or part of a name; None: the system's default (for the output: the input's device
        where that has outputs).
    rate : int or None
        Hz; None: the input's default.
    block : int or None
        Frames per block, which is also the time that the work may take; None: the period of a JACK
        server, 4 ms elsewhere.
    latency : str
        "low", "high" or ms, for the card's own buffers.
    """

    input: str | None = None
    output: str | None = None
    rate: int | None = None
    block: int | None = None
    latency: str = "low"

    @property
    def latency_s(self) -> str | float:
        """`latency` as PortAudio takes it.

        Raises
        ------
        ParameterError
            If it is neither a word nor a number.
        """
        if self.latency in {"low", "high"}:
            return self.latency
        try:
            return float(self.latency) / 1000
        except ValueError:
            raise ParameterError("latency", self.latency, "low, high or a number of ms") from None


class SoundCard:
    """Opens a card for an agent, feeds its loop, and opens it anew when it has changed.

    The card's own call only copies (`BlockBridge`); a thread does the work. `poll` is to be called
    some twenty times a second by the thread that made it.

    Parameters
    ----------
    wish : CardWish
    agent : DeviceAgent
    """

    def __init__(self, wish: CardWish, agent: DeviceAgent) -> None:
        self._sd = load()
        self._wish, self._agent = wish, agent
        self._stream: Any = None
        self._worker: threading.Thread | None = None
        self._stop = threading.Event()
        self._watch: CardWatch | None = None
        self._bridge: BlockBridge | None = None
        self._fault: BaseException | None = None
        self._stopped = self._jack = False
        self._retry_at = 0.0
        self._names: tuple[str, str] | None = None
        self._xruns = self._late = self._dropped = 0

    def __enter__(self) -> SoundCard:  # noqa: PYI034 - no subclasses
        self._open(time.monotonic())
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def counts(self) -> dict[str, int]:
        """Overflows and underflows of the card, late and dropped blocks, in all."""
        watch, bridge = self._watch, self._bridge
        return {
            "xruns": self._xruns + (watch.xruns if watch else 0),
            "late_blocks": self._late + (bridge.late if bridge else 0),
            "dropped_blocks": self._dropped + (bridge.dropped if bridge else 0),
        }

    def poll(self, now: float) -> None:
        """Look after the card and lead the agent.

        Raises
        ------
        AntiphaseError
            What the work failed with.
        """
        if self._fault is not None:
            raise self._fault
        if self._stream is None:
            if now >= self._retry_at:
                self._reopen(now)
        else:
            stalled = self._watch is not None and self._watch.stalled(now)
            if self._jack and (self._stopped or stalled):
                self._abandon()
            why = "the card has stopped" if self._stopped else None
            why = why or (self._watch.fault(now) if self._watch else None)
            if why is not None:
                self._agent.changed(why, now)
                self.close()
                release(self._sd)
                self._retry_at = now
        self._agent.advance(now)

    def _abandon(self) -> None:
        """Leave a JACK server that has gone.

        PortAudio 19.6 hangs, or aborts the process, when a stream is closed whose server has
        gone, and it closes all streams when it ends.

        Raises
        ------
        SignalError
            Always.
        """
        self._stream = None
        atexit.unregister(self._sd._exit_handler)  # noqa: SLF001 - there is no other way
        raise SignalError("the JACK server has gone: start it, then run this again")

    def _reopen(self, now: float) -> None:
        hold(self._sd)
        try:
            self._open(now)
        except AntiphaseError as error:
            # A JACK server that goes while PortAudio holds on to it takes this process with it.
            release(self._sd)
            words = f"{error}; trying again"
            if not self._agent.log or self._agent.log[-1].text != words:
                self._agent.say(now, words)
            self._retry_at = now + _RETRY_S

    def _open(self, now: float) -> None:
        """Find the devices by name, take their rate and channels as they are now, start.

        Raises
        ------
        SignalError
            If a device is not there or does not open.
        """
        sd, wish = self._sd, self._wish
        known = self._names or (wish.input, wish.output)
        source = find_device(sd, known[0], "input", None)
        sink = find_device(sd, known[1], "output", source["index"])
        rate = wish.rate if wish.rate and self._names is None else source["default_samplerate"]
        channels = min(2, source["max_input_channels"]), min(2, sink["max_output_channels"])
        period = jack_period(sd, source)
        block = wish.block or period or round(_BLOCK_S * rate)
        form = CardFormat(round(rate), *channels, block)
        same = source["name"] == sink["name"]
        name = source["name"] if same else f"{source['name']} / {sink['name']}"
        self._stopped, self._jack = False, period > 0
        watch, bridge = CardWatch(form, now), BlockBridge(form)

        def call(captured: Any, played: Any, frames: int, _: Any, status: Any) -> None:  # noqa: ANN401
            watch.take(frames, time.monotonic(), xrun=bool(status), silent=not captured.any())
            bridge.exchange(captured, played)

        def stopped() -> None:
            self._stopped = True

        try:
            with quiet():
                stream = sd.Stream(
                    samplerate=form.rate,
                    blocksize=form.block,
                    device=(source["index"], sink["index"]),
                    channels=(form.inputs, form.outputs),
                    dtype="float32",
                    latency=wish.latency_s,
                    callback=call,
                    finished_callback=stopped,
                )
                stream.start()
        except (sd.PortAudioError, ValueError) as error:
            raise SignalError(f"{name} does not open with {form.words}: {error}") from None
        self._names = source["name"], sink["name"]
        self._stream, self._watch, self._bridge = stream, watch, bridge
        loop = self._agent.opened(name, form, now)
        self._stop.clear()
        self._worker = threading.Thread(target=self._work, args=(loop, bridge), daemon=True)
        self._worker.start()

    def _work(self, loop: DeviceLoop, bridge: BlockBridge) -> None:
        # Sound comes before other work where the system lets us say so.
        if hasattr(os, "sched_setscheduler"):
            with contextlib.suppress(OSError):
                os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(_PRIORITY))
        try:
            while not self._stop.is_set():
                block = bridge.take(_TAKE_S)
                if block is None:
                    continue
                drive = loop.process(block.frames, lost=block.lost)
                if not bridge.give(block.index, drive):
                    loop.not_played()
        except BaseException as error:  # noqa: BLE001 - raised again by `poll`; the card plays silence
            self._fault = error

    def close(self) -> None:
        """Stop the sound and the work."""
        self._stop.set()
        if self._worker is not None:
            self._worker.join(1.0)
            self._worker = None
        if self._stream is not None:
            with quiet(), contextlib.suppress(self._sd.PortAudioError):
                self._stream.abort(ignore_errors=True)
                self._stream.close(ignore_errors=True)
            self._stream = None
        counts = self.counts
        self._xruns, self._late, self._dropped = counts.values()
        self._watch = self._bridge = None
