"""Sessions whose media the native batch loop carries; signalling, reports and policy stay here."""

from __future__ import annotations

import ctypes
import ipaddress

import numpy as np
from aiortc import rtp as aiortc_rtp

from antiphase import _native
from antiphase.arrays import Signal
from antiphase.codecs import OpusDecoder, OpusEncoder, decode_g711, encode_g711, from_int16, opus
from antiphase.media import srtp as srtp_library
from antiphase.media.answer import NegotiatedSection
from antiphase.media.audio import AudioFrame, AudioSender
from antiphase.media.dtls import DtlsTransport
from antiphase.media.events import AudioReceived, Counters
from antiphase.media.payload import AudioFormat, check_channels
from antiphase.media.routing import Clean, Forward, Gain, Listen, Processing, Route
from antiphase.media.rtp import ReceptionStatistics, RtpPacket
from antiphase.media.session import Incoming, MediaSession, SessionSettings
from antiphase.media.srtp import SrtpSession
from antiphase.media.stun import Address

__all__ = ["NativeCarrier", "NativeSession", "native_loop_available"]

_CODECS = ("OPUS", "L16", "G722", "PCMU", "PCMA")
_PROCESSING: tuple[type[Processing], ...] = (Forward, Gain, Clean, Listen)
_LISTEN = (Route(Listen()),)


def native_loop_available() -> bool:
    """Whether this build and machine have the batch loop and the libraries that it calls."""
    if not hasattr(_native, "BatchLoop"):
        return False
    try:
        srtp_library.library()
        opus.library()
    except ImportError:
        return False
    return True


def _address(function: object) -> int:
    return ctypes.cast(function, ctypes.c_void_p).value or 0  # type: ignore[arg-type]


def _load_g711() -> None:
    every = from_int16(np.arange(-32768, 32768).astype(np.int16))
    for index, law in enumerate(("mu", "a")):
        levels = decode_g711(bytes(range(256)), law=law).astype(np.float32)  # type: ignore[arg-type]
        codes = encode_g711(every, law=law)  # type: ignore[arg-type]
        _native.set_g711_tables(index, levels, codes)


def _packed(address: Address) -> tuple[bytes, int]:
    return ipaddress.ip_address(address[0].split("%", 1)[0]).packed, address[1]


class _NativeStatistics(ReceptionStatistics):
    """Reception counted by the batch loop."""

    def __init__(self, loop: _native.BatchLoop, stream: int, clock_rate: int) -> None:
        super().__init__(clock_rate)
        self._loop = loop
        self._stream = stream

    def report(self, ssrc: int, last_sr: int, delay_since_sr: int) -> aiortc_rtp.RtcpReceiverInfo:
        self.refresh()
        return super().report(ssrc, last_sr, delay_since_sr)

    def refresh(self) -> tuple[int, int]:
        """Read the counters; returns frames concealed and payloads that did not decode."""
        first, highest, received, duplicates, late, concealed, bad, jitter = self._loop.reception(
            self._stream
        )
        self._first, self._highest = first, highest
        self.received, self.duplicates, self.late = received, duplicates, late
        self.jitter = jitter
        return concealed, bad


class NativeSession(MediaSession):
    """A session of a `NativeCarrier`."""

    def __init__(
        self,
        carrier: NativeCarrier,
        session_id: str,
        dtls: DtlsTransport,
        sections: tuple[NegotiatedSection, ...],
        settings: SessionSettings,
        counters: Counters,
    ) -> None:
        self.carrier = carrier
        self.slot = carrier.loop.add_session()
        self.outputs: dict[str, int] = {}
        self.streams: dict[int, int] = {}
        super().__init__(session_id, dtls, sections, settings, counters)

    def update_sections(self, sections: tuple[NegotiatedSection, ...]) -> None:
        """Take over sections and give new senders an output of the loop."""
        super().update_sections(sections)
        for ssrc in set(self.streams) - set(self.incoming):
            self.carrier.loop.remove_stream(self.slot, ssrc)
            del self.streams[ssrc]
        for mid in set(self.outputs) - set(self.senders):
            del self.outputs[mid]
        for mid in set(self.senders) - set(self.outputs):
            self.outputs[mid] = self._add_output(self.senders[mid])
        self.carrier.apply_routes()

    def _add_output(self, sender: AudioSender) -> int:
        encoder = sender.encoder
        packet = RtpPacket(0, 0, 0, 0, b"", extensions=sender.extensions).encode()
        return self.carrier.loop.add_output(
            self.slot,
            sender.ssrc,
            sender.sequence,
            sender.timestamp & 0xFFFFFFFF,
            *_numbers(sender.form, sender.fs),
            encoder.handle if isinstance(encoder, OpusEncoder) else 0,
            packet[12:],
        )

    def media_starts(self, srtp: SrtpSession) -> None:
        """Hand the keys over; from here on only the loop uses them."""
        self.carrier.loop.set_keys(self.slot, *srtp.handles())

    def new_stream(self, packet: RtpPacket) -> Incoming | None:
        """Find the section of a new source and let the loop decode it."""
        incoming = super().new_stream(packet)
        if incoming is not None:
            receiver = incoming.receiver
            decoder = receiver.decoder
            stream = self.carrier.loop.add_stream(
                self.slot,
                packet.ssrc,
                *_numbers(receiver.form, receiver.fs),
                decoder.handle if isinstance(decoder, OpusDecoder) else 0,
            )
            self.streams[packet.ssrc] = stream
            receiver.statistics = _NativeStatistics(
                self.carrier.loop, stream, receiver.form.clock_rate
            )
            self.carrier.apply_routes()
        return incoming

    def send_audio(self, mid: str, pcm: Signal) -> None:
        """Encode and send one frame; dropped before the connection and without such a section."""
        output = self.outputs.get(mid)
        if output is not None and self.srtp is not None:
            check_channels(pcm, self.senders[mid].form.channels)
            self.carrier.loop.send_audio(output, np.ascontiguousarray(pcm, dtype=np.float32))

    def send_packet(self, packet: RtpPacket) -> None:
        """Protect and queue a packet of Python's own."""
        if self.srtp is not None:
            self._outgoing.append(self.carrier.loop.protect_rtp(self.slot, packet.encode()))

    def protect_rtcp(self, srtp: SrtpSession, packet: bytes) -> bytes:
        """Encrypt and sign a compound RTCP packet with the keys that the loop holds."""
        del srtp
        return self.carrier.loop.protect_rtcp(self.slot, packet)

    def set_bitrate(self, mid: str, encoder: OpusEncoder, bitrate: int) -> None:
        """Set the bitrate between two frames of the loop."""
        encoder.adopt_bitrate(bitrate)
        self.carrier.loop.set_bitrate(self.outputs[mid], bitrate)

    def report(self, now: float, wall: float) -> None:
        """Queue reports if they are due, counted by the loop."""
        for mid, output in self.outputs.items():
            sender = self.senders[mid]
            sender.packets, sender.octets, sender.timestamp, _ = self.carrier.loop.output_state(
                output
            )
        super().report(now, wall)


def _numbers(form: AudioFormat, fs: int) -> tuple[int, int, int, int, int]:
    return (_CODECS.index(form.kind), form.payload_type, form.clock_rate, fs, form.channels)


class NativeCarrier:
    """Moves the media of one endpoint in the native batch loop.

    Parameters
    ----------
    socket_fd : int
        Bound UDP socket, non-blocking.
    wake_fd : int
        eventfd that is written when `take_items` has something.
    coalesce_ms : float
        Longest wait for more packets once the loop is more than half busy.
    """

    def __init__(self, socket_fd: int, wake_fd: int, coalesce_ms: float = 0.5) -> None:
        srtp, libopus = srtp_library.library(), opus.library()
        _load_g711()
        self.loop = _native.BatchLoop(
            socket_fd,
            wake_fd,
            [
                _address(getattr(srtp, f"srtp_{name}"))
                for name in ("protect", "unprotect", "protect_rtcp", "unprotect_rtcp")
            ],
            [
                _address(getattr(libopus, f"opus_{name}"))
                for name in ("encode_float", "decode_float", "encoder_ctl")
            ],
            coalesce_ms / 1000,
        )
        self.sessions: dict[int, NativeSession] = {}
        self._routes: dict[tuple[str, str], tuple[Route, ...]] = {}

    def make_session(
        self,
        session_id: str,
        dtls: DtlsTransport,
        sections: tuple[NegotiatedSection, ...],
        settings: SessionSettings,
        counters: Counters,
    ) -> MediaSession:
        """Return a new session whose media the loop carries."""
        session = NativeSession(self, session_id, dtls, sections, settings, counters)
        self.sessions[session.slot] = session
        return session

    def drop_session(self, session: MediaSession) -> None:
        """Take a session out of the loop."""
        if isinstance(session, NativeSession):
            self.sessions.pop(session.slot, None)
            self.loop.remove_session(session.slot)
            for key in [key for key in self._routes if key[0] == session.session_id]:
                del self._routes[key]
            self.apply_routes()

    def open_gate(self, source: Address, session: MediaSession) -> None:
        """Let datagrams from a source pass, for this session."""
        if isinstance(session, NativeSession):
            self.loop.open_gate(*_packed(source), session.slot)

    def close_gate(self, source: Address) -> None:
        """Drop datagrams from a source again."""
        self.loop.close_gate(*_packed(source))

    def set_target(self, session: MediaSession, target: Address) -> None:
        """Send a session's media there."""
        if isinstance(session, NativeSession):
            self.loop.set_target(session.slot, *_packed(target))

    def set_routes(self, session: MediaSession, mid: str, routes: tuple[Route, ...]) -> None:
        """Replace all routes of one incoming section."""
        self._routes[session.session_id, mid] = routes
        self.apply_routes()

    def apply_routes(self) -> None:
        """Give every stream of the loop its routes, whose targets may have come or gone."""
        outputs = {
            (s.session_id, mid): output
            for s in self.sessions.values()
            for mid, output in s.outputs.items()
        }
        for session in self.sessions.values():
            for ssrc, stream in session.streams.items():
                mid = session.incoming[ssrc].mid
                routes = self._routes.get((session.session_id, mid), _LISTEN)
                self.loop.set_routes(stream, [_row(r, outputs) for r in routes])

    def deliver(self, session: NativeSession, packet: bytes, received_ns: int) -> None:
        """Take the first packets of a new source: find its section, then let the loop go on."""
        parsed = RtpPacket.parse(packet)
        if parsed.ssrc in session.incoming or session.new_stream(parsed) is not None:
            self.loop.inject(session.slot, packet, received_ns)
        else:
            session.counters.rtp_unknown += 1

    def frame(self, session: NativeSession, stream: int, data: bytes) -> AudioReceived | None:
        """Return the event of a decoded frame that the loop handed up."""
        ssrc = next((k for k, s in session.streams.items() if s == stream), None)
        incoming = None if ssrc is None else session.incoming.get(ssrc)
        if incoming is None:
            return None
        receiver = incoming.receiver
        pcm = np.frombuffer(data, dtype=np.float32, offset=4)
        if receiver.form.channels > 1:
            pcm = pcm.reshape(-1, receiver.form.channels)
        timestamp = int.from_bytes(data[:4], "little")
        return AudioReceived(
            session.session_id, incoming.mid, AudioFrame(pcm, receiver.fs, timestamp)
        )


def _row(route: Route, outputs: dict[tuple[str, str], int]) -> tuple[int, int, float, object]:
    processing = route.processing
    return (
        outputs.get((route.session_id, route.mid), -1),
        _PROCESSING.index(type(processing)),
        processing.factor if isinstance(processing, Gain) else 1.0,
        processing.canceller.core if isinstance(processing, Clean) else None,
    )
