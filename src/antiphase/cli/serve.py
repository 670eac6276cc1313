"""`antiphase serve`: the live service."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from antiphase.cli.screen import escape, screen

if TYPE_CHECKING:
    from antiphase.service.settings import ServiceSettings

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
    lan: Annotated[
        bool,
        typer.Option("--lan", help="For phones on this network: own certificate, key, QR code."),
    ] = False,
) -> None:
    """Run the live service; further settings come from ANTIPHASE_* (docs/service.md)."""
    from antiphase.service.settings import read_settings

    given: dict[str, Any] = {
        "host": host,
        "port": port,
        "media_port": media_port,
        "workers": workers,
        "certificate": certificate,
        "certificate_key": certificate_key,
        "data": data,
    }
    settings = _for_lan(given) if lan else read_settings(**given)
    if settings.is_open:
        _say("no API keys are set: everybody on this machine may create and end sessions")
    _say(f"live at {settings.scheme}://{settings.host}:{settings.port}/")
    if settings.workers > 1:
        # Who watches over workers does not load what they need.
        from antiphase.service.supervisor import Supervisor

        Supervisor(settings).run()
    else:
        from antiphase.service.serve import Server

        Server(settings).run()


def _for_lan(given: dict[str, Any]) -> ServiceSettings:
    """Fill in what a local network needs, and show how a phone gets there."""
    from antiphase.service import lan
    from antiphase.service.settings import read_settings

    address = given["host"] = given["host"] or lan.lan_address()
    own = None
    if given["certificate"] is None:
        folder = given["data"] or Path(typer.get_app_dir("antiphase"))
        own = lan.LanCertificate.load_or_make(folder, address)
        given.update(certificate=own.certificate, certificate_key=own.key)
    # A key of the environment is kept; a new one serves where there is none.
    given["api_keys"] = None if os.environ.get("ANTIPHASE_API_KEYS") else (lan.make_key(),)
    settings = read_settings(**given)
    place = f"{settings.own_url(settings.port)}/#key={settings.api_keys[0]}"
    typer.echo(lan.qr_terminal(place))
    _say(f"a phone on this network joins at {place}")
    if own is not None:
        _say("its browser does not know the certificate; go on if it shows this fingerprint:")
        _say(own.fingerprint)
    return settings


def _say(words: str) -> None:
    screen.print(escape(words), highlight=False, soft_wrap=True)
