"""One peer: ICE, DTLS, SRTP, its incoming and outgoing audio, and the reports between."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from aiortc import rtp as aiortc_rtp

from antiphase.arrays import Signal
from antiphase.codecs import OpusEncoder
from antiphase.errors import ProtocolError
from antiphase.media.answer import NegotiatedSection
from antiphase.media.audio import AudioReceiver, AudioSender
from antiphase.media.bitrate import BitrateController, BitrateLimits
from antiphase.media.datachannel import DataChannels
from antiphase.media.dtls import DtlsTransport
from antiphase.media.events import AudioReceived, ChannelChanged, Connected, Counters, Event
from antiphase.media.payload import OpusSettings
from antiphase.media.reports import NTP_EPOCH, Incoming, write_report
from antiphase.media.rtp import RtcpPacket, RtpPacket, parse_rtcp
from antiphase.media.srtp import SrtpSession

__all__ = ["REPORT_SECONDS", "MediaSession", "SessionSettings"]

REPORT_SECONDS = 1.0
"""How often reports are sent."""

_MAX_STREAMS = 32


@dataclass(frozen=True)
class SessionSettings:
    """How a session codes audio.

    Parameters
    ----------
    opus : OpusSettings
        How Opus is encoded.
    opus_rate : int
        Rate in Hz of Opus samples on our side.
    reorder : int
        Packets that may wait for a missing one.
    bitrate : BitrateLimits
        Bounds of rate control.
    repeat : tuple of str
        Formats whose packets are sent once more just before the next one, so that a lost one comes
        a frame late; the peer may do the same.
    """

    opus: OpusSettings = field(default_factory=OpusSettings)
    opus_rate: int = 48000
    reorder: int = 0
    bitrate: BitrateLimits = field(default_factory=BitrateLimits)
    repeat: tuple[str, ...] = ()


class MediaSession:
    """State of one peer behind one endpoint.

    Parameters
    ----------
    session_id : str
    dtls : DtlsTransport
    sections : tuple of NegotiatedSection
        What was agreed.
    settings : SessionSettings
        How to code.
    counters : Counters
        Shared with the endpoint.
    """

    def __init__(
        self,
        session_id: str,
        dtls: DtlsTransport,
        sections: tuple[NegotiatedSection, ...],
        settings: SessionSettings,
        counters: Counters,
    ) -> None:
        self.session_id = session_id
        self.dtls = dtls
        self.settings = settings
        self.counters = counters
        self.srtp: SrtpSession | None = None
        self.channels: DataChannels | None = None
        self.sections: tuple[NegotiatedSection, ...] = ()
        self.senders: dict[str, AudioSender] = {}
        self.rates: dict[str, BitrateController] = {}
        self.round_trip_ms: float | None = None
        self.incoming: dict[int, Incoming] = {}
        self._outgoing: list[bytes] = []
        self._last_sent: dict[int, bytes] = {}
        self._report_at = 0.0
        self.reports = True
        """False where somebody else uses the keys (a load test's native sender)."""
        self.on_packet: Callable[[str, RtpPacket], None] | None = None
        self.decodes: Callable[[str], bool] = lambda _: True
        self.update_sections(sections)

    def update_sections(self, sections: tuple[NegotiatedSection, ...]) -> None:
        """Take over a (re)negotiated set of sections; streams that stay keep their state."""
        before = {s.offer.mid: s for s in self.sections if s.accepted}
        self.sections = tuple(
            replace(section, ssrc=before[section.offer.mid].ssrc)
            if section.offer.mid in before
            else section
            for section in sections
        )
        sending = {s.offer.mid: s for s in self.sections if s.sends and s.form is not None}
        for mid in set(self.senders) - set(sending):
            del self.senders[mid], self.rates[mid]
        for mid, section in sending.items():
            if mid not in self.senders and section.form is not None:
                extension = section.offer.mid_extension
                rate = BitrateController(self.settings.bitrate, self.settings.opus.bitrate)
                self.rates[mid] = rate
                self.senders[mid] = AudioSender(
                    section.form,
                    opus_rate=self.settings.opus_rate,
                    opus=replace(self.settings.opus, bitrate=rate.bitrate),
                    ssrc=section.ssrc,
                    extensions={extension: mid.encode()} if extension else None,
                )
        receiving = {s.offer.mid for s in self.sections if s.receives}
        self.incoming = {k: s for k, s in self.incoming.items() if s.mid in receiving}

    @property
    def connected(self) -> bool:
        """Whether media may flow."""
        return self.srtp is not None and not self.dtls.closed

    def take_outgoing(self) -> list[bytes]:
        """Return and clear the datagrams for the selected address."""
        outgoing, self._outgoing = self.dtls.take_outgoing() + self._outgoing, []
        return outgoing

    def receive_dtls(self, datagram: bytes, now: float) -> list[Event]:
        """Take a DTLS datagram.

        Raises
        ------
        ProtocolError
            If the association has failed for good.
        """
        data = self.dtls.receive(datagram)
        events: list[Event] = []
        if self.srtp is None and self.dtls.keys is not None:
            self.srtp = SrtpSession(self.dtls.keys)
            self.media_starts(self.srtp)
            events.append(Connected(self.session_id))
            if any(s.accepted and s.offer.kind == "application" for s in self.sections):
                self.channels = DataChannels(self.dtls.role, self.dtls.send, now)
        for packet in data:
            if self.channels is not None:
                self._guard_channels(self.channels.receive, packet, now)
        return events + self.channel_events()

    def media_starts(self, srtp: SrtpSession) -> None:
        """Do what a carrier of media needs once the keys are there (nothing here)."""

    def _guard_channels(self, call: Callable[..., None], *arguments: object) -> None:
        try:
            call(*arguments)
        except ProtocolError:
            self.counters.sctp_failed += 1

    def channel_events(self) -> list[Event]:
        """Return and clear what happened on the data channels."""
        if self.channels is None:
            return []
        return [ChannelChanged(self.session_id, e) for e in self.channels.poll_events()]

    def tick(self, now: float, wall: float) -> list[Event]:
        """Run what is due: data channel timers and reports."""
        if self.channels is not None:
            self._guard_channels(self.channels.tick, now)
        self.report(now, wall)
        return self.channel_events()

    def receive_rtp(self, datagram: bytes, now: float) -> list[Event]:
        """Take an SRTP datagram and return the audio frames that it completed."""
        if self.srtp is None:
            return []
        try:
            plain = self.srtp.unprotect(datagram)
            packet = None if plain is None else RtpPacket.parse(plain)
        except ProtocolError:
            self.counters.srtp_failed += 1
            return []
        if packet is None:
            self._count_copy(int.from_bytes(datagram[8:12]))
            return []
        stream = self.incoming.get(packet.ssrc) or self.new_stream(packet)
        if stream is None or packet.payload_type != stream.receiver.form.payload_type:
            self.counters.rtp_unknown += 1
            return []
        if self.on_packet is not None:
            self.on_packet(stream.mid, packet)
        if not self.decodes(stream.mid):
            stream.receiver.pass_over(packet, now)
            return []
        frames = stream.receiver.receive(packet, now)
        return [AudioReceived(self.session_id, stream.mid, frame) for frame in frames]

    def _count_copy(self, ssrc: int) -> None:
        """Count a repeat of the peer's, one for each packet, or else a replay."""
        stream = self.incoming.get(ssrc)
        repeats = stream is not None and stream.receiver.form.kind in self.settings.repeat
        if stream is None or not repeats or not stream.receiver.statistics.take_repeat():
            self.counters.srtp_replayed += 1

    def new_stream(self, packet: RtpPacket) -> Incoming | None:
        """Find the section of a new source: announced SSRC, else MID extension, else the format."""
        if len(self.incoming) >= _MAX_STREAMS:
            return None
        candidates = [s for s in self.sections if s.receives and s.form is not None]
        named = [s for s in candidates if packet.ssrc in s.offer.ssrcs] or [
            s
            for s in candidates
            if s.offer.mid_extension is not None
            and packet.extensions.get(s.offer.mid_extension) == s.offer.mid.encode()
        ]
        matching = [s for s in candidates if s.form and s.form.payload_type == packet.payload_type]
        section = named[0] if named else matching[0] if len(matching) == 1 else None
        if section is None or section.form is None:
            return None
        receiver = AudioReceiver(
            section.form, opus_rate=self.settings.opus_rate, reorder=self.settings.reorder
        )
        self.incoming[packet.ssrc] = Incoming(section.offer.mid, receiver)
        return self.incoming[packet.ssrc]

    def forget_stream(self, ssrc: int) -> None:
        """Drop the state of a source that has said goodbye; it may come again as a new one."""
        self.incoming.pop(ssrc, None)

    def send_audio(self, mid: str, pcm: Signal) -> None:
        """Encode and queue one frame; dropped before the connection and without such a section."""
        sender = self.senders.get(mid)
        if self.srtp is not None and sender is not None:
            self.send_packet(sender.send(pcm))

    def forward(self, mid: str, packet: RtpPacket) -> None:
        """Send a foreign packet on as ours; timestamps and sequence numbers keep their steps."""
        sender = self.senders.get(mid)
        if sender is not None:
            self.send_packet(sender.forward(packet))

    def send_packet(self, packet: RtpPacket) -> None:
        """Protect and queue a packet of one of our senders."""
        if self.srtp is None:
            return
        data = self.srtp.protect(packet.encode())
        sender = next((s for s in self.senders.values() if s.ssrc == packet.ssrc), None)
        if sender is not None and sender.form.kind in self.settings.repeat:
            last = self._last_sent.get(packet.ssrc)
            self._outgoing += [] if last is None else [last]
            self._last_sent[packet.ssrc] = data
        self._outgoing.append(data)

    def receiver(self, mid: str) -> AudioReceiver | None:
        """Return the newest incoming stream of a section."""
        found = [s.receiver for s in self.incoming.values() if s.mid == mid]
        return found[-1] if found else None

    def receive_rtcp(self, datagram: bytes, now: float, wall: float) -> None:
        """Take an SRTCP datagram."""
        if self.srtp is None:
            return
        try:
            plain = self.srtp.unprotect_rtcp(datagram)
        except ProtocolError:
            self.counters.rtcp_malformed += 1
            return
        self.take_rtcp(plain, now, wall)

    def take_rtcp(self, plain: bytes, now: float, wall: float) -> None:
        """Take a decrypted compound RTCP packet."""
        try:
            packets = parse_rtcp(plain)
        except ProtocolError:
            self.counters.rtcp_malformed += 1
            return
        for packet in packets:
            self._take_rtcp(packet, now, wall)

    def _take_rtcp(self, packet: RtcpPacket, now: float, wall: float) -> None:
        match packet:
            case aiortc_rtp.RtcpSrPacket(ssrc=ssrc, sender_info=info, reports=reports):
                stream = self.incoming.get(ssrc)
                if stream is not None:
                    stream.last_sr = info.ntp_timestamp >> 16 & 0xFFFFFFFF
                    stream.last_sr_at = now
                self._take_reports(reports, now, wall)
            case aiortc_rtp.RtcpRrPacket(reports=reports):
                self._take_reports(reports, now, wall)
            case aiortc_rtp.RtcpRtpfbPacket():
                self._retransmit(packet)
            case aiortc_rtp.RtcpPsfbPacket():
                self._take_estimate(packet)
            case aiortc_rtp.RtcpByePacket(sources=sources):
                for ssrc in sources:
                    self.forget_stream(ssrc)

    def _take_reports(
        self, reports: list[aiortc_rtp.RtcpReceiverInfo], now: float, wall: float
    ) -> None:
        for report in reports:
            mid = next((m for m, s in self.senders.items() if s.ssrc == report.ssrc), None)
            if mid is None:
                continue
            if report.lsr:
                middle = int((wall + NTP_EPOCH) * 65536) & 0xFFFFFFFF
                delay = (middle - report.lsr - report.dlsr & 0xFFFFFFFF) / 65536
                self.round_trip_ms = 1000 * delay if delay < 60 else None
            self._apply(mid, self.rates[mid].report(report.fraction_lost, now))

    def _take_estimate(self, packet: aiortc_rtp.RtcpPsfbPacket) -> None:
        if packet.fmt != aiortc_rtp.RTCP_PSFB_APP:
            return
        try:
            bitrate, ssrcs = aiortc_rtp.unpack_remb_fci(packet.fci)
        except (ValueError, struct.error):
            self.counters.rtcp_malformed += 1
            return
        for mid, sender in self.senders.items():
            if sender.ssrc in ssrcs:
                self._apply(mid, self.rates[mid].cap(bitrate))

    def _apply(self, mid: str, bitrate: int) -> None:
        encoder = self.senders[mid].encoder
        if isinstance(encoder, OpusEncoder) and encoder.bitrate != bitrate:
            self.set_bitrate(mid, encoder, bitrate)

    def set_bitrate(self, mid: str, encoder: OpusEncoder, bitrate: int) -> None:  # noqa: ARG002
        """Set the bitrate of a section's encoder."""
        encoder.bitrate = bitrate

    def _retransmit(self, packet: aiortc_rtp.RtcpRtpfbPacket) -> None:
        if packet.fmt != aiortc_rtp.RTCP_RTPFB_NACK:
            return
        for sender in self.senders.values():
            if sender.ssrc == packet.media_ssrc:
                for sequence in packet.lost[:64]:
                    self.resend(sender, sequence)

    def resend(self, sender: AudioSender, sequence: int) -> None:
        """Send a packet again if it is still kept."""
        again = sender.sent(sequence)
        if again is not None:
            self.send_packet(again)

    def report(self, now: float, wall: float) -> None:
        """Queue sender and receiver reports if they are due."""
        if self.srtp is None or not self.reports or now < self._report_at:
            return
        self._report_at = now + REPORT_SECONDS
        self.count_sent()
        packet = write_report(list(self.senders.values()), self.incoming, now, wall)
        self._outgoing.append(self.protect_rtcp(self.srtp, packet))

    def count_sent(self) -> None:
        """Bring the senders' counts up to date (they are, unless a carrier sends)."""

    def protect_rtcp(self, srtp: SrtpSession, packet: bytes) -> bytes:
        """Encrypt and sign a compound RTCP packet."""
        return srtp.protect_rtcp(packet)

    def goodbye(self) -> None:
        """Queue BYE and the DTLS closing alert."""
        if self.srtp is not None and self.senders:
            bye = bytes(aiortc_rtp.RtcpByePacket([s.ssrc for s in self.senders.values()]))
            ssrc = next(iter(self.senders.values())).ssrc
            empty = bytes(aiortc_rtp.RtcpRrPacket(ssrc=ssrc, reports=[]))
            self._outgoing.append(self.protect_rtcp(self.srtp, empty + bye))
        self.dtls.close()
