"""`antiphase serve`: the live service."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from antiphase.cli.screen import escape, screen

__all__ = ["serve"]


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Of signalling; 0 takes a free one.")] = None,
    media_port: Annotated[
        int | None, typer.Option(help="Of media (UDP); the same number by default.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(help="Processes; worker k has port + k for itself.")
    ] = None,
    certificate: Annotated[Path | None, typer.Option(help="PEM chain; TLS 1.3 only.")] = None,
    certificate_key: Annotated[Path | None, typer.Option(help="Its PEM key.")] = None,
    data: Annotated[Path | None, typer.Option(help="Folder of all that is kept.")] = None,
) -> None:
    """Run the live service; further settings come from ANTIPHASE_* (docs/service.md)."""
    # The other commands do not wait for the web framework.
    from antiphase.service.settings import read_settings  # noqa: PLC0415

    settings = read_settings(
        host=host,
        port=port,
        media_port=media_port,
        workers=workers,
        certificate=certificate,
        certificate_key=certificate_key,
        data=data,
    )
    if settings.is_open:
        _say("no API keys are set: everybody on this machine may create and end sessions")
    _say(f"live at {settings.scheme}://{settings.host}:{settings.port}/")
    if settings.workers > 1:
        # Who watches over workers does not load what they need.
        from antiphase.service.supervisor import Supervisor  # noqa: PLC0415

        Supervisor(settings).run()
    else:
        from antiphase.service.serve import Server  # noqa: PLC0415

        Server(settings).run()


def _say(words: str) -> None:
    screen.print(escape(words), highlight=False, soft_wrap=True)
