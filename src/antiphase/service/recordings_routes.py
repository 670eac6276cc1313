"""Recordings by REST: upload with consent or of a live session, progress, results, deletion."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi import Path as PathParameter
from fastapi.responses import FileResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.background import BackgroundTask
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from antiphase.errors import FileFormatError, ParameterError
from antiphase.service.access import check_creator, check_origin, check_owner
from antiphase.service.clean_file import check_recording
from antiphase.service.host import RoomHost
from antiphase.service.recording_pieces import PIECE_FILE
from antiphase.service.recordings import PARTS
from antiphase.service.rest import MOVED, Fault, SessionId, come_here

__all__ = ["recordings_router"]

RecordingFile = Annotated[
    str,
    PathParameter(
        pattern=f"^(primary|reference|clean\\.wav|report\\.json|live\\.json|end\\.json|{PIECE_FILE})$"
    ),
]
RecordingId = Annotated[str, PathParameter(pattern="^[A-Za-z0-9_-]{1,64}$")]
_FORM_BYTES = 16384
_LONGEST_NAME = 100
_KINDS = {"wav": "audio/wav", "flac": "audio/flac", "json": "application/json"}
_FAULTS: dict[int | str, dict[str, Any]] = {
    code: {"description": words, "model": Fault}
    for code, words in {
        400: "a value does not fit, or there is no consent",
        401: "no valid key or token",
        403: "not of a page of this service, or the token is another one's",
        404: "no such recording",
        413: "too long",
        415: "no audio, or no form",
        503: "the store does not answer or is full",
    }.items()
}
_UPLOAD = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["primary", "consent"],
                    "properties": {
                        "primary": {"type": "string", "format": "binary"},
                        "reference": {"type": "string", "format": "binary"},
                        "name": {"type": "string", "maxLength": _LONGEST_NAME},
                        "consent": {"type": "string", "enum": ["yes"]},
                    },
                }
            }
        },
    }
}


class RecordingMade(BaseModel):
    """Where to find it, and who may delete it."""

    recording_id: str
    owner_token: str


class RecordingTold(BaseModel):
    """A recording and what came of it."""

    model_config = ConfigDict(extra="ignore")

    recording_id: str
    name: str
    created_at: float
    state: Literal["waiting", "processing", "done", "failed", "interrupted", "recording", "kept"]
    progress: float
    kind: Literal["upload", "live"] = "upload"
    session_id: str | None = None
    ended: str | None = None
    files: list[str] | None = None
    error: str | None = None
    seconds: float | None = None
    fs: float | None = None
    delay_ms: float | None = None
    reduction_db: float | None = None
    pause_reduction_db: float | None = None


class LiveWish(BaseModel):
    """How to record a session."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(max_length=_LONGEST_NAME)] = ""
    seconds: Annotated[float, Field(ge=1, allow_inf_nan=False)] | None = None


def recordings_router(host: RoomHost) -> APIRouter:
    """Return the routes of one host."""
    router = APIRouter(tags=["recordings"])
    _add_live(router, host)
    _add_collection(router, host)
    _add_recording(router, host)
    return router


def _add_collection(router: APIRouter, host: RoomHost) -> None:
    @router.post("/recordings", status_code=202, responses=_FAULTS, openapi_extra=_UPLOAD)
    async def upload(request: Request) -> RecordingMade:
        """Keep a recording whose consent is given, and take out of it what the reference hears."""
        check_creator(host, request)
        check_origin(host, request)
        async with _form(request, host.settings.most_upload_bytes) as form:
            if form.get("consent") != "yes":
                words = "consent=yes is needed: all who are heard must agree to be kept"
                raise HTTPException(400, words)
            name = str(form.get("name") or getattr(form.get("primary"), "filename", "") or "")
            with tempfile.TemporaryDirectory(prefix="antiphase-") as folder:
                parts = await host.registry.ask(lambda: _save(form, Path(folder)))
                by = request.client.host if request.client else ""
                recording_id = await host.recordings.add(name[:_LONGEST_NAME], parts, by)
        token = host.tokens.owner(recording_id, host.settings.session_ttl_s)
        return RecordingMade(recording_id=recording_id, owner_token=token)

    @router.get("/recordings", responses={k: _FAULTS[k] for k in (401, 503)})
    async def everything(request: Request) -> list[RecordingTold]:
        """List all recordings, newest first."""
        check_creator(host, request)
        return [RecordingTold(**row) for row in await host.recordings.all()]


def _add_live(router: APIRouter, host: RoomHost) -> None:
    @router.post(
        "/sessions/{session_id}/recording",
        status_code=201,
        responses=MOVED | {409: {"description": "it is being recorded", "model": Fault}},
    )
    async def record(session_id: SessionId, wish: LiveWish, request: Request) -> RecordingMade:
        """Record a session: each of its devices is asked, and recorded from when it agrees."""
        check_owner(host, request, session_id)
        check_origin(host, request)
        await come_here(host, session_id, request)
        if host.live.of(session_id) is not None:
            raise HTTPException(409, "this session is being recorded; end that first")
        name = wish.name or host.rooms.describe(session_id)["name"]
        recording_id = await host.live.start(session_id, name[:_LONGEST_NAME], wish.seconds)
        token = host.tokens.owner(recording_id, host.settings.session_ttl_s)
        return RecordingMade(recording_id=recording_id, owner_token=token)

    @router.delete("/sessions/{session_id}/recording", status_code=204, responses=MOVED)
    async def end(session_id: SessionId, request: Request) -> Response:
        """End the recording of a session; what there is of it is kept."""
        check_owner(host, request, session_id)
        check_origin(host, request)
        await come_here(host, session_id, request)
        if not host.live.stop(session_id, "ended by the session's owner"):
            raise HTTPException(404, "this session is not being recorded")
        return Response(status_code=204)


def _add_recording(router: APIRouter, host: RoomHost) -> None:
    kinds = (401, 403, 404, 503)
    faults: dict[int | str, dict[str, Any]] = {k: _FAULTS[k] for k in kinds}

    @router.get("/recordings/{recording_id}", responses=faults)
    async def look(recording_id: RecordingId, request: Request) -> RecordingTold:
        """Say how far it is and what came of it."""
        check_owner(host, request, recording_id)
        return RecordingTold(**await _found(host, recording_id))

    @router.delete("/recordings/{recording_id}", status_code=204, responses=faults)
    async def delete(recording_id: RecordingId, request: Request) -> Response:
        """Delete it and all that was made of it."""
        check_owner(host, request, recording_id)
        check_origin(host, request)
        await _found(host, recording_id)
        host.live.forget(recording_id)
        await host.recordings.delete(recording_id)
        return Response(status_code=204)

    @router.get("/recordings/{recording_id}/{name}", responses=faults, response_class=FileResponse)
    async def fetch(
        recording_id: RecordingId,
        name: RecordingFile,
        request: Request,
    ) -> FileResponse:
        """Return what was uploaded, what was made of it, or a file of a live recording."""
        check_owner(host, request, recording_id)
        folder = tempfile.mkdtemp(prefix="antiphase-")
        path = Path(folder, name)
        try:
            await host.recordings.fetch(recording_id, name, path)
        except BaseException as error:
            shutil.rmtree(folder)
            if isinstance(error, ParameterError):
                raise HTTPException(404, str(error)) from None
            raise
        kind = _KINDS.get(name.rpartition(".")[2], "application/octet-stream")
        return FileResponse(path, media_type=kind, background=BackgroundTask(shutil.rmtree, folder))


async def _found(host: RoomHost, recording_id: str) -> dict[str, Any]:
    try:
        return await host.recordings.describe(recording_id)
    except ParameterError as error:
        raise HTTPException(404, str(error)) from None


@asynccontextmanager
async def _form(request: Request, most: int) -> AsyncIterator[FormData]:
    """Read a form, no more of it than is allowed; its files are on the disk meanwhile."""
    if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        raise HTTPException(415, "content-type must be multipart/form-data")
    words = f"the upload must be at most {most} bytes"
    if int(request.headers.get("content-length") or 0) > most + _FORM_BYTES:
        raise HTTPException(413, words)

    async def limited() -> AsyncGenerator[bytes, None]:
        total = 0
        async for part in request.stream():
            total += len(part)
            if total > most + _FORM_BYTES:
                raise HTTPException(413, words)
            yield part

    parser = MultiPartParser(request.headers, limited(), max_files=2, max_fields=8)
    try:
        form = await parser.parse()
    except (MultiPartException, KeyError) as error:
        text = getattr(error, "message", "") or "no boundary"
        raise HTTPException(400, f"the form can't be read: {text}") from None
    try:
        yield form
    finally:
        await form.close()


def _save(form: FormData, folder: Path) -> dict[str, Path]:
    """Copy the files of a form to a folder, and check that they are what they should be."""
    parts = {}
    for part in PARTS:
        file = form.get(part)
        if isinstance(file, UploadFile) and file.size:
            parts[part] = folder / part
            with parts[part].open("wb") as into:
                shutil.copyfileobj(file.file, into)
    if "primary" not in parts:
        raise HTTPException(400, "the form needs a file named primary")
    try:
        check_recording(parts["primary"], parts.get("reference"))
    except FileFormatError as error:
        raise HTTPException(415, str(error).replace(f"{folder}/", "")) from None
    return parts
