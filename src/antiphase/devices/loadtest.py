"""Many real WebRTC sessions against one server: ICE, DTLS and SRTP each, media from native code."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import socket
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import numpy as np

from antiphase import _native
from antiphase.errors import AntiphaseError, MissingDependencyError, require
from antiphase.media import srtp as srtp_library
from antiphase.media.client import Client, ClientTrack
from antiphase.media.dtls import Certificate
from antiphase.media.payload import AudioFormat, OpusSettings
from antiphase.media.session import SessionSettings

__all__ = ["LoadReport", "LoadSettings", "LoadTest", "percentile_ms"]

Signal = Callable[[str, str], Awaitable[str]]
"""Takes a session id and an SDP offer, returns the answer."""

_TICK_SECONDS = 1.0  # of one session
_TURNS = 25
_SEED = 1
_MAX_PAYLOAD = 1200


@dataclass(frozen=True)
class LoadSettings:
    """What each session sends.

    Parameters
    ----------
    form : AudioFormat
        Its format.
    frame_ms : float
        Packet length.
    opus_rate : int
        Sample rate for Opus, Hz.
    opus : OpusSettings
        How Opus is encoded.
    loss : float
        Share of packets that are not sent, 0 to 1.
    setup_seconds : float
        A session that is not connected by then has failed.
    """

    form: AudioFormat = field(default_factory=lambda: AudioFormat("opus", 111, 48000))
    frame_ms: float = 20.0
    opus_rate: int = 16000
    opus: OpusSettings = field(default_factory=OpusSettings)
    loss: float = 0.0
    setup_seconds: float = 10.0

    def __post_init__(self) -> None:
        """Check the ranges."""
        require(0 <= self.loss < 1, "loss", self.loss, "in [0, 1)")
        require(2.5 <= self.frame_ms <= 60, "frame_ms", self.frame_ms, "in 2.5 … 60")
        samples = self.form.sample_rate(self.opus_rate) * self.frame_ms / 1000
        whole = f"a whole number of {self.form.name}'s samples"
        require(samples.is_integer(), "frame_ms", self.frame_ms, whole)


@dataclass(frozen=True)
class LoadReport:
    """What a period of load gave.

    Parameters
    ----------
    sessions : int
        Connected while it ran.
    seconds : float
        Its length.
    sent, received, answered : int
        Packets; `answered` came back within a second.
    late_sends : int
        Packets that this machine sent more than half a frame late.
    delays : list of int
        Counts of the times from send to return, in eighths of an octave from 1 µs.
    """

    sessions: int
    seconds: float
    sent: int
    received: int
    answered: int
    late_sends: int
    delays: list[int]

    @property
    def round_trip_ms(self) -> dict[str, float]:
        """Percentiles from send to return, by name ("p50", "p90", "p99")."""
        shares = {"p50": 0.5, "p90": 0.9, "p99": 0.99}
        return {n: round(percentile_ms(self.delays, share), 3) for n, share in shares.items()}

    @property
    def answered_share(self) -> float:
        """Answered packets over sent ones."""
        return self.answered / self.sent if self.sent else 0.0


def percentile_ms(bins: list[int], share: float) -> float:
    """Return a percentile of a delay histogram in ms.

    Parameters
    ----------
    bins : list of int
        Counts in eighths of an octave from 1 µs, as the native loops count.
    share : float
        0.5 for the median.

    Returns
    -------
    float
        The bin's upper edge; NaN when nothing was counted.
    """
    counts = np.cumsum(bins)
    if counts[-1] == 0:
        return float("nan")
    return float(2 ** ((np.searchsorted(counts, share * counts[-1]) + 1) / 8) / 1000)


class _Session:
    """One client on its own socket."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        self.setup_ms = float("nan")
        self.signalling_ms = float("nan")

    def flush(self) -> None:
        for datagram, target in self.client.poll_outgoing():
            with contextlib.suppress(OSError):
                self.socket.sendto(datagram, target)

    def close(self) -> None:
        self.socket.close()


class LoadTest:
    """A growing number of sessions that all send at an even pace.

    Parameters
    ----------
    signal : callable
        Coroutine function that brings an offer to the server and its answer back.
    settings : LoadSettings, optional
        What each session sends.

    Raises
    ------
    MissingDependencyError
        Where the native media code is not available.
    ParameterError
        If a packet would not fit a datagram.
    """

    def __init__(self, signal: Signal, settings: LoadSettings | None = None) -> None:
        if not hasattr(_native, "LoadClient"):
            raise MissingDependencyError("load tests need Linux's native sender, not built here")
        self.settings = settings or LoadSettings()
        self.sessions: list[_Session] = []
        self.failures: list[str] = []
        self._by_native: dict[int, _Session] = {}
        self._signal = signal
        self._certificate = Certificate()
        self._wake = os.eventfd(0, os.EFD_NONBLOCK)
        library = srtp_library.library()
        names = ("protect", "unprotect", "protect_rtcp", "unprotect_rtcp")
        functions = [library[f"srtp_{name}"] for name in names]
        pointers = [ctypes.cast(f, ctypes.c_void_p).value or 0 for f in functions]
        self._native = _native.LoadClient(pointers, self._wake)
        self._payload = self._make_payload()
        self._started = False
        self._timer: asyncio.TimerHandle | None = None
        self._turn = 0

    def _make_payload(self) -> bytes:
        form, settings = self.settings.form, self.settings
        n = round(form.sample_rate(settings.opus_rate) * settings.frame_ms / 1000)
        shape = (n,) if form.channels == 1 else (n, form.channels)
        encoder = form.encoder(settings.opus_rate, settings.opus)
        noise = 0.1 * np.random.default_rng(_SEED).standard_normal((20, *shape))
        payload = [encoder.encode(frame) for frame in noise][-1]
        limit = f"at most {settings.frame_ms * _MAX_PAYLOAD / len(payload):.4g} with {form.name}"
        require(len(payload) <= _MAX_PAYLOAD, "frame_ms", settings.frame_ms, limit)
        return payload

    async def add(self, count: int, *, per_second: float = 100.0) -> list[float]:
        """Connect more sessions.

        Parameters
        ----------
        count : int
            How many.
        per_second : float
            Pace of the ramp.

        Returns
        -------
        list of float
            Set-up time of each that connected, in ms: from the offer's making to the first moment
            at which media may flow. The others' reasons are in `failures`.
        """
        if not self._started:
            self._started = True
            self._native.start()
            asyncio.get_running_loop().add_reader(self._wake, self._drain)
            self._tick()
        times = []
        for _ in range(count):
            begin = time.monotonic()
            try:
                session = await self._connect(f"load-{len(self.sessions)}-{len(self.failures)}")
            except (AntiphaseError, OSError, TimeoutError) as error:
                self.failures.append(str(error) or type(error).__name__)
                continue
            self.sessions.append(session)
            times.append(session.setup_ms)
            await asyncio.sleep(max(0.0, 1 / per_second - (time.monotonic() - begin)))
        return times

    async def _connect(self, name: str) -> _Session:
        settings = self.settings
        track = ClientTrack(settings.form, ptime_ms=settings.frame_ms)
        coding = SessionSettings(opus=settings.opus, opus_rate=settings.opus_rate)
        client = Client((track,), settings=coding, certificate=self._certificate)
        session = _Session(client)
        try:
            await self._handshake(session, name)
        except BaseException:
            session.close()
            raise
        self._hand_over(session)
        return session

    async def _handshake(self, session: _Session, name: str) -> None:
        client, limit = session.client, self.settings.setup_seconds
        begin = time.monotonic()
        answer = await self._signal(name, client.offer())
        session.signalling_ms = 1000 * (time.monotonic() - begin)
        client.accept(answer, time.monotonic())
        session.flush()
        loop = asyncio.get_running_loop()
        while not client.connected:
            if time.monotonic() - begin > limit:
                raise TimeoutError(f"not connected within {limit:g} s")
            with contextlib.suppress(TimeoutError):
                data, source = await asyncio.wait_for(
                    loop.sock_recvfrom(session.socket, 2048), 0.05
                )
                client.receive(data, source[:2], time.monotonic(), time.time())
            client.tick(time.monotonic(), time.time())
            session.flush()
        session.setup_ms = 1000 * (time.monotonic() - begin)

    def _hand_over(self, session: _Session) -> None:
        media = session.client.session
        if media is None or media.srtp is None:
            return
        media.reports = False
        agent_target = session.client.server
        if agent_target is not None:
            session.socket.connect(agent_target)
        settings, form = self.settings, self.settings.form
        number = self._native.add(session.socket.fileno())
        self._by_native[number] = session
        interval = settings.frame_ms / 1000
        phase = (len(self.sessions) * 0.6180339887 % 1.0) * interval
        self._native.run(
            number,
            *media.srtp.handles(),
            media.senders["0"].ssrc,
            form.payload_type,
            round(form.clock_rate * interval),
            self._payload,
            interval,
            time.monotonic() + phase,
            settings.loss,
        )

    def _drain(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(self._wake)
        for number, data in self._native.take_items():
            session = self._by_native.get(number)
            target = None if session is None else session.client.server
            if session is not None and target is not None:
                if not 128 <= data[0] <= 191:
                    session.client.receive(data, target, time.monotonic(), time.time())
                session.flush()

    def _tick(self) -> None:
        """Tick a share of the sessions: all at once would keep this machine from sending."""
        self._turn = (self._turn + 1) % _TURNS
        for session in self.sessions[self._turn :: _TURNS]:
            session.client.tick(time.monotonic(), time.time())
            session.flush()
        pause = _TICK_SECONDS / _TURNS
        self._timer = asyncio.get_running_loop().call_later(pause, self._tick)

    @property
    def setup_parts_ms(self) -> list[tuple[float, float]]:
        """Of each session: offer to answer, and answer to media (checks and handshake), in ms."""
        return [(s.signalling_ms, s.setup_ms - s.signalling_ms) for s in self.sessions]

    async def measure(self, seconds: float) -> LoadReport:
        """Let all sessions send for a while and return what came of it."""
        self._native.reset_totals()
        await asyncio.sleep(seconds)
        sent, received, answered, _, late = self._native.totals()
        return LoadReport(
            sessions=sum(s.client.connected for s in self.sessions),
            seconds=seconds,
            sent=sent,
            received=received,
            answered=answered,
            late_sends=late,
            delays=list(self._native.take_delays()),
        )

    async def close(self) -> None:
        """Say goodbye to the server and free everything."""
        if self._timer is not None:
            self._timer.cancel()
        if self._started:
            asyncio.get_running_loop().remove_reader(self._wake)
            self._native.stop()
        for session in self.sessions:
            session.client.close()
            session.flush()
            session.close()
        os.close(self._wake)
