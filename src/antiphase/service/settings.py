"""All settings of the live service, read in one place: argument > environment > default."""

from __future__ import annotations

import ipaddress
import secrets
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from antiphase.errors import ParameterError
from antiphase.storage.urls import StoreUrls

__all__ = ["ServiceSettings", "read_settings"]


class ServiceSettings(BaseSettings):
    """How the service runs; each field can be set as ``ANTIPHASE_<NAME>`` in the environment."""

    model_config = SettingsConfigDict(env_prefix="ANTIPHASE_", frozen=True, extra="ignore")

    host: str = "127.0.0.1"
    """Address to listen on, for signalling and media."""
    port: int = Field(default=8443, ge=0, le=65535)
    """Of signalling (TCP); 0 takes a free one."""
    media_port: int | None = Field(default=None, ge=0, le=65535)
    """Of media (UDP); by default the same number as `port`."""
    media_tcp_port: int | None = Field(default=None, ge=0, le=65535)
    """Of media over TCP, for peers whose UDP is blocked; by default there is none."""
    workers: int = Field(default=1, ge=1, le=64)
    """Processes; worker k of several has port + k, media_port + k, … for itself."""
    worker_port: int | None = Field(default=None, ge=0, le=65535)
    """Port of signalling that this worker alone has, beside `port` that all share."""
    worker_url: str = Field(default="", pattern="^(https?://[^/]+)?$")
    """Address that clients are sent to for this worker's sessions; by default its own port."""
    advertise: str | None = None
    """Address that peers are told for media; by default `host`."""
    certificate: Path | None = None
    """PEM chain; with it the service speaks TLS 1.3 only."""
    certificate_key: Path | None = None
    """PEM key of the certificate."""
    api_keys: tuple[str, ...] = ()
    """Who may create sessions. Empty: anybody, which is taken on loopback only."""
    origins: tuple[str, ...] = ()
    """Origins of pages on other hosts that may open a WebSocket and use REST; its own may."""
    token_secret: str = Field(default_factory=lambda: secrets.token_urlsafe(32), min_length=32)
    """Signs join tokens; by default new at each start."""
    session_ttl_s: float = Field(default=6 * 3600.0, gt=0, le=7 * 86400.0)
    """Longest life of a session, s."""
    most_sessions: int = Field(default=500, ge=1)
    """Rooms at once."""
    most_sessions_per_user: int = Field(default=100, ge=1)
    """Of one API key, without keys of one address, on all workers together."""
    most_devices: int = Field(default=16, ge=1)
    """Devices in one room."""
    most_connections_per_address: int = Field(default=200, ge=1)
    """WebSockets of one client address."""
    messages_per_minute: int = Field(default=120, ge=1)
    """Of one WebSocket; more closes it."""
    idle_s: float = Field(default=60.0, gt=0)
    """A WebSocket whose peer does not answer a ping for that long is closed."""
    drain_s: float = Field(default=30.0, ge=0)
    """After SIGTERM sessions may go on for that long."""
    data: Path | None = None
    """Folder of the embedded stores; by default a temporary one that is deleted at the end."""
    sessions_url: str = ""
    """Registry of sessions: dynamodb://REGION/SESSIONS/CONNECTIONS; empty: in `data`."""
    states_url: str = ""
    """Hot state: redis://HOST:PORT/0, elasticache://… (`storage.redis_urls`); empty: in `data`."""
    history_url: str = ""
    """History: postgresql+psycopg://USER@HOST/BASE; empty: in `data`."""
    objects_url: str = ""
    """Recordings: s3://REGION?raw=BUCKET&processed=BUCKET; empty: in `data`."""
    most_upload_bytes: int = Field(default=200_000_000, ge=1)
    """Of one recording."""
    most_recordings: int = Field(default=200, ge=1)
    """Recordings that are kept; more are refused until some are deleted."""
    most_recordings_bytes: int = Field(default=20_000_000_000, ge=1)
    """Of all recordings; when they take that much no new one begins until some are deleted."""
    most_recording_s: float = Field(default=3600.0, ge=1)
    """Of one recording of a live session, s; it ends by itself then."""
    most_recording_bytes: int = Field(default=1_000_000_000, ge=1)
    """Of one recording of a live session; it ends by itself then."""
    recording_piece_s: float = Field(default=10.0, ge=1, le=60)
    """Length of the pieces of a live recording, s: what a killed worker loses at most."""
    turn_urls: tuple[str, ...] = ()
    """Relays that clients are told of."""
    turn_secret: str = ""
    """Shared with the relays (coturn's static-auth-secret)."""

    @model_validator(mode="after")
    def _fits(self) -> ServiceSettings:
        if (self.certificate is None) != (self.certificate_key is None):
            raise ValueError("certificate and certificate_key must be given together")
        if not self.is_loopback and self.certificate is None:
            raise ValueError(
                f"host={self.host} needs certificate and certificate_key: plain HTTP is for "
                "localhost only"
            )
        if not self.is_loopback and not self.api_keys:
            raise ValueError(f"host={self.host} needs api_keys: without them anybody could start")
        if self.turn_urls and not self.turn_secret:
            raise ValueError("turn_urls need turn_secret")
        return self

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can connect."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    @property
    def is_open(self) -> bool:
        """Whether nobody is asked for a key or token."""
        return not self.api_keys

    @property
    def scheme(self) -> str:
        """Either http or https."""
        return "http" if self.certificate is None else "https"

    @property
    def is_alone(self) -> bool:
        """Whether clients know this worker by the shared port only."""
        return self.worker_port is None and not self.worker_url

    def own_url(self, port: int) -> str:
        """Return the address of a port of this machine as clients know it."""
        host = self.advertise or self.host
        return f"{self.scheme}://{f'[{host}]' if ':' in host else host}:{port}"

    @property
    def own_origins(self) -> frozenset[str]:
        """Origins of pages that this service serves at its shared port."""
        urls = {self.own_url(self.port), f"{self.scheme}://{self.host}:{self.port}"}
        if self.is_loopback:
            urls |= {f"{self.scheme}://{h}:{self.port}" for h in ("localhost", "127.0.0.1")}
        return frozenset(urls)

    @property
    def store_urls(self) -> StoreUrls:
        """Where the stores are."""
        return StoreUrls(self.sessions_url, self.states_url, self.history_url, self.objects_url)


def read_settings(**arguments: Any) -> ServiceSettings:  # noqa: ANN401 - pydantic checks them
    """Return the settings; arguments that are None are left to the environment and the defaults.

    Raises
    ------
    ParameterError
        If a value does not fit; the message names it in one line.
    """
    try:
        return ServiceSettings(**{k: v for k, v in arguments.items() if v is not None})
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"]) or "settings"
        rule = str(first["msg"]).removeprefix("Value error, ")
        raise ParameterError(name, first.get("input") if first["loc"] else "", rule) from None
