"""WHIP (RFC 9725) and WHEP: standard tools publish and listen by one HTTP request."""

from __future__ import annotations

from typing import Any, Literal

from fastapi import APIRouter, HTTPException, Request, Response

from antiphase.errors import AntiphaseError, ParameterError
from antiphase.realtime import DeviceDescription, Role, RoleBinding
from antiphase.service.access import bearer, join_grant
from antiphase.service.host import RoomHost
from antiphase.service.rest import Fault, SessionId, come_here

__all__ = ["LARGEST_OFFER", "whip_router"]

LARGEST_OFFER = 65536
"""Bytes of an offer."""

_SDP = "application/sdp"
_RESPONSES: dict[int | str, dict[str, Any]] = {
    201: {"description": "the answer", "content": {_SDP: {"schema": {"type": "string"}}}},
    307: {"description": "the session is at another worker, see Location", "model": Fault},
    400: {"description": "the offer is refused", "model": Fault},
    401: {"description": "no valid token", "model": Fault},
    403: {"description": "the token grants less", "model": Fault},
    404: {"description": "no such session or device", "model": Fault},
    413: {"description": "the offer is too long", "model": Fault},
    415: {"description": "not an SDP offer", "model": Fault},
    503: {"description": "full", "model": Fault},
}
_BODY = {
    "requestBody": {"required": True, "content": {_SDP: {"schema": {"type": "string"}}}},
}


async def _offer(request: Request) -> str:
    """Read an offer, no more of it than is allowed."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _SDP:
        raise HTTPException(415, f"content-type must be {_SDP}")
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > LARGEST_OFFER:
            raise HTTPException(413, f"the offer must be at most {LARGEST_OFFER} bytes")
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise HTTPException(400, "the offer is not UTF-8 text") from None


def whip_router(host: RoomHost) -> APIRouter:
    """Return the routes of one host."""
    router = APIRouter(tags=["whip and whep"])
    _add(router, host, "whip", "talker")
    _add(router, host, "whep", "listener")
    return router


def _add(router: APIRouter, host: RoomHost, kind: Literal["whip", "whep"], role: Role) -> None:
    @router.post(
        f"/{kind}/{{session_id}}",
        status_code=201,
        responses=_RESPONSES,
        openapi_extra=_BODY,
        response_class=Response,
        name=f"{kind} offer",
    )
    async def open_resource(session_id: SessionId, request: Request) -> Response:
        """Take an offer and answer it."""
        offer = await _offer(request)
        await come_here(host, session_id, request)
        await join_grant(host, bearer(request), session_id, [role])
        description = DeviceDescription(name=kind, roles=(RoleBinding(role, "0"),))
        try:
            device_id = host.join(session_id, description, None)
        except ParameterError as error:
            raise HTTPException(503, str(error)) from None
        try:
            answer = host.do(lambda rooms, now: rooms.offer(session_id, device_id, offer, now))
        except AntiphaseError as error:
            host.leave(session_id, device_id, "its offer was refused")
            raise HTTPException(400, str(error)) from None
        headers = {"Location": f"/{kind}/{session_id}/{device_id}", "ETag": f'"{device_id}"'}
        return Response(answer, 201, headers, _SDP)

    @router.patch(
        f"/{kind}/{{session_id}}/{{device_id}}",
        status_code=204,
        responses={404: _RESPONSES[404]},
        name=f"{kind} trickle",
    )
    async def trickle(session_id: SessionId, device_id: SessionId) -> Response:
        """Take candidates; none is needed, since a lite agent answers to checks."""
        _known(host, session_id, device_id)
        return Response(status_code=204)

    @router.delete(
        f"/{kind}/{{session_id}}/{{device_id}}",
        responses={404: _RESPONSES[404]},
        name=f"{kind} end",
    )
    async def end(session_id: SessionId, device_id: SessionId) -> Response:
        """End it; who knows the unguessable address may."""
        _known(host, session_id, device_id)
        host.leave(session_id, device_id, "ended by the client")
        return Response(status_code=200)


def _known(host: RoomHost, session_id: str, device_id: str) -> None:
    if session_id in host.rooms.ids:
        devices = host.rooms.describe(session_id)["devices"]
        if any(device["device_id"] == device_id for device in devices):
            return
    raise HTTPException(404, "no such resource")
