"""Recordings of live sessions: asked for by the owner, agreed to by each device, kept in pieces.

Below ``raw/ID/`` are ``live.json`` (it is there as long as the recording is not deleted), the files
of each piece, the JSON of a piece after its tracks, and ``end.json`` once it has ended.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from antiphase.errors import ParameterError, StoreError, require
from antiphase.service.backlog import Backlog
from antiphase.service.recorder import RoomRecorder
from antiphase.service.recording_pieces import Piece, piece_files
from antiphase.service.recordings import JOB, JOB_S, LIVE, LIVE_END
from antiphase.storage.objects import ObjectStore

if TYPE_CHECKING:
    from antiphase.service.host import RoomHost

__all__ = ["LiveRecordings"]

_LOOK_S = 2.0
_MOST_AT_ONCE = 50
_MOST_WAITING = 6


@dataclass(eq=False)
class _Live:
    """One that is under way."""

    recording_id: str
    session_id: str
    name: str
    seconds: float
    recorder: RoomRecorder
    told: tuple[list[str], list[str]] = ([], [])
    waiting: int = 0
    size: int = 0
    over: str = ""
    """Why it has to end, from the thread that writes."""

    def about(self) -> dict[str, Any]:
        """Return what everybody in the session is told."""
        return {
            "recording_id": self.recording_id,
            "name": self.name,
            "seconds": self.seconds,
            "devices": self.recorder.recorded,
            "asked": self.recorder.asked,
        }


@dataclass(eq=False)
class _Parcel:
    """A piece on its way to the object store; None once it is there."""

    piece: Piece | None
    files: dict[str, bytes] = field(default_factory=dict)


class LiveRecordings:
    """Those of one worker.

    Parameters
    ----------
    host : RoomHost
    """

    def __init__(self, host: RoomHost) -> None:
        self._host = host
        self._live: dict[str, _Live] = {}
        self._starting: set[str] = set()
        self.written: Backlog[Callable[[], object]] = Backlog("recordings", _run_all)
        """What waits for the object store."""

    @property
    def _objects(self) -> ObjectStore:
        return self._host.stores.objects

    async def start(self, session_id: str, name: str, seconds: float | None) -> str:
        """Begin to record a session here, as far as its devices agree; returns the id.

        Raises
        ------
        ParameterError
            If it is being recorded, too long, or too much is kept already.
        StoreError
            If the object store does not answer.
        """
        longest = self._host.settings.most_recording_s
        wanted = longest if seconds is None else seconds
        require(1 <= wanted <= longest, "seconds", wanted, f"in 1 … {longest:g}")
        busy = session_id in self._live or session_id in self._starting
        require(not busy, "session_id", session_id, "one that is not being recorded already")
        count = len(self._live) + len(self._starting)
        require(count < _MOST_AT_ONCE, "recordings", count + 1, f"at most {_MOST_AT_ONCE} at once")
        self._starting.add(session_id)
        try:
            recording_id = secrets.token_urlsafe(12)
            await self._open(recording_id, session_id, name)
        finally:
            self._starting.discard(session_id)
        if not self._host.has(session_id):
            self.written.put(partial(self._host.recordings.erase, recording_id))
            raise ParameterError("session_id", session_id, "an open session")
        self._begin(recording_id, session_id, name, wanted)
        return recording_id

    async def _open(self, recording_id: str, session_id: str, name: str) -> None:
        about = {
            "kind": "live",
            "name": name,
            "session_id": session_id,
            "created_at": round(time.time(), 3),
            "consent": "of each device",
        }

        def keep() -> None:
            self._host.recordings.check_space()
            self._host.stores.states.put(JOB + recording_id, _state(), JOB_S)
            key = f"raw/{recording_id}/{LIVE}"
            self._objects.put_bytes(key, json.dumps(about).encode(), about)

        await self._host.registry.ask(keep)

    def _begin(self, recording_id: str, session_id: str, name: str, seconds: float) -> None:
        devices = self._host.rooms.room(session_id).devices

        def keep(piece: Piece) -> None:
            self._keep(live, piece)

        recorder = RoomRecorder(
            devices, self._host.now(), keep, self._host.settings.recording_piece_s
        )
        live = _Live(recording_id, session_id, name, seconds, recorder)
        self._live[session_id] = live
        self._host.rooms.record(session_id, recorder)
        self._tell(live)

    # Those in the room

    def of(self, session_id: str) -> dict[str, Any] | None:
        """Return what there is to know of a session's recording, None where there is none."""
        live = self._live.get(session_id)
        return None if live is None else live.about()

    def consent(self, session_id: str, device_id: str, recording_id: str, *, agree: bool) -> None:
        """Take what a device says of being recorded.

        Raises
        ------
        ParameterError
            If that is not the session's recording.
        """
        live = self._live.get(session_id)
        if live is None or live.recording_id != recording_id:
            raise ParameterError("recording_id", recording_id, "that of this session's recording")
        live.recorder.consent(device_id, agree=agree, now=self._host.now())
        self._host.rooms.record(session_id, live.recorder)
        self._tell(live)

    def _tell(self, live: _Live) -> None:
        live.told = (live.recorder.recorded, live.recorder.asked)
        message = {"type": "recording", "state": "on", **live.about()}
        self._host.tell(live.session_id, None, message)

    def tell_one(self, session_id: str, device_id: str) -> None:
        """Tell a device that has just come, where it comes into a recording."""
        live = self._live.get(session_id)
        if live is not None:
            message = {"type": "recording", "state": "on", **live.about()}
            self._host.tell(session_id, device_id, message)

    # Time

    def tick(self, now: float) -> None:
        """Do what is due."""
        for live in list(self._live.values()):
            recorder, rooms = live.recorder, self._host.rooms
            figures = partial(_figures, self._host, live.session_id)
            tick = partial(RoomRecorder.tick, now=now, figures=figures)
            if not rooms.room(live.session_id).keep(tick):
                self.stop(live.session_id, "a fault ended it, see the log")
            elif live.over:
                self.stop(live.session_id, live.over)
            elif recorder.seconds >= live.seconds:
                self.stop(live.session_id, f"it has its full length, {live.seconds:g} s")
            elif live.told != (recorder.recorded, recorder.asked):
                self._tell(live)

    def stop(self, session_id: str, reason: str) -> bool:
        """End a session's recording and keep what there is of it; False where there is none."""
        live = self._live.pop(session_id, None)
        if live is None:
            return False
        now, figures = self._host.now(), partial(_figures, self._host, session_id)
        room = self._host.rooms.room(session_id)
        room.keep(partial(RoomRecorder.end, now=now, figures=figures))
        self._host.rooms.record(session_id, None)
        self.written.put(partial(self._finish, live, reason))
        message = {"type": "recording", "state": "off", **live.about(), "reason": reason}
        self._host.tell(session_id, None, message | {"devices": [], "asked": []})
        return True

    def forget(self, recording_id: str) -> None:
        """End the one that is being deleted, if it is here."""
        for live in list(self._live.values()):
            if live.recording_id == recording_id:
                self.stop(live.session_id, "it has been deleted")

    async def run(self) -> None:
        """Say which are under way, and look whether they have been deleted, until cancelled."""
        while True:
            await asyncio.sleep(_LOOK_S)
            for live in list(self._live.values()):
                with contextlib.suppress(StoreError):
                    await self._host.registry.ask(partial(self._look, live))

    def _look(self, live: _Live) -> None:
        if self._objects.metadata(f"raw/{live.recording_id}/{LIVE}") is None:
            live.over = "it has been deleted"
            return
        self._host.stores.states.put(JOB + live.recording_id, _state(), JOB_S)

    # The object store, on the thread that writes

    def _keep(self, live: _Live, piece: Piece) -> None:
        live.waiting += 1
        if live.waiting > _MOST_WAITING:
            live.over = live.over or "the object store does not take it"
        self.written.put(partial(self._write, live, _Parcel(piece)))

    def _write(self, live: _Live, parcel: _Parcel) -> None:
        """Store a piece; what the store does not take is written again, what it has is not."""
        if parcel.piece is None:
            return
        # The files of a piece are small beside its samples, which need not wait with them.
        if not parcel.files:
            parcel.files = piece_files(parcel.piece)
            parcel.piece.strips.clear()
        self._put(live, parcel.files, {"seconds": parcel.piece.end_s})
        live.waiting -= 1
        live.size += sum(map(len, parcel.files.values()))
        parcel.piece, parcel.files = None, {}
        most = self._host.settings.most_recording_bytes
        if live.size >= most:
            live.over = live.over or f"it has its full size, {most} bytes"

    def _finish(self, live: _Live, reason: str) -> None:
        about = {"state": "kept", "seconds": round(live.recorder.seconds, 3), "ended": reason}
        self._put(live, {LIVE_END: json.dumps(about).encode()}, about)
        self._host.stores.states.delete(JOB + live.recording_id)

    def _put(self, live: _Live, files: dict[str, bytes], about: dict[str, Any]) -> None:
        """Store files of a recording unless it has been deleted; nothing stays behind then."""
        marker = f"raw/{live.recording_id}/{LIVE}"
        if self._objects.metadata(marker) is not None:
            for name, data in files.items():
                noted = about if name.endswith(".json") else None
                self._objects.put_bytes(f"raw/{live.recording_id}/{name}", data, noted)
            # Who deletes takes the marker away first, and then what he finds.
            if self._objects.metadata(marker) is not None:
                return
        live.over = live.over or "it has been deleted"
        self._host.recordings.erase(live.recording_id)

    def close(self) -> None:
        """Write what waits, and end."""
        self.written.close()


def _figures(host: RoomHost, session_id: str) -> dict[str, Any]:
    return host.rooms.figures(session_id, host.now()).as_dict()


def _state() -> bytes:
    return json.dumps({"state": "recording", "progress": 0.0}).encode()


def _run_all(writes: list[Callable[[], object]]) -> None:
    for write in writes:
        write()
