"""Audio streams over RTP: packets to frames with losses concealed, frames to packets.

No jitter buffer: a frame is handed over when its packet arrives. A gap is filled when the packet
after it arrives (forward error correction where the codec has it, else the codec's concealment), a
packet that comes later than that is dropped and counted. An optional reordering window holds
packets back until the missing one arrives or `reorder` newer ones have.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from dataclasses import dataclass

from antiphase.arrays import Signal
from antiphase.errors import SignalError
from antiphase.media.payload import AudioFormat, OpusSettings, check_channels
from antiphase.media.rtp import Arrival, ReceptionStatistics, RtpPacket, unwrap_timestamp

__all__ = ["AudioFrame", "AudioReceiver", "AudioSender"]

_MAX_GAP = 25
_HISTORY = 128


@dataclass(frozen=True)
class AudioFrame:
    """Decoded samples of one packet.

    Parameters
    ----------
    pcm : ndarray, shape (n,) or (n, channels)
        Full scale 1.0.
    fs : int
        Sample rate in Hz.
    timestamp : int
        RTP timestamp of the first sample, unwrapped to more than 32 bits.
    concealed : bool
        Whether the packet was lost and this is a stand-in.
    """

    pcm: Signal
    fs: int
    timestamp: int
    concealed: bool = False


class AudioReceiver:
    """One incoming stream.

    Parameters
    ----------
    form : AudioFormat
        What the peer sends.
    opus_rate : int
        Rate in Hz at which Opus is decoded.
    reorder : int
        How many newer packets may wait for a missing one; 0 hands over on arrival.
    """

    def __init__(self, form: AudioFormat, *, opus_rate: int = 48000, reorder: int = 0) -> None:
        self.form = form
        self.fs = form.sample_rate(opus_rate)
        self.statistics = ReceptionStatistics(form.clock_rate)
        self.concealed = 0
        self.undecodable = 0
        self.decoder = form.decoder(opus_rate)
        self._reorder = reorder
        self._next: int | None = None
        self._waiting: OrderedDict[int, RtpPacket] = OrderedDict()
        self._samples = 0
        self._timestamp = 0

    def receive(self, packet: RtpPacket, arrival: float) -> list[AudioFrame]:
        """Take a packet and return the frames that are ready, in order.

        Parameters
        ----------
        packet : RtpPacket
            Decrypted.
        arrival : float
            Seconds on the driver's clock.
        """
        sequence, kind = self.statistics.add(packet, arrival)
        if kind is Arrival.RESTART or self._next is None:
            self._next = sequence
            self._waiting.clear()
            self._timestamp = packet.timestamp
        if kind is Arrival.DUPLICATE or sequence < self._next:
            return []
        self._waiting[sequence] = packet
        frames: list[AudioFrame] = []
        while self._waiting:
            if self._next in self._waiting:
                frames += self._decode(self._waiting.pop(self._next))
                self._next += 1
            elif len(self._waiting) > self._reorder:
                frames += self._fill_gap()
            else:
                break
        return frames

    def pass_over(self, packet: RtpPacket, arrival: float) -> None:
        """Count a packet that nobody wants decoded; `receive` will begin anew."""
        self.statistics.add(packet, arrival)
        self._next = None

    def _fill_gap(self) -> list[AudioFrame]:
        """Conceal up to the oldest waiting packet; a long gap is skipped instead."""
        resume = min(self._waiting)
        first = self._next if self._next is not None else resume
        self._next = resume
        if resume - first > _MAX_GAP or self._samples == 0:
            return []
        frames = []
        for missing in range(first, resume):
            following = (self._waiting[resume].payload or None) if missing == resume - 1 else None
            try:
                pcm = self.decoder.conceal(self._samples, following)
            except SignalError:
                pcm = self.decoder.conceal(self._samples, None)
            self.concealed += 1
            ticks = self._samples * self.form.clock_rate // self.fs
            frames.append(AudioFrame(pcm, self.fs, self._timestamp + ticks, concealed=True))
            self._timestamp += ticks
        return frames

    def _decode(self, packet: RtpPacket) -> list[AudioFrame]:
        if not packet.payload:  # keeps the connection alive, is no frame
            return []
        try:
            pcm = self.decoder.decode(packet.payload)
        except SignalError:
            self.undecodable += 1
            return []
        self._samples = len(pcm)
        self._timestamp = unwrap_timestamp(packet.timestamp, self._timestamp)
        return [AudioFrame(pcm, self.fs, self._timestamp)]


class AudioSender:
    """One outgoing stream.

    Parameters
    ----------
    form : AudioFormat
        What the peer accepted.
    opus_rate : int
        Rate in Hz of the samples handed in, for Opus.
    opus : OpusSettings, optional
        How to encode Opus.
    ssrc : int, optional
        Random when not given.
    extensions : dict of int to bytes, optional
        Header extensions of every packet (the MID).
    """

    def __init__(
        self,
        form: AudioFormat,
        *,
        opus_rate: int = 48000,
        opus: OpusSettings | None = None,
        ssrc: int | None = None,
        extensions: dict[int, bytes] | None = None,
    ) -> None:
        self.form = form
        self.fs = form.sample_rate(opus_rate)
        self.ssrc = secrets.randbits(32) if ssrc is None else ssrc
        self.packets = 0
        self.octets = 0
        self.timestamp = secrets.randbits(31)
        self.encoder = form.encoder(opus_rate, opus)
        self.sequence = secrets.randbits(15)
        self.extensions = extensions or {}
        self._history: OrderedDict[int, RtpPacket] = OrderedDict()
        self._forwarding: tuple[int, int] | None = None

    def send(self, pcm: Signal) -> RtpPacket:
        """Encode one frame and return its packet.

        Parameters
        ----------
        pcm : ndarray, shape (n,) or (n, channels)
            At the sender's rate; the frame length must be one that the codec has.

        Raises
        ------
        SignalError
            If the frame does not fit the codec.
        """
        check_channels(pcm, self.form.channels)
        return self.send_encoded(self.encoder.encode(pcm), len(pcm))

    def send_encoded(self, payload: bytes, samples: int) -> RtpPacket:
        """Return the packet of a frame that another sender of this format has encoded."""
        packet = self.packetise(payload)
        self.timestamp += samples * self.form.clock_rate // self.fs
        return packet

    def forward(self, packet: RtpPacket) -> RtpPacket:
        """Return a foreign packet under our source: its steps in time and sequence are kept."""
        if self._forwarding is None:
            self._forwarding = (
                self.sequence - packet.sequence,
                self.timestamp - packet.timestamp,
            )
        self.sequence = packet.sequence + self._forwarding[0] & 0xFFFF
        self.timestamp = packet.timestamp + self._forwarding[1]
        return self.packetise(packet.payload, marker=packet.marker)

    def packetise(self, payload: bytes, *, marker: bool = False) -> RtpPacket:
        """Return the next packet around a payload that is already encoded."""
        packet = RtpPacket(
            self.form.payload_type,
            self.sequence,
            self.timestamp & 0xFFFFFFFF,
            self.ssrc,
            payload,
            marker or self.packets == 0,
            self.extensions,
        )
        self.sequence = (self.sequence + 1) & 0xFFFF
        self.packets += 1
        self.octets += len(payload)
        self._history[packet.sequence] = packet
        if len(self._history) > _HISTORY:
            self._history.popitem(last=False)
        return packet

    def sent(self, sequence: int) -> RtpPacket | None:
        """Return a packet sent lately, for a retransmission request."""
        return self._history.get(sequence)
