"""`antiphase rig`: simulated devices against the live service, with the service if asked."""

from __future__ import annotations

import contextlib
import json
import signal
import time
from collections.abc import Iterator
from dataclasses import asdict
from multiprocessing.process import BaseProcess
from typing import Annotated, Any

import typer

from antiphase.cli.live_table import live_line, live_view
from antiphase.cli.screen import LiveScreen, escape, screen
from antiphase.errors import ParameterError

__all__ = ["rig"]

_START_S = 60.0
_END_S = 8.0
_PORT = 8443
_EACH_S = 60.0


def rig(  # noqa: PLR0917 - typer reads the signature
    scene: Annotated[str, typer.Option(help="road, transformer, drill, office or plain.")] = "road",
    then: Annotated[
        list[str] | None, typer.Option(help="Another scene after it; may be repeated.")
    ] = None,
    server: Annotated[str, typer.Option(help="Address of the service.")] = "",
    serve: Annotated[bool, typer.Option("--serve", help="Start the service too.")] = False,
    port: Annotated[int, typer.Option(help="Of the service that is started.")] = _PORT,
    seconds: Annotated[
        float | None,
        typer.Option(
            help="Length of each scene; by default endless, with --then in turns of 60 s."
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of noises and network.")] = 0,
    drift: Annotated[float, typer.Option(help="Between the devices' clocks, ppm.")] = 20.0,
    delay: Annotated[float, typer.Option(help="Of the network each way, ms.")] = 5.0,
    jitter: Annotated[float, typer.Option(help="Its mean on top, ms.")] = 1.0,
    loss: Annotated[float, typer.Option(help="Share of packets lost, 0 to 1.")] = 0.01,
    spoil: Annotated[
        float | None, typer.Option(help="Join with an Ŝ that is wrong by so much, dB.")
    ] = None,
    api_key: Annotated[
        str | None, typer.Option(envvar="ANTIPHASE_API_KEY", help="Of the service.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the last report as one JSON object.")
    ] = False,
) -> None:
    """Play a scene against the live service over real WebRTC and show what it attenuates."""
    from antiphase.devices.rig.process import RigWish
    from antiphase.devices.rig.scenes import SCENES
    from antiphase.devices.rig.shell import wait_for_server

    names = (scene, *(then or ()))
    for name in names:
        if name not in SCENES:
            raise ParameterError("scene", name, f"one of {', '.join(SCENES)}")
    again = bool(then) and seconds is None
    if again:
        seconds = _EACH_S
    address = server or f"http://127.0.0.1:{port}"
    options = {
        "seed": seed,
        "drift_ppm": drift,
        "delay_ms": delay,
        "jitter_ms": jitter,
        "loss": loss,
    }
    wish = RigWish(address, names, seconds, again, options, spoil, api_key)
    started = time.monotonic()
    # Who ends a process by hand or by a service manager gets what Ctrl-C gives.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with contextlib.suppress(KeyboardInterrupt), contextlib.ExitStack() as stack:
        if serve:
            service = stack.enter_context(_service(port))
            wait_for_server(address, _START_S, service.is_alive)
        else:
            wait_for_server(address, 5.0)
        _show(wish, started, as_json=as_json)


@contextlib.contextmanager
def _service(port: int) -> Iterator[BaseProcess]:
    """Run the service in a process of its own while the block runs."""
    from antiphase.service.settings import read_settings
    from antiphase.service.worker import WorkerProcess

    settings = read_settings(host="127.0.0.1", port=port, drain_s=0.0)
    worker = WorkerProcess(settings, nice=-10)
    try:
        fault = worker.take_words()
        if fault is not None:
            raise ParameterError("serve", True, f"left out to use what runs there: {fault}")
        yield worker.process
    finally:
        worker.end()
        worker.join(_END_S)


def _show(wish: Any, started: float, *, as_json: bool) -> None:  # noqa: ANN401
    from antiphase.devices.rig.process import RigProcess

    last: dict[str, Any] = {}
    with RigProcess(wish) as process, contextlib.suppress(KeyboardInterrupt, EOFError):
        view = _View(f"{wish.server}/", started, quiet=as_json)
        with view:
            while True:
                report = process.next(0.5)
                if report is not None:
                    view.take(report)
                    last = asdict(report)
    if as_json:
        typer.echo(json.dumps(last, ensure_ascii=False))
    else:
        screen.print("ended", highlight=False)


class _View:
    """Shows reports: a table on a terminal, a line each two seconds elsewhere."""

    def __init__(self, page: str, started: float, *, quiet: bool) -> None:
        self._page, self._started, self._quiet = page, started, quiet
        self._history: list[float] = []
        self._scene = ""
        self._first = False
        self._screen = LiveScreen(quiet=quiet)

    def __enter__(self) -> None:
        if not self._quiet:
            screen.print(f"page: {escape(self._page)}", highlight=False, soft_wrap=True)
        self._screen.__enter__()

    def __exit__(self, *raised: object) -> None:
        self._screen.__exit__(*raised)

    def take(self, report: Any) -> None:  # noqa: ANN401 - a RigReport
        """Show a report."""
        if report.scene != self._scene:
            self._scene = report.scene
            self._history.clear()
        if report.true_db is not None:
            self._history.append(report.true_db)
        if self._quiet:
            return
        if not self._first and report.true_db is not None and report.true_db >= 3:
            self._first = True
            after = time.monotonic() - self._started
            words = f"first {report.true_db:.0f} dB after {after:.1f} s"
            screen.print(words, highlight=False)
        self._screen.show(
            lambda: live_view(report, self._history, self._page),
            lambda: live_line(report),
            time.monotonic(),
        )
