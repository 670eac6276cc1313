"""WHIP (RFC 9725) and WHEP: standard tools publish and listen by one HTTP request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from fastapi import APIRouter, HTTPException, Request, Response

from antiphase.errors import AntiphaseError, ParameterError, ProtocolError
from antiphase.realtime import DeviceDescription, Role, RoleBinding
from antiphase.service.access import bearer, join_grant
from antiphase.service.host import RoomHost
from antiphase.service.ice_fragment import (
    entity_tag,
    fragment_of,
    parse_fragment,
    with_credentials,
)
from antiphase.service.rest import Fault, SessionId, come_here

__all__ = ["LARGEST_OFFER", "whip_router"]

LARGEST_OFFER = 65536
"""Bytes of an offer."""

_SDP = "application/sdp"
_FRAGMENT = "application/trickle-ice-sdpfrag"
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
_PATCHED: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "our side of the new ICE session",
        "content": {_FRAGMENT: {"schema": {"type": "string"}}},
    },
    400: {"description": "the fragment is refused", "model": Fault},
    404: _RESPONSES[404],
    412: {"description": "the ICE session is another one", "model": Fault},
    413: _RESPONSES[413],
    415: {"description": "not an SDP fragment", "model": Fault},
    428: {"description": "If-Match is missing", "model": Fault},
}
_PATCH_BODY = {
    "requestBody": {"required": True, "content": {_FRAGMENT: {"schema": {"type": "string"}}}},
}
_BODY = {
    "requestBody": {"required": True, "content": {_SDP: {"schema": {"type": "string"}}}},
}


async def _body(request: Request, kind: str) -> str:
    """Read a description or a fragment, no more of it than is allowed."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != kind:
        raise HTTPException(415, f"content-type must be {kind}")
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > LARGEST_OFFER:
            raise HTTPException(413, f"the body must be at most {LARGEST_OFFER} bytes")
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise HTTPException(400, "the body is not UTF-8 text") from None


def whip_router(host: RoomHost) -> APIRouter:
    """Return the routes of one host."""
    router = APIRouter(tags=["whip and whep"])
    resources = _Resources(host)
    _add(router, host, resources, "whip", "talker")
    _add(router, host, resources, "whep", "listener")
    return router


@dataclass(frozen=True)
class _Resource:
    offer: str
    etag: str


class _Resources:
    """What was offered last, for a restart of ICE; forgotten with the device."""

    def __init__(self, host: RoomHost) -> None:
        self._host = host
        self._kept: dict[str, _Resource] = {}

    def keep(self, device_id: str, offer: str, answer: str) -> None:
        here = self._host.endpoint.sessions
        self._kept = {name: kept for name, kept in self._kept.items() if name in here}
        self._kept[device_id] = _Resource(offer, entity_tag(answer))

    def of(self, device_id: str) -> _Resource:
        if device_id not in self._kept:
            raise HTTPException(404, "no such resource")
        return self._kept[device_id]


def _add(
    router: APIRouter,
    host: RoomHost,
    resources: _Resources,
    kind: Literal["whip", "whep"],
    role: Role,
) -> None:
    @router.post(
        f"/{kind}/{{session_id}}",
        status_code=201,
        responses=_RESPONSES,
        openapi_extra=_BODY,
        response_class=Response,
        name=f"{kind} offer",
    )
    async def open_resource(
        session_id: SessionId, request: Request, echo: bool = False
    ) -> Response:
        """Take an offer and answer it; with `echo` a publisher hears itself, to try the way."""
        offer = await _body(request, _SDP)
        await come_here(host, session_id, request)
        await join_grant(host, bearer(request), session_id, [role])
        description = DeviceDescription(name=kind, roles=(RoleBinding(role, "0"),))
        try:
            device_id = host.join(session_id, description, None)
        except ParameterError as error:
            raise HTTPException(503, str(error)) from None
        answer = _answer(host, session_id, device_id, offer, echo=echo and role == "talker")
        resources.keep(device_id, offer, answer)
        headers = {
            "Location": f"/{kind}/{session_id}/{device_id}",
            "ETag": entity_tag(answer),
            "Accept-Patch": _FRAGMENT,
        }
        return Response(answer, 201, headers, _SDP)

    @router.patch(
        f"/{kind}/{{session_id}}/{{device_id}}",
        status_code=204,
        responses=_PATCHED,
        openapi_extra=_PATCH_BODY,
        name=f"{kind} trickle or restart",
    )
    async def patch(session_id: SessionId, device_id: SessionId, request: Request) -> Response:
        """Take candidates, of which none is needed here, or begin a new ICE session."""
        _known(host, session_id, device_id)
        return await _patch(host, resources, session_id, device_id, request)

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


def _answer(host: RoomHost, session_id: str, device_id: str, offer: str, *, echo: bool) -> str:
    """Answer the offer of a device that has joined; one that is refused is let go."""
    try:
        answer: str = host.do(lambda rooms, now: rooms.offer(session_id, device_id, offer, now))
        if echo:
            host.do(lambda rooms, _: rooms.echo(session_id, device_id))
    except AntiphaseError as error:
        host.leave(session_id, device_id, "its offer was refused")
        raise HTTPException(400, str(error)) from None
    return answer


async def _patch(
    host: RoomHost, resources: _Resources, session_id: str, device_id: str, request: Request
) -> Response:
    """Take a fragment: of the ICE session that is, or of a new one (RFC 9725, section 4.3)."""
    text = await _body(request, _FRAGMENT)
    wanted = request.headers.get("if-match")
    if wanted is None:
        raise HTTPException(428, "If-Match is needed: the ETag, or * to restart ICE")
    try:
        fragment = parse_fragment(text)
    except ProtocolError as error:
        raise HTTPException(400, str(error)) from None
    resource = resources.of(device_id)
    if wanted.strip() != "*":
        if wanted.strip() != resource.etag:
            raise HTTPException(412, "the ICE session is another one by now; restart it with *")
        if f"a=ice-ufrag:{fragment.ufrag}" not in resource.offer.split():
            raise HTTPException(400, "other credentials begin a new ICE session: If-Match: *")
        return Response(status_code=204)
    offer = with_credentials(resource.offer, fragment)
    try:
        answer = host.do(lambda rooms, now: rooms.offer(session_id, device_id, offer, now))
    except AntiphaseError as error:
        raise HTTPException(400, str(error)) from None
    resources.keep(device_id, offer, answer)
    return Response(fragment_of(answer), 200, {"ETag": entity_tag(answer)}, _FRAGMENT)
