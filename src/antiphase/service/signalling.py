"""One WebSocket: a device joins, exchanges its session description and is told what happens."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections import Counter, deque
from collections.abc import Iterator
from typing import Any

from fastapi import HTTPException, WebSocket, WebSocketDisconnect

from antiphase.errors import AntiphaseError, ProtocolError
from antiphase.media.turn import issue_credentials
from antiphase.service.access import check_origin, join_grant
from antiphase.service.host import RoomHost
from antiphase.service.messages import (
    Candidate,
    ClientMessage,
    Consent,
    Control,
    Join,
    Leave,
    ModeWish,
    Offer,
    Truth,
    parse_message,
)
from antiphase.service.outboxes import Outbox

__all__ = ["LARGEST_MESSAGE", "SUBPROTOCOL", "Signalling", "ice_servers"]

SUBPROTOCOL = "antiphase.v1"
LARGEST_MESSAGE = 65536
"""Bytes of one message."""

_JOIN_WITHIN_S = 10.0
_MOST_BAD = 10
_CLOSED_BAD, _CLOSED_POLICY = 1002, 1008


def ice_servers(host: RoomHost, name: str) -> list[dict[str, Any]]:
    """Return what a browser takes as `iceServers`, with credentials that expire."""
    settings = host.settings
    if not settings.turn_urls:
        return []
    credentials = issue_credentials(settings.turn_secret, name, time.time())
    return [
        {
            "urls": list(settings.turn_urls),
            "username": credentials.username,
            "credential": credentials.password,
        }
    ]


class _RefusedError(Exception):
    """Ends a connection: a close code and one line."""

    def __init__(self, code: int, kind: str, words: str) -> None:
        super().__init__(words)
        self.code = code
        self.kind = kind


class _MovedError(Exception):
    """Ends a connection: the client has been sent to another worker."""


class Signalling:
    """Serves WebSockets of one host.

    Parameters
    ----------
    host : RoomHost
    """

    def __init__(self, host: RoomHost) -> None:
        self._host = host
        self._by_address: Counter[str] = Counter()

    @property
    def connections(self) -> int:
        """How many are open."""
        return sum(self._by_address.values())

    async def serve(self, socket: WebSocket, session_id: str) -> None:
        """Serve one connection to its end."""
        address = socket.client.host if socket.client else ""
        if self._by_address[address] >= self._host.settings.most_connections_per_address:
            await socket.close(_CLOSED_POLICY, "too many connections from this address")
            return
        self._by_address[address] += 1
        try:
            await _Connection(self._host, socket, session_id).run()
        finally:
            self._by_address[address] -= 1
            self._by_address += Counter()


@contextlib.contextmanager
def _while_open() -> Iterator[None]:
    """Take a connection that either side has closed meanwhile for ended: it is no fault."""
    try:
        yield
    except RuntimeError:
        raise WebSocketDisconnect from None


class _Connection:
    def __init__(self, host: RoomHost, socket: WebSocket, session_id: str) -> None:
        self._host, self._socket, self._session_id = host, socket, session_id
        self._device_id: str | None = None
        self._times: deque[float] = deque(maxlen=host.settings.messages_per_minute)
        self._bad = 0

    async def run(self) -> None:
        offered = self._socket.scope.get("subprotocols", [])
        try:
            check_origin(self._host, self._socket)
        except HTTPException as error:
            await self._socket.close(_CLOSED_POLICY, str(error.detail))
            return
        if SUBPROTOCOL not in offered:
            await self._socket.close(_CLOSED_BAD, f"subprotocol {SUBPROTOCOL} is needed")
            return
        await self._socket.accept(subprotocol=SUBPROTOCOL)
        token = next((p.removeprefix("token.") for p in offered if p.startswith("token.")), None)
        outbox = Outbox()
        try:
            await self._join(token, outbox)
            await self._talk(outbox)
        except _MovedError:
            await self._socket.close(1000, "this session is at another worker")
        except _RefusedError as refused:
            await self._end(refused)
        except WebSocketDisconnect:
            pass
        finally:
            if self._device_id is not None:
                self._host.leave(self._session_id, self._device_id, "left")

    async def _end(self, refused: _RefusedError) -> None:
        message = {"type": "error", "code": refused.kind, "message": str(refused)}
        with contextlib.suppress(WebSocketDisconnect, RuntimeError):
            await self._send(message)
            await self._socket.close(refused.code, str(refused)[:120])

    async def _send(self, message: dict[str, Any]) -> None:
        with _while_open():
            await self._socket.send_text(json.dumps(message, separators=(",", ":")))

    async def _receive(self) -> ClientMessage:
        """Return the next message that can be read."""
        while True:
            with _while_open():
                text = await self._socket.receive_text()
            now = time.monotonic()
            full = len(self._times) == self._times.maxlen
            if full and now - self._times[0] < 60:
                raise _RefusedError(_CLOSED_POLICY, "rate", "too many messages a minute")
            self._times.append(now)
            try:
                return parse_message(text)
            except ProtocolError as error:
                await self._complain("message", str(error))

    async def _complain(self, code: str, words: str) -> None:
        self._bad += 1
        if self._bad >= _MOST_BAD:
            raise _RefusedError(_CLOSED_POLICY, code, words)
        await self._send({"type": "error", "code": code, "message": words})

    async def _join(self, token: str | None, outbox: Outbox) -> None:
        try:
            async with asyncio.timeout(_JOIN_WITHIN_S):
                message = await self._receive()
        except TimeoutError:
            raise _RefusedError(_CLOSED_POLICY, "join", "no join came in time") from None
        if not isinstance(message, Join):
            raise _RefusedError(_CLOSED_POLICY, "join", "the first message must be a join")
        roles: list[str] = [role.role for role in message.roles]
        try:
            elsewhere = await self._host.placement.locate(self._session_id)
            if elsewhere is not None:
                await self._send(elsewhere.moved(self._session_id))
                raise _MovedError
            before = await join_grant(self._host, token, self._session_id, roles)
            if before is not None:
                self._host.replace(self._session_id, before)
            description = message.description()
            self._device_id = self._host.join(self._session_id, description, outbox)
        except HTTPException as error:
            raise _RefusedError(_CLOSED_POLICY, "token", str(error.detail)) from None
        except AntiphaseError as error:
            raise _RefusedError(_CLOSED_POLICY, "join", str(error)) from None
        await self._send(
            {
                "type": "joined",
                "device_id": self._device_id,
                "session_id": self._session_id,
                "resume_token": self._resume_token(roles),
                "ice_servers": ice_servers(self._host, self._device_id),
                "limits": {
                    "message_bytes": LARGEST_MESSAGE,
                    "messages_per_minute": self._host.settings.messages_per_minute,
                },
            }
        )

    def _resume_token(self, roles: list[str]) -> str:
        """Return what the device comes back with after a lost connection."""
        host, session_id = self._host, self._session_id
        ends = host.expires_at(session_id)
        return host.tokens.resume(session_id, self._device_id or "", roles, ends)

    async def _talk(self, outbox: Outbox) -> None:
        """Both directions, until one of them ends."""
        ways = [asyncio.create_task(self._read()), asyncio.create_task(self._write(outbox))]
        try:
            done, _ = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in ways:
                task.cancel()
            await asyncio.gather(*ways, return_exceptions=True)

    async def _write(self, outbox: Outbox) -> None:
        while True:
            message = await outbox.get()
            await self._send(message)
            left = message["type"] == "device" and message["event"] == "left"
            gone = left and message["device_id"] == self._device_id
            if gone or message["type"] in {"bye", "moved"}:
                await self._socket.close(1000, str(message.get("reason", ""))[:120])
                return

    async def _read(self) -> None:
        while True:
            message = await self._receive()
            if isinstance(message, Leave):
                await self._socket.close(1000)
                return
            try:
                await self._take(message)
            except AntiphaseError as error:
                await self._complain(type(message).__name__.lower(), str(error))

    async def _take(self, message: ClientMessage) -> None:
        session_id, device_id = self._session_id, self._device_id or ""
        match message:
            case Offer(sdp=sdp):
                answer = self._host.do(
                    lambda rooms, now: rooms.offer(session_id, device_id, sdp, now)
                )
                await self._send({"type": "answer", "sdp": answer})
            case Control(on=on):
                self._host.steer(session_id, on=on)
            case ModeWish(mode=mode):
                self._host.steer(session_id, mode=mode)
            case Truth(nr_db=nr_db):
                self._host.do(lambda rooms, now: rooms.report_truth(session_id, nr_db, now))
            case Consent(recording_id=recording_id, agree=agree):
                self._host.live.consent(session_id, device_id, recording_id, agree=agree)
            case Candidate():
                pass
            case _:
                raise ProtocolError("already joined; open another connection for another device")
