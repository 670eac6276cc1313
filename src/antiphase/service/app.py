"""The HTTP face: sessions by REST, the WebSocket, WHIP and WHEP, the page, health and metrics."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import plotly
from fastapi import FastAPI, Request, WebSocket
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from fastapi.staticfiles import StaticFiles
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.middleware.base import RequestResponseEndpoint
from starlette.middleware.cors import CORSMiddleware

from antiphase import __version__
from antiphase.errors import AntiphaseError, StoreError
from antiphase.service.access import bearer, check_creator
from antiphase.service.host import RoomHost
from antiphase.service.lan import qr_svg
from antiphase.service.recordings_routes import recordings_router
from antiphase.service.rest import Fault, sessions_router
from antiphase.service.settings import ServiceSettings
from antiphase.service.signalling import Signalling
from antiphase.service.telemetry import make_registry
from antiphase.service.whip import whip_router

__all__ = ["make_app"]

_STATIC = Path(__file__).parent / "static"
_PLOTLY = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"
_NAME = re.compile(r"[A-Za-z0-9.-]+")
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
}


def make_app(settings: ServiceSettings, url: str = "") -> FastAPI:
    """Return the application of one worker; its media port opens with its lifespan.

    Parameters
    ----------
    settings : ServiceSettings
    url : str, optional
        The worker's own address, where its port is only known once it is bound.
    """
    host = RoomHost(settings, url)
    signalling = Signalling(host)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await host.start()
        try:
            yield
        finally:
            await host.stop()

    app = FastAPI(
        title="Antiphase live service",
        version=__version__,
        description="Sessions of networked active noise control; see docs/service.md.",
        lifespan=lifespan,
        responses={422: {"description": "not of the right form", "model": Fault}},
        docs_url=None,
        redoc_url=None,
    )
    app.state.host = host
    app.include_router(sessions_router(host))
    app.include_router(whip_router(host))
    app.include_router(recordings_router(host))
    _add_errors(app)
    # The page's requests are sent on to other workers' ports, which are other origins.
    app.add_middleware(
        CORSMiddleware,
        allow_origins=sorted({*settings.origins, *settings.own_origins}),
        allow_methods=["GET", "POST", "PATCH", "DELETE"],
        allow_headers=["authorization", "content-type", "if-match"],
        expose_headers=["location", "etag"],
    )
    _add_health(app, host, signalling)
    _add_page(app, host)

    @app.websocket("/{session_id}")
    async def signal(socket: WebSocket, session_id: str) -> None:
        await signalling.serve(socket, session_id)

    return app


def _add_errors(app: FastAPI) -> None:
    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        return JSONResponse({"detail": f"{where}: {first['msg']}"}, 422)

    @app.exception_handler(AntiphaseError)
    async def refused(_: Request, error: AntiphaseError) -> JSONResponse:
        return JSONResponse({"detail": str(error)}, 503 if isinstance(error, StoreError) else 400)

    @app.middleware("http")
    async def harden(request: Request, call: RequestResponseEndpoint) -> Response:
        response = await call(request)
        response.headers.update(_HEADERS)
        return response


def _add_health(app: FastAPI, host: RoomHost, signalling: Signalling) -> None:
    registry = make_registry(host, signalling)

    @app.get("/healthz", tags=["health"])
    async def healthz() -> dict[str, str]:
        """Tell that the process answers."""
        return {"status": "ok", "driver": host.driver_name}

    @app.get("/readyz", tags=["health"], responses={503: {"description": "draining"}})
    async def readyz() -> JSONResponse:
        """Tell whether new sessions are taken."""
        ready = not host.draining
        return JSONResponse({"status": "ok" if ready else "draining"}, 200 if ready else 503)

    @app.get("/metrics", tags=["health"], response_class=PlainTextResponse)
    async def metrics() -> Response:
        """Figures for Prometheus."""
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)


def _add_page(app: FastAPI, host: RoomHost) -> None:
    @app.get("/", include_in_schema=False)
    async def page(request: Request) -> FileResponse:
        # Beside the policy of the page itself, which can't know where the other workers are.
        name = request.url.hostname or ""
        place = f" {request.url.scheme}://{name}:*" if _NAME.fullmatch(name) else ""
        policy = f"connect-src 'self' ws: wss:{place}"
        headers = {"Content-Security-Policy": policy}
        return FileResponse(_STATIC / "index.html", headers=headers)

    @app.get("/join.svg", include_in_schema=False)
    async def join(request: Request) -> Response:
        """Show a phone the way to this page, with the key that the request bears."""
        check_creator(host, request)
        key = bearer(request)
        url = str(request.base_url) + ("" if key is None else f"#key={key}")
        return Response(qr_svg(url), media_type="image/svg+xml")

    @app.get("/static/plotly.min.js", include_in_schema=False)
    async def charts() -> FileResponse:
        return FileResponse(_PLOTLY, media_type="text/javascript")

    app.mount("/static", StaticFiles(directory=_STATIC), name="static")
