"""`antiphase device`: a sound card as the device."""

from __future__ import annotations

import contextlib
import gc
import json
import math
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from antiphase.cli.device_table import device_line, device_list, device_view
from antiphase.cli.keys import Keys
from antiphase.cli.options import JsonFlag
from antiphase.cli.screen import LiveScreen, bar, escape, screen, tell

__all__ = ["device"]

device = typer.Typer(
    help="Use a sound card: list, calibrate, run (docs/device.md).", no_args_is_help=True
)

Input = Annotated[
    str | None, typer.Option("--input", metavar="NAME|N", help="Microphone; see device list.")
]
Output = Annotated[
    str | None, typer.Option("--output", metavar="NAME|N", help="Loudspeaker; see device list.")
]
Rate = Annotated[int | None, typer.Option(help="Of the card, Hz; its default otherwise.")]
BlockFrames = Annotated[
    int | None, typer.Option("--block", help="Frames per block; JACK's period, else 4 ms.")
]
Buffers = Annotated[str, typer.Option("--latency", help="Of the card's buffers: low, high, or ms.")]
Taps = Annotated[int, typer.Option(help="Length of the control filter.")]

_MEASURE_S = 13.0
_SWITCH_S = 0.0005


@device.command("list")
def list_(as_json: JsonFlag = False) -> None:
    """List sound devices: host API, channels, rates, latency."""
    from antiphase.devices.soundcard.catalogue import list_devices

    found = list_devices()
    if as_json:
        typer.echo(json.dumps([asdict(each) for each in found], ensure_ascii=False))
    elif found:
        screen.print(device_list(found))
    else:
        screen.print("no sound devices: is a card plugged in, or a sound server running?")


@device.command()
def calibrate(
    out: Annotated[Path, typer.Option(help="The calibration, which `run` takes.")] = (
        Path("device.npz")
    ),
    source: Input = None,
    sink: Output = None,
    rate: Rate = None,
    block: BlockFrames = None,
    latency: Buffers = "low",
    taps: Taps = 512,
    as_json: JsonFlag = False,
) -> None:
    """Measure level, round trip and secondary path here; say what is cancellable, by how much."""
    import asyncio

    from antiphase.devices.soundcard import DeviceAgent, write_calibration
    from antiphase.devices.soundcard.portaudio import CardWish, SoundCard
    from antiphase.devices.soundcard.session import run_device

    agent = DeviceAgent(goal="calibrate", n_taps=taps)
    began = time.monotonic()
    wish = CardWish(source, sink, rate, block, latency)
    with bar("calibrate") as progress, SoundCard(wish, agent) as card:
        asyncio.run(
            run_device(
                card,
                agent,
                lambda now: progress(agent.doing, min((now - began) / _MEASURE_S, 0.99)),
            )
        )
    known = agent.calibration
    if known is None:
        return
    write_calibration(out, known)
    found = {**known.to_json(), "calibration": str(out)}
    text = (
        f"{known.device}, {known.form.words}: round trip {known.latency_ms:.1f} ms, "
        f"{len(known.path)} taps, noise in the path {known.figures['path_noise_db']:.0f} dB, "
        f"noise here {known.figures['noise_dbfs']:.0f} dBFS.\n{known.figures['verdict']}\n"
        f"calibration: {out}"
    )
    tell(as_json, found, text)


@device.command()
def run(
    calibration: Annotated[
        Path | None, typer.Option(help="Of `calibrate`; without it the measurement comes first.")
    ] = None,
    server: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Let a service solve: http(s)://host:port\\[/SESSION]."),
    ] = None,
    token: Annotated[str | None, typer.Option(help="Join token of that session.")] = None,
    api_key: Annotated[
        str | None, typer.Option(envvar="ANTIPHASE_API_KEY", help="Of the service.")
    ] = None,
    source: Input = None,
    sink: Output = None,
    rate: Rate = None,
    block: BlockFrames = None,
    latency: Buffers = "low",
    taps: Taps = 512,
    seconds: Annotated[float | None, typer.Option(help="Of control; endless by default.")] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the last figures and the log as one JSON object.")
    ] = False,
) -> None:
    """Control: alone (one microphone, noise that repeats), or with filters of a server."""
    import asyncio

    from antiphase.devices.soundcard import DeviceAgent, read_calibration
    from antiphase.devices.soundcard.portaudio import CardWish, SoundCard
    from antiphase.devices.soundcard.session import run_device

    known = None if calibration is None else read_calibration(calibration)
    agent = DeviceAgent(known, server=server is not None, n_taps=taps)
    # The thread that works on the sound waits no longer for the others than it must.
    sys.setswitchinterval(_SWITCH_S)
    gc.collect()
    gc.freeze()
    rate = known.form.rate if known is not None and rate is None else rate
    block = known.form.block if known is not None and block is None else block
    wish = CardWish(source, sink, rate, block, latency)
    with contextlib.suppress(KeyboardInterrupt), SoundCard(wish, agent) as card, Keys() as keys:
        view = _View(agent, card, keys, quiet=as_json)
        with view, contextlib.suppress(EOFError):
            asyncio.run(
                run_device(
                    card,
                    agent,
                    view.tick,
                    server=server,
                    token=token,
                    key=api_key,
                    taps=taps,
                    seconds=math.inf if seconds is None else seconds,
                    told=view.told,
                )
            )
    if as_json:
        log = [asdict(event) for event in agent.log]
        typer.echo(json.dumps({**view.status, "log": log}, ensure_ascii=False))
    else:
        screen.print("ended", highlight=False)


class _View:
    """Shows a device: a table on a terminal, a line each two seconds elsewhere; obeys keys."""

    def __init__(self, agent: Any, card: Any, keys: Keys, *, quiet: bool) -> None:  # noqa: ANN401
        self._agent, self._card, self._keys, self._quiet = agent, card, keys, quiet
        self._figures: dict[str, Any] = {}
        self._shown_at = -math.inf
        self._said = 0.0
        self._screen = LiveScreen(quiet=quiet)
        self.status: dict[str, Any] = {}

    def __enter__(self) -> None:
        self._screen.__enter__()

    def __exit__(self, *raised: object) -> None:
        self._screen.__exit__(*raised)

    def told(self, message: dict[str, Any]) -> None:
        """Take what the server says."""
        if message.get("type") == "figures":
            self._figures = message

    def tick(self, now: float) -> None:
        """Obey keys, show what is new.

        Raises
        ------
        EOFError
            At the key that ends.
        """
        for key in self._keys.pressed().lower():
            if key == "m":
                self._agent.muted = not self._agent.muted
            elif key == "c":
                self._agent.control = not self._agent.control
            elif key == "q":
                raise EOFError
        if now - self._shown_at < 0.25:
            return
        self._shown_at = now
        self.status = {**self._agent.status(), **self._card.counts, "server": self._figures}
        if not self._quiet:
            self._show(now)

    def _show(self, now: float) -> None:
        for event in [e for e in self._agent.log if e.time_s > self._said]:
            self._said = event.time_s
            screen.print(escape(event.text), highlight=False, soft_wrap=True)
        self._screen.show(
            lambda: device_view(self.status, self._figures),
            lambda: device_line(self.status),
            now,
        )
