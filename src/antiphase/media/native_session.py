"""Sessions whose media the native batch loop carries; signalling, reports and policy stay here."""

from __future__ import annotations

import ctypes
import ipaddress
import time

import numpy as np
from aiortc import rtp as aiortc_rtp

from antiphase import _native
from antiphase.arrays import Signal
from antiphase.codecs import OpusDecoder, OpusEncoder, decode_g711, encode_g711, from_int16, opus
from antiphase.errors import SignalError
from antiphase.media import srtp as srtp_library
from antiphase.media.answer import NegotiatedSection
from antiphase.media.audio import AudioFrame, AudioSender
from antiphase.media.dtls import DtlsTransport
from antiphase.media.events import AudioReceived, Counters
from antiphase.media.payload import AudioFormat, check_channels
from antiphase.media.reports import Incoming
from antiphase.media.routing import Clean, Forward, Gain, Listen, Processing, Route, RouteTable
from antiphase.media.rtp import ReceptionStatistics, RtpPacket, unwrap_timestamp
from antiphase.media.session import MediaSession, SessionSettings
from antiphase.media.srtp import SrtpSession
from antiphase.media.stun import Address
from antiphase.media.tcp import is_tcp

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


def _packed(address: Address) -> tuple[bytes, int, bool]:
    host = ipaddress.ip_address(address[0].split("%", 1)[0])
    return host.packed, address[1], is_tcp(address)


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
        counts = self._loop.reception(self._stream)
        first, highest, received, duplicates, late, concealed, bad, repeats, jitter = counts
        self._first, self._highest = first, highest
        self.received, self.duplicates, self.late = received, duplicates, late
        self.repeats, self.jitter = repeats, jitter
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
        self.slot = carrier.loop.add_session(bool(settings.repeat))
        self.outputs: dict[str, int] = {}
        self.streams: dict[int, int] = {}
        self.timestamps: dict[int, int] = {}
        super().__init__(session_id, dtls, sections, settings, counters)

    def update_sections(self, sections: tuple[NegotiatedSection, ...]) -> None:
        """Take over sections; the loop lets go of codecs before they are freed."""
        codecs = (dict(self.incoming), dict(self.senders))
        super().update_sections(sections)
        for ssrc in set(self.streams) - set(self.incoming):
            self._remove_stream(ssrc)
        for mid in set(self.outputs) - set(self.senders):
            self.carrier.loop.remove_output(self.outputs.pop(mid))
        del codecs
        for mid in set(self.senders) - set(self.outputs):
            self.outputs[mid] = self._add_output(self.senders[mid])
        self.carrier.outputs_changed(self.session_id)

    def forget_stream(self, ssrc: int) -> None:
        """Drop a source, in the loop first."""
        self._remove_stream(ssrc)
        super().forget_stream(ssrc)

    def _remove_stream(self, ssrc: int) -> None:
        stream = self.streams.pop(ssrc, None)
        if stream is not None:
            self.carrier.loop.remove_stream(self.slot, ssrc)
            self.timestamps.pop(stream, None)

    def _add_output(self, sender: AudioSender) -> int:
        encoder = sender.encoder
        packet = RtpPacket(0, 0, 0, 0, b"", extensions=sender.extensions).encode()
        return self.carrier.loop.add_output(
            self.slot,
            sender.ssrc,
            sender.sequence,
            sender.timestamp & 0xFFFFFFFF,
            *self._numbers(sender.form, sender.fs),
            encoder.handle if isinstance(encoder, OpusEncoder) else 0,
            packet[12:],
        )

    def _numbers(self, form: AudioFormat, fs: int) -> tuple[int, int, int, int, int, bool]:
        return (
            _CODECS.index(form.kind),
            form.payload_type,
            form.clock_rate,
            fs,
            form.channels,
            form.kind in self.settings.repeat,
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
                *self._numbers(receiver.form, receiver.fs),
                decoder.handle if isinstance(decoder, OpusDecoder) else 0,
                self.settings.reorder,
            )
            self.streams[packet.ssrc] = stream
            receiver.statistics = _NativeStatistics(
                self.carrier.loop, stream, receiver.form.clock_rate
            )
            self.carrier.apply_routes(self, incoming.mid)
        return incoming

    def send_audio(self, mid: str, pcm: Signal) -> None:
        """Encode and send one frame; dropped before the connection and without such a section."""
        output = self.outputs.get(mid)
        if output is None or self.srtp is None:
            return
        check_channels(pcm, self.senders[mid].form.channels)
        frame = np.ascontiguousarray(pcm, dtype=np.float32)
        if not np.isfinite(frame).all():
            raise SignalError("frame holds NaN or Inf; pass the signal through the guard")
        if not self.carrier.loop.send_audio(output, frame):
            raise SignalError(f"a frame of {len(pcm)} samples does not fit the section's format")

    def resend(self, sender: AudioSender, sequence: int) -> None:
        """Send a packet again if the loop still has it."""
        output = next((self.outputs[m] for m, s in self.senders.items() if s is sender), None)
        if output is not None:
            self.carrier.loop.resend(output, sequence)

    def protect_rtcp(self, srtp: SrtpSession, packet: bytes) -> bytes:
        """Encrypt and sign a compound RTCP packet with the keys that the loop holds."""
        del srtp
        return self.carrier.loop.protect_rtcp(self.slot, packet)

    def set_bitrate(self, mid: str, encoder: OpusEncoder, bitrate: int) -> None:
        """Set the bitrate between two frames of the loop."""
        encoder.adopt_bitrate(bitrate)
        self.carrier.loop.set_bitrate(self.outputs[mid], bitrate)

    def count_sent(self) -> None:
        """Bring the senders' counts up to what the loop has sent."""
        for mid, output in self.outputs.items():
            sender = self.senders[mid]
            sender.packets, sender.octets, sender.timestamp, _ = self.carrier.loop.output_state(
                output
            )


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
        self._routes = RouteTable()
        self._by_name: dict[str, NativeSession] = {}

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
        self._by_name[session_id] = session
        self.outputs_changed(session_id)
        return session

    def drop_session(self, session: MediaSession) -> None:
        """Take a session out of the loop."""
        if isinstance(session, NativeSession):
            self.sessions.pop(session.slot, None)
            self._by_name.pop(session.session_id, None)
            self.loop.remove_session(session.slot)
            self._routes.drop(session.session_id)
            self.outputs_changed(session.session_id)

    def receive(self, packet: bytes, source: Address) -> None:
        """Take a packet of media that did not come through the loop's socket."""
        self.loop.receive(*_packed(source), packet, time.time_ns())

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
        # The loop may be in the old routes' cancellers until it has the new ones.
        before = self._routes.get(session.session_id, mid)
        self._routes.set(session.session_id, mid, routes)
        if isinstance(session, NativeSession):
            self.apply_routes(session, mid)
        del before

    def apply_routes(self, session: NativeSession, mid: str) -> None:
        """Give the loop the routes of one section, as far as their targets are there."""
        routes = self._routes.get(session.session_id, mid)
        heard = _LISTEN if routes is None else routes
        rows = [_row(route, self._output(route)) for route in heard]
        for ssrc, stream in session.streams.items():
            if session.incoming[ssrc].mid == mid:
                self.loop.set_routes(stream, rows)

    def _output(self, route: Route) -> int:
        target = self._by_name.get(route.session_id)
        return -1 if target is None else target.outputs.get(route.mid, -1)

    def outputs_changed(self, session_id: str) -> None:
        """Point routes that lead to a session to its outputs as they are now."""
        for source, mid in self._routes.leading_to(session_id):
            if source in self._by_name:
                self.apply_routes(self._by_name[source], mid)

    def counts(self) -> dict[str, int]:
        """Return what the loop has dropped, by the names of `Counters`."""
        counts = self.loop.counters()
        return {**counts, "outgoing_dropped": counts["send_failed"]}

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
        pcm = np.frombuffer(data, dtype=np.float32, offset=8)
        if receiver.form.channels > 1:
            pcm = pcm.reshape(-1, receiver.form.channels)
        wrapped = int.from_bytes(data[4:8], "little")
        timestamp = unwrap_timestamp(wrapped, session.timestamps.get(stream, wrapped))
        session.timestamps[stream] = timestamp
        frame = AudioFrame(pcm, receiver.fs, timestamp, concealed=bool(data[0]))
        return AudioReceived(session.session_id, incoming.mid, frame)


def _row(route: Route, output: int) -> tuple[int, int, float, object]:
    processing = route.processing
    return (
        output,
        _PROCESSING.index(type(processing)),
        processing.factor if isinstance(processing, Gain) else 1.0,
        processing.canceller.core if isinstance(processing, Clean) else None,
    )
