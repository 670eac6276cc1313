"""Sessions by REST: create, list, look at, steer, invite, end."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from antiphase.errors import ParameterError
from antiphase.realtime import Role
from antiphase.service.access import check_creator, check_owner, user_of
from antiphase.service.host import RoomHost
from antiphase.service.registry import Beat
from antiphase.service.signalling import ice_servers

__all__ = ["MOVED", "Fault", "SessionId", "come_here", "sessions_router"]

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
    503: {"description": "full, draining or without its stores", "model": Fault},
}
MOVED: dict[int | str, dict[str, Any]] = _GONE | {
    307: {"description": "the session is at another worker, see Location", "model": Fault},
}


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


class SessionListed(BaseModel):
    """A session of any worker; `mode` is the one that is asked for."""

    session_id: str
    name: str
    mode: str
    control: bool
    expires_at: float
    worker: str


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
    more = {"expires_at": host.expires_at(session_id), "recording": host.live.of(session_id)}
    return host.rooms.describe(session_id) | more


def _elsewhere(beat: Beat, request: Request) -> HTTPException:
    query = f"?{request.url.query}" if request.url.query else ""
    place = {"Location": f"{beat.url}{request.url.path}{query}"}
    return HTTPException(307, f"this session is at {beat.url}", place)


async def come_here(host: RoomHost, session_id: str, request: Request) -> None:
    """Go on where a session is here; send the client to the worker that has it otherwise.

    Raises
    ------
    HTTPException
        307 with the worker's address, 404 where there is no such session.
    StoreError
        If the registry does not answer.
    """
    try:
        beat = await host.placement.locate(session_id)
    except ParameterError as error:
        raise HTTPException(404, str(error)) from None
    if beat is not None:
        raise _elsewhere(beat, request)


def _add_collection(router: APIRouter, host: RoomHost) -> None:
    @router.post(
        "/sessions",
        status_code=201,
        responses=MOVED | {429: {"description": "too many of one user", "model": Fault}},
    )
    async def create(wish: SessionWish, request: Request) -> SessionMade:
        """Open a session."""
        check_creator(host, request)
        if len(str(wish.scene)) > _MOST_SCENE:
            raise HTTPException(400, f"scene must be shorter than {_MOST_SCENE} characters")
        if not host.takes:
            others = await host.registry.others()
            if others:
                raise _elsewhere(others[0], request)
            raise HTTPException(503, "no worker takes more sessions; ask again later")
        made = await host.create(
            name=wish.name,
            mode=wish.mode,
            scene=wish.scene,
            ttl_s=wish.ttl_s,
            user=user_of(request),
        )
        session_id = made.session_id
        # Signalling finds the session from every worker; the standards know no `moved`.
        base = str(request.base_url).rstrip("/")
        own = base if host.settings.is_alone else host.registry.url
        return SessionMade(
            session_id=session_id,
            websocket=f"{base.replace('http', 'ws', 1)}/{session_id}",
            whip=f"{own}/whip/{session_id}",
            whep=f"{own}/whep/{session_id}",
            owner_token=host.tokens.owner(session_id, host.settings.session_ttl_s),
            expires_at=made.expires_at,
        )

    @router.get("/sessions", responses={401: _GONE[401], 503: _GONE[503]})
    async def everything(request: Request) -> list[SessionListed]:
        """List the open sessions of all workers, oldest first."""
        check_creator(host, request)
        return [
            SessionListed(
                session_id=record.session_id,
                name=record.name,
                mode=record.mode,
                control=record.control,
                expires_at=record.expires_at,
                worker=record.worker,
            )
            for record in await host.registry.all()
        ]

    @router.get("/ice-servers", responses={401: _GONE[401]})
    async def relays(request: Request) -> list[dict[str, Any]]:
        """Return relays with credentials that expire."""
        check_creator(host, request)
        return ice_servers(host, "browser")


def _add_session(router: APIRouter, host: RoomHost) -> None:
    @router.get("/sessions/{session_id}", responses=MOVED)
    async def look(session_id: SessionId, request: Request) -> dict[str, Any]:
        """Describe a session: mode and reason, devices, scene."""
        check_owner(host, request, session_id)
        await come_here(host, session_id, request)
        return _described(host, session_id)

    @router.delete("/sessions/{session_id}", status_code=204, responses=MOVED)
    async def end(session_id: SessionId, request: Request) -> Response:
        """End a session; everybody in it is told."""
        check_owner(host, request, session_id)
        await come_here(host, session_id, request)
        host.delete(session_id, "ended by its owner")
        return Response(status_code=204)

    @router.post("/sessions/{session_id}/tokens", status_code=201, responses=MOVED)
    async def invite(session_id: SessionId, wish: TokenWish, request: Request) -> TokenMade:
        """Make a token for one join."""
        check_owner(host, request, session_id)
        await come_here(host, session_id, request)
        token, expires_at = host.tokens.join(session_id, wish.roles, wish.ttl_s)
        return TokenMade(token=token, expires_at=expires_at)

    @router.post("/sessions/{session_id}/control", responses=MOVED)
    async def steer(session_id: SessionId, wish: Wish, request: Request) -> dict[str, Any]:
        """Switch anti-noise or change the mode; returns the session."""
        check_owner(host, request, session_id)
        await come_here(host, session_id, request)
        host.steer(session_id, on=wish.on, mode=wish.mode)
        return _described(host, session_id)

    @router.get("/sessions/{session_id}/figures", responses=MOVED)
    async def figures(session_id: SessionId, request: Request) -> dict[str, Any]:
        """Return the live figures."""
        check_owner(host, request, session_id)
        await come_here(host, session_id, request)
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
        rows = await host.journal.past(session_id, after, limit)
        return [vars(row) for row in rows]
