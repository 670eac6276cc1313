"""Scenes in real time against a running server."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import http.client
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import numpy.typing as npt

from antiphase.devices.rig.device import RigDevice
from antiphase.devices.rig.listener import Listener
from antiphase.devices.rig.record import LevelRecord
from antiphase.devices.rig.scene import RigScene
from antiphase.devices.rig.setup import make_devices
from antiphase.devices.rig.speaker import LoudspeakerDevice
from antiphase.devices.rig.wire import DeviceWire
from antiphase.errors import ParameterError, ProtocolError

__all__ = ["RigReport", "call_server", "run_scene", "wait_for_server"]

_REPORT_S = 0.5
_TIMEOUT_S = 10.0
_CONNECT_S = 30.0


@dataclass(frozen=True)
class RigReport:
    """How a scene is doing; sent on twice a second.

    Attributes
    ----------
    scene, title : str
    session_id : str
    time_s : float
        Since the scene started.
    true_db : float or None
        True attenuation of the last second (of the signal-to-noise ratio in `clean`).
    figures : dict
        The server's newest figures.
    late, missing, overruns, joins : int
        Drive frames that came too late, samples that were not there, times the rig itself was
        late, joins in all.
    """

    scene: str
    title: str
    session_id: str
    time_s: float
    true_db: float | None
    figures: dict[str, Any]
    late: int
    missing: int
    overruns: int
    joins: int


def call_server(
    server: str, method: str, path: str, body: dict[str, Any] | None = None, key: str | None = None
) -> Any:  # noqa: ANN401 - whatever the JSON says
    """Call the service's REST interface and return its JSON, None where there is none.

    Raises
    ------
    ProtocolError
        If the server can't be reached or refuses; the message is one line.
    ParameterError
        If `server` is no http or https address.
    """
    parts = urlsplit(server)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ParameterError("server", server, "an http or https address")
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname, parts.port, timeout=_TIMEOUT_S)
    headers = {"Content-Type": "application/json"}
    if key is not None:
        headers["Authorization"] = f"Bearer {key}"
    try:
        text = None if body is None else json.dumps(body)
        connection.request(method, parts.path.rstrip("/") + path, text, headers)
        response = connection.getresponse()
        data = response.read()
    except (OSError, http.client.HTTPException) as error:
        raise ProtocolError(f"no answer from {parts.netloc}: {error}") from error
    finally:
        connection.close()
    place = response.headers.get("Location", "")
    if response.status == http.client.TEMPORARY_REDIRECT and place.startswith("http"):
        there = urlsplit(place)
        if there.hostname != parts.hostname or there.netloc == parts.netloc:
            raise ProtocolError(f"{parts.netloc} sends {method} {path} to {there.netloc}")
        return call_server(f"{there.scheme}://{there.netloc}", method, there.path, body, key)
    if response.status >= 300:
        words = data[:200].decode("utf-8", "replace")
        raise ProtocolError(f"{parts.netloc} answers {response.status} to {method} {path}: {words}")
    return json.loads(data) if data else None


def wait_for_server(server: str, seconds: float, alive: Callable[[], bool] = lambda: True) -> None:
    """Return once the server is ready.

    Raises
    ------
    ProtocolError
        If it is not ready in time, or `alive` says that it has ended.
    """
    end = time.monotonic() + seconds
    while True:
        try:
            call_server(server, "GET", "/readyz")
        except ProtocolError:
            if not alive() or time.monotonic() > end:
                raise
            time.sleep(0.1)
        else:
            return


async def run_scene(
    server: str,
    scene: RigScene,
    report: Callable[[RigReport], None],
    *,
    seconds: float | None = None,
    estimate: npt.NDArray[np.float64] | None = None,
    key: str | None = None,
    record: LevelRecord | None = None,
) -> RigReport:
    """Let a scene play in a session of its own until its time is over or it is cancelled.

    Parameters
    ----------
    server : str
        The service's address.
    scene : RigScene
    report : callable
        Takes a `RigReport` twice a second.
    seconds : float, optional
        From when all devices are connected, or half a minute has gone by without; None: until
        cancelled.
    estimate : ndarray, shape (taps,), optional
        Another Ŝ than the one that the scene identified.
    key : str, optional
        API key of the server.
    record : LevelRecord, optional
        Takes the true levels at the loudspeaker device in place of its own, the whole run perhaps.

    Returns
    -------
    RigReport
        The last one.

    Raises
    ------
    ProtocolError
        If the server refuses or goes away for good.
    """
    wish = {"name": scene.title, "mode": "auto", "scene": scene.geometry}
    made: dict[str, Any] = await asyncio.to_thread(
        call_server, server, "POST", "/sessions", wish, key
    )
    owner, path = str(made["owner_token"]), f"/sessions/{made['session_id']}"
    start = time.monotonic()
    devices = make_devices(scene, start, estimate=estimate)
    for device in devices:
        if record is not None and isinstance(device, LoudspeakerDevice):
            device.record = record
    figures: dict[str, Any] = {}
    wires = _wires(scene, devices, made, figures, server if key is not None else None)
    # A collection of the whole heap would stall the sound for many frames.
    gc.collect()
    gc.freeze()
    tasks = [asyncio.create_task(wire.run()) for wire in wires]
    last = _report(scene, str(made["session_id"]), start, wires, figures)
    length = _Length(np.inf if seconds is None else seconds)
    try:
        while not length.is_over(devices):
            done, _ = await asyncio.wait(
                tasks, timeout=_REPORT_S, return_when=asyncio.FIRST_COMPLETED
            )
            for task in done:
                task.result()
            last = _report(scene, str(made["session_id"]), start, wires, figures)
            report(last)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        gc.unfreeze()
        with contextlib.suppress(ProtocolError):
            call_server(server, "DELETE", path, key=owner)
    return last


def _wires(
    scene: RigScene,
    devices: Sequence[RigDevice],
    made: dict[str, Any],
    figures: dict[str, Any],
    asks: str | None,
) -> list[DeviceWire]:
    """Return each device's wires; the last one's keep the newest figures.

    Where `asks` names a server that wants to know who joins, each has a token of it.
    """

    def told(message: dict[str, Any]) -> None:
        if message.get("type") == "figures":
            figures.update(message)

    wires = []
    for device in devices:
        token = None
        if asks is not None:
            roles = {"roles": [r.role for r in device.place.spec.roles], "name": device.name}
            path = f"/sessions/{made['session_id']}/tokens"
            token = call_server(asks, "POST", path, roles, str(made["owner_token"]))["token"]
        wire = DeviceWire(
            device,
            str(made["websocket"]),
            links=scene.links(device.name),
            signal_delay_s=scene.link.delay_ms / 1000,
            told=told if device is devices[-1] else None,
            token=token,
        )
        wires.append(wire)
    return wires


class _Length:
    """When a scene is over: so long after all devices are connected, or should have been."""

    def __init__(self, seconds: float) -> None:
        self._seconds, self._waits = seconds, True
        self._over = time.monotonic() + _CONNECT_S + seconds

    def is_over(self, devices: Sequence[RigDevice]) -> bool:
        """Whether its time is up; to be asked often."""
        now = time.monotonic()
        if self._waits and all(device.connected for device in devices):
            self._waits, self._over = False, now + self._seconds
        return now >= self._over


def _report(
    scene: RigScene,
    session_id: str,
    start: float,
    wires: list[DeviceWire],
    figures: dict[str, Any],
) -> RigReport:
    devices = [wire.device for wire in wires]
    speaker = next((d for d in devices if isinstance(d, LoudspeakerDevice)), None)
    listener = next((d for d in devices if isinstance(d, Listener)), None)
    true_db = None
    if speaker is not None:
        true_db = speaker.record.nr_db
    elif listener is not None:
        true_db = listener.gain_db
    return RigReport(
        scene.name,
        scene.title,
        session_id,
        round(time.monotonic() - start, 2),
        None if true_db is None else round(true_db, 2),
        dict(figures),
        0 if speaker is None else speaker.drive.late,
        0 if speaker is None else speaker.missing,
        sum(device.overruns for device in devices if isinstance(device, RigDevice)),
        sum(wire.joins for wire in wires),
    )
