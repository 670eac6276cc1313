"""Sessions by REST: create, list, look at, steer, invite, end."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from antiphase.errors import ParameterError
from antiphase.realtime import Role
from antiphase.service.access import check_creator, check_owner
from antiphase.service.host import RoomHost
from antiphase.service.signalling import ice_servers

__all__ = ["Fault", "SessionId", "sessions_router"]

SessionId = Annotated[str, Path(min_length=1, max_length=64)]
_MOST_SCENE = 16384


class Fault(BaseModel):
    """Why a request was refused, in one line that says what to change."""

    detail: str


_GONE: dict[int | str, dict[str, Any]] = {
    400: {"description": "a value does not fit", "model": Fault},
    401: {"description": "no valid key or token", "model": Fault},
    403: {"description": "the token grants less", "model": Fault},
    404: {"description": "no such session", "model": Fault},
}

_FULL = _GONE | {503: {"description": "full", "model": Fault}}


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class SessionWish(_Body):
    """What to create."""

    name: Annotated[str, Field(max_length=100)] = ""
    mode: Annotated[str, Field(max_length=16)] = "auto"
    scene: dict[str, Any] | None = None
    ttl_s: Annotated[float, Field(gt=0)] | None = None


class SessionMade(BaseModel):
    """Where to find it."""

    session_id: str
    websocket: str
    whip: str
    whep: str
    owner_token: str
    expires_at: float


class TokenWish(_Body):
    """Whom to invite."""

    roles: Annotated[list[Role], Field(max_length=16)] = []
    name: Annotated[str, Field(max_length=100)] = ""
    ttl_s: Annotated[float, Field(ge=60, le=300)] = 300


class TokenMade(BaseModel):
    """The invitation; good for one join."""

    token: str
    expires_at: float


class Wish(_Body):
    """How to steer."""

    on: bool | None = None
    mode: Annotated[str, Field(max_length=16)] | None = None


def sessions_router(host: RoomHost) -> APIRouter:
    """Return the routes of one host."""
    router = APIRouter(tags=["sessions"])
    _add_collection(router, host)
    _add_session(router, host)
    return router


def _described(host: RoomHost, session_id: str) -> dict[str, Any]:
    try:
        return host.rooms.describe(session_id) | {"expires_at": host.expires_at(session_id)}
    except ParameterError as error:
        raise HTTPException(404, str(error)) from None


def _add_collection(router: APIRouter, host: RoomHost) -> None:
    @router.post(
        "/sessions",
        status_code=201,
        responses=_FULL,
    )
    async def create(wish: SessionWish, request: Request) -> SessionMade:
        """Open a session."""
        check_creator(host, request)
        if len(str(wish.scene)) > _MOST_SCENE:
            raise HTTPException(400, f"scene must be shorter than {_MOST_SCENE} characters")
        if host.draining or len(host.rooms.ids) >= host.settings.most_sessions:
            raise HTTPException(503, "this worker takes no more sessions; ask again later")
        session_id, expires_at = host.create(
            name=wish.name, mode=wish.mode, scene=wish.scene, ttl_s=wish.ttl_s
        )
        base = str(request.base_url).rstrip("/")
        return SessionMade(
            session_id=session_id,
            websocket=f"{base.replace('http', 'ws', 1)}/{session_id}",
            whip=f"{base}/whip/{session_id}",
            whep=f"{base}/whep/{session_id}",
            owner_token=host.tokens.owner(session_id, host.settings.session_ttl_s),
            expires_at=expires_at,
        )

    @router.get("/sessions", responses={401: _GONE[401]})
    async def everything(request: Request) -> list[dict[str, Any]]:
        """List the open sessions, oldest first."""
        check_creator(host, request)
        return [_described(host, session_id) for session_id in host.rooms.ids]

    @router.get("/ice-servers", responses={401: _GONE[401]})
    async def relays(request: Request) -> list[dict[str, Any]]:
        """Return relays with credentials that expire."""
        check_creator(host, request)
        return ice_servers(host, "browser")


def _add_session(router: APIRouter, host: RoomHost) -> None:
    @router.get("/sessions/{session_id}", responses=_GONE)
    async def look(session_id: SessionId, request: Request) -> dict[str, Any]:
        """Describe a session: mode and reason, devices, scene."""
        check_owner(host, request, session_id)
        return _described(host, session_id)

    @router.delete("/sessions/{session_id}", status_code=204, responses=_GONE)
    async def end(session_id: SessionId, request: Request) -> Response:
        """End a session; everybody in it is told."""
        check_owner(host, request, session_id)
        if not host.delete(session_id, "ended by its owner"):
            raise HTTPException(404, "no such session")
        return Response(status_code=204)

    @router.post("/sessions/{session_id}/tokens", status_code=201, responses=_GONE)
    async def invite(session_id: SessionId, wish: TokenWish, request: Request) -> TokenMade:
        """Make a token for one join."""
        check_owner(host, request, session_id)
        _described(host, session_id)
        token, expires_at = host.tokens.join(session_id, wish.roles, wish.ttl_s)
        return TokenMade(token=token, expires_at=expires_at)

    @router.post("/sessions/{session_id}/control", responses=_GONE)
    async def steer(session_id: SessionId, wish: Wish, request: Request) -> dict[str, Any]:
        """Switch anti-noise or change the mode; returns the session."""
        check_owner(host, request, session_id)
        _described(host, session_id)
        on, mode = wish.on, wish.mode
        if mode is not None:
            host.do(lambda rooms, now: rooms.set_mode(session_id, mode, now))
        if on is not None:
            host.do(lambda rooms, now: rooms.set_control(session_id, on, now))
        return _described(host, session_id)

    @router.get("/sessions/{session_id}/figures", responses=_GONE)
    async def figures(session_id: SessionId, request: Request) -> dict[str, Any]:
        """Return the live figures."""
        check_owner(host, request, session_id)
        _described(host, session_id)
        return host.rooms.figures(session_id, host.now()).as_dict()

    @router.get("/sessions/{session_id}/history", responses=_GONE)
    async def past(
        session_id: SessionId,
        request: Request,
        after: Annotated[float, Query(ge=0, allow_inf_nan=False)] = 0.0,
        limit: Annotated[int, Query(ge=1, le=1000)] = 1000,
    ) -> list[dict[str, Any]]:
        """Return finished records of a session, also of one that has ended."""
        check_owner(host, request, session_id)
        rows = await host.past(session_id, after, limit)
        return [vars(row) for row in rows]
