"""Sessions as rooms: joins the media endpoint with one engine each; no I/O.

Each device is one media session of the endpoint, with the device's id as its name. Bytes go in and
out by the endpoint; what happens there comes here as events.
"""

from __future__ import annotations

import contextlib
import logging
import secrets
from collections import deque
from collections.abc import Callable
from typing import Any

from antiphase.errors import ParameterError, ProtocolError, SignalError, require
from antiphase.media.datachannel import ChannelClosed, ChannelMessage, ChannelOpened
from antiphase.media.endpoint import Endpoint
from antiphase.media.events import AudioReceived, ChannelChanged, Closed, Connected, Event
from antiphase.realtime import (
    DeviceDescription,
    Engine,
    Figures,
    InlinePool,
    Notice,
    Output,
    PlayAudio,
    SendMessage,
    SetRoutes,
    SolverPool,
)
from antiphase.service.recorder import RoomRecorder
from antiphase.service.room import Room, device_message
from antiphase.service.rooms_routes import Switchboard, clock_rate
from antiphase.service.rooms_settings import RoomsSettings
from antiphase.service.turns import Turns, next_on_grid

__all__ = ["Rooms"]

_LOG = logging.getLogger("antiphase.service")
_REPORT_S = 1.0
_FAULT_S = 1.0


class Rooms:
    """All rooms of one endpoint.

    Parameters
    ----------
    endpoint : Endpoint
        Its events go to `on_event`.
    settings : RoomsSettings, optional
    pool : SolverPool, optional
        Where filters are solved; by default here and at once.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        settings: RoomsSettings | None = None,
        *,
        pool: SolverPool | None = None,
    ) -> None:
        self.settings = settings or RoomsSettings()
        self._endpoint = endpoint
        self._pool = InlinePool() if pool is None else pool
        self._rooms: dict[str, Room] = {}
        self._room_of: dict[str, str] = {}
        self._messages: deque[tuple[str, str | None, dict[str, Any]]] = deque()
        self._telling, self._reporting = Turns(self.settings.figures_s), Turns(_REPORT_S)
        self.watched: Callable[[str], bool] = lambda _: True
        """Whether somebody in a room wants to be told its figures."""

    # Rooms

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of the open sessions, oldest first."""
        return tuple(self._rooms)

    def create(
        self,
        session_id: str,
        *,
        mode: str = "auto",
        name: str = "",
        scene: dict[str, Any] | None = None,
        now: float,
    ) -> None:
        """Open a room.

        Parameters
        ----------
        session_id : str
            New among the open ones.
        mode : str
            A mode, or ``auto``.
        name : str
            For people.
        scene : dict, optional
            Geometry to show with the figures.
        now : float
            s.

        Raises
        ------
        ParameterError
            If the id is taken, the mode unknown or there are too many rooms.
        """
        require(session_id not in self._rooms, "session_id", session_id, "new")
        most = self.settings.most_sessions
        require(len(self._rooms) < most, "sessions", len(self._rooms) + 1, f"at most {most}")
        engine = Engine(self.settings.engine, pool=self._pool, now=now, scene=scene)
        engine.set_mode(mode, now)  # refuses unknown modes before there is a room
        board = Switchboard(self._endpoint)
        # Rooms that are opened together, as at a move, do not all come due in one tick.
        self._telling.add(session_id, now)
        self._reporting.add(session_id, now)
        room = Room(engine, board, name, mode, now, self._telling.phase(session_id), scene)
        self._rooms[session_id] = room

    def delete(self, session_id: str, now: float, reason: str) -> None:
        """Close a room: everybody is told and let go; an unknown id is ignored."""
        room = self._rooms.get(session_id)
        if room is None:
            return
        room.engine.close(now)
        self._carry_out(session_id, room, now)
        self._messages.append((session_id, None, {"type": "bye", "reason": reason}))
        for device_id in list(room.devices):
            self._room_of.pop(device_id, None)
            self._endpoint.close(device_id, reason)
        del self._rooms[session_id]
        self._telling.remove(session_id)
        self._reporting.remove(session_id)

    def describe(self, session_id: str) -> dict[str, Any]:
        """Return what there is to know of a room.

        Raises
        ------
        ParameterError
            If there is none of that id.
        """
        room = self.room(session_id)
        return room.as_dict(session_id, self._connected)

    def room(self, session_id: str) -> Room:
        """Return a room as it is; raises as `describe`."""
        room = self._rooms.get(session_id)
        if room is None:
            raise ParameterError("session_id", session_id, "an open session")
        return room

    # Devices

    def join(self, session_id: str, description: DeviceDescription, now: float) -> str:
        """Take a device into a room and return its id.

        Raises
        ------
        ParameterError
            If there is no such room or it is full.
        """
        room = self.room(session_id)
        most = self.settings.most_devices
        require(len(room.devices) < most, "devices", len(room.devices) + 1, f"at most {most}")
        device_id = secrets.token_hex(8)
        room.devices[device_id], room.silent[device_id] = description, now
        self._room_of[device_id] = session_id
        self._tell_device(session_id, device_id, description, "joined")
        room.engine.add_device(device_id, description, now)
        self._carry_out(session_id, room, now)
        room.engine.tell_state(device_id)
        self._carry_out(session_id, room, now)
        return device_id

    def leave(self, session_id: str, device_id: str, now: float, reason: str) -> None:
        """Take a device out of its room; one that is not there is ignored."""
        room = self._rooms.get(session_id)
        if room is None or device_id not in room.devices:
            return
        description = room.devices.pop(device_id)
        room.silent.pop(device_id, None)
        self._room_of.pop(device_id, None)
        self._endpoint.close(device_id, reason)
        room.engine.remove_device(device_id, now)
        self._tell_device(session_id, device_id, description, "left", reason)
        self._carry_out(session_id, room, now)

    def _tell_device(
        self,
        session_id: str,
        device_id: str,
        description: DeviceDescription,
        event: str,
        reason: str | None = None,
    ) -> None:
        message = device_message(device_id, description, event, reason)
        self._messages.append((session_id, None, message))

    def echo(self, session_id: str, device_id: str) -> None:
        """Let a device that has offered hear its first track itself; raises as `describe`."""
        self.room(session_id).switchboard.add_echo(device_id, "0")

    def offer(self, session_id: str, device_id: str, sdp: str, now: float) -> str:
        """Take a device's offer and return the answer; a second one renegotiates.

        Raises
        ------
        ParameterError
            If the device is not in that room.
        ProtocolError
            If the offer is refused.
        """
        room = self.room(session_id)
        require(device_id in room.devices, "device_id", device_id, "a device of the session")
        try:
            answer = self._endpoint.open(device_id, sdp, now)
        except ProtocolError as error:
            if "fingerprint" not in str(error):
                raise
            # The page was reloaded: the old connection is a ghost.
            self._endpoint.close(device_id, "replaced by a new connection")
            answer = self._endpoint.open(device_id, sdp, now)
        # From here on the endpoint lets go of one that does not connect.
        room.silent.pop(device_id, None)
        room.switchboard.refresh()
        return answer

    def _connected(self, device_id: str) -> bool:
        session = self._endpoint.sessions.get(device_id)
        return session is not None and session.connected

    # Recording

    def record(self, session_id: str, recorder: RoomRecorder | None) -> None:
        """Let a recorder have what it wants of a room; again whenever its consents change."""
        room = self._rooms.get(session_id)
        if room is not None:
            room.recorder = recorder
            room.switchboard.set_recorded(set() if recorder is None else recorder.sections())

    # Events and time

    def on_event(self, event: Event, now: float) -> None:
        """Take an event of the endpoint; those of sessions that are not ours are ignored."""
        session_id = self._room_of.get(event.session_id)
        room = None if session_id is None else self._rooms.get(session_id)
        if session_id is None or room is None:
            return
        try:
            self._take(session_id, room, event, now)
        except Exception as error:  # noqa: BLE001 - the others must go on
            self._fault(session_id, room, error, now)

    def _take(self, session_id: str, room: Room, event: Event, now: float) -> None:
        match event:
            case AudioReceived():
                self._hear(room, event, now)
            case ChannelChanged(change=ChannelMessage(label=label, data=data)):
                if label == "anc.split" and isinstance(data, bytes):
                    room.keep(lambda recorder: recorder.receive(event.session_id, data, now))
                room.engine.push_message(event.session_id, label, data, now)
            case ChannelChanged(change=ChannelOpened(label=label)):
                room.engine.open_channel(event.session_id, label, now)
            case ChannelChanged(change=ChannelClosed(label=label)):
                room.engine.close_channel(event.session_id, label, now)
            case Connected():
                room.switchboard.refresh()
            case Closed(reason=reason):
                if event.session_id not in self._endpoint.sessions:
                    self.leave(session_id, event.session_id, now, reason)
                    return
        self._carry_out(session_id, room, now)

    def _hear(self, room: Room, event: AudioReceived, now: float) -> None:
        device_id, mid, frame = event.session_id, event.mid, event.frame
        rate = clock_rate(self._endpoint.sessions.get(device_id), mid, frame.fs)
        timestamp = frame.timestamp * frame.fs // rate
        if room.switchboard.wants(device_id, mid):
            pcm, fs, made_up = frame.pcm, frame.fs, frame.concealed
            room.engine.push_audio(device_id, mid, pcm, timestamp, fs, made_up, now)
        if not frame.concealed:
            room.keep(lambda r: r.hear(device_id, mid, frame.pcm, timestamp, frame.fs, now))
        room.switchboard.relay(device_id, mid, frame.pcm, frame.fs)

    def tick(self, now: float, wall: float) -> None:  # noqa: ARG002 - rooms know no wall clock
        """Run what is due in all rooms."""
        due = [session_id for session_id, room in self._rooms.items() if now >= room.due]
        self._each(self._reporting.take(now), self._report, now)
        self._each(due, self._tick_room, now)
        self._each(self._telling.take(now, self.watched), self._tell, now)

    def _each(self, ids: list[str], work: Callable[[str, Room, float], None], now: float) -> None:
        for session_id in ids:
            room = self._rooms[session_id]
            try:
                work(session_id, room, now)
            except Exception as error:  # noqa: BLE001 - the others must go on
                self._fault(session_id, room, error, now)

    def _tick_room(self, session_id: str, room: Room, now: float) -> None:
        room.due = next_on_grid(now, room.engine.tick_s, room.phase)
        room.engine.tick(now)
        self._carry_out(session_id, room, now)

    def _tell(self, session_id: str, room: Room, now: float) -> None:
        figures = room.engine.figures(now).as_dict()
        self._messages.append((session_id, None, {"type": "figures", **figures}))

    def _fault(self, session_id: str, room: Room, error: Exception, now: float) -> None:
        """Keep one session's fault from the others: it says so and only forwards from here."""
        room.due = now + _FAULT_S
        if not room.faulty:
            room.faulty = True
            _LOG.error("session %s has a fault", session_id, exc_info=error)
            words = f"a fault in this session, it only forwards from here: {type(error).__name__}"
            message = {"type": "error", "code": "fault", "message": words}
            self._messages.append((session_id, None, message))
            with contextlib.suppress(Exception):
                self.set_mode(session_id, "forward", now)

    def _report(self, session_id: str, room: Room, now: float) -> None:
        """Tell an engine what RTCP knows of its devices' links; let go of those that never came."""
        sessions = self._endpoint.sessions
        for device_id in list(room.devices):
            session = sessions.get(device_id)
            if session is not None and session.round_trip_ms is not None:
                room.engine.link_report(device_id, round_trip_ms=session.round_trip_ms)
            since = room.silent.get(device_id, now)
            if room.devices[device_id].roles and now - since > self.settings.connect_s:
                self.leave(session_id, device_id, now, "no connection in time")

    # Wishes and figures

    def set_control(self, session_id: str, on: bool, now: float) -> None:
        """Switch a room's anti-noise on or off; raises as `describe`."""
        room = self.room(session_id)
        room.engine.set_control(on, now)
        self._carry_out(session_id, room, now)

    def set_mode(self, session_id: str, mode: str, now: float) -> None:
        """Ask for a mode or ``auto``; raises as `create`."""
        room = self.room(session_id)
        room.engine.set_mode(mode, now)
        room.mode = mode
        self._carry_out(session_id, room, now)

    def report_truth(self, session_id: str, nr_db: float, now: float) -> None:
        """Take the true attenuation from a rig; raises as `describe`."""
        self.room(session_id).engine.report_truth(nr_db, now)

    def figures(self, session_id: str, now: float) -> Figures:
        """Return a room's figures of now; raises as `describe`."""
        return self.room(session_id).engine.figures(now)

    def poll_messages(self) -> list[tuple[str, str | None, dict[str, Any]]]:
        """Return and clear the signalling messages: session, device (None: all), message."""
        messages = list(self._messages)
        self._messages.clear()
        return messages

    def _carry_out(self, session_id: str, room: Room, now: float) -> None:
        for output in room.engine.poll():
            room.due = 0.0  # something happens here
            self._do(session_id, room, output, now)

    def _do(self, session_id: str, room: Room, output: Output, now: float) -> None:
        match output:
            case SetRoutes(flows=flows):
                room.switchboard.set_flows(flows)
            case PlayAudio():
                room.keep(lambda recorder: recorder.play(output, now))
                room.switchboard.play(output)
            case Notice(message=message, device_id=device_id):
                self._messages.append((session_id, device_id, message))
            case SendMessage(device_id=device_id, label=label, data=data):
                if device_id not in self._endpoint.sessions:
                    return
                # A channel that is not open yet or a device that has stopped reading: each block
                # that comes brings a new filter.
                with contextlib.suppress(ParameterError, SignalError):
                    self._endpoint.send_message(device_id, label, data, now)
