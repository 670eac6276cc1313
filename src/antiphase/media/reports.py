"""Sender and receiver reports of one peer (RFC 3550 §6.4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aiortc import rtp as aiortc_rtp

from antiphase.media.audio import AudioReceiver, AudioSender

__all__ = ["NTP_EPOCH", "Incoming", "write_report"]

NTP_EPOCH = 2208988800
"""Seconds from 1900, where NTP begins to count, to 1970."""

_MAX_BLOCKS = 31


@dataclass
class Incoming:
    """One incoming stream of a section and the sender reports about it."""

    mid: str
    receiver: AudioReceiver
    last_sr: int = 0
    last_sr_at: float = 0.0


def write_report(
    senders: Sequence[AudioSender], incoming: Mapping[int, Incoming], now: float, wall: float
) -> bytes:
    """Return a compound packet about all streams of a peer.

    It has a sender report for each stream that has sent, else an empty receiver report. What is
    said about incoming streams goes with the first report; our name comes last.

    Parameters
    ----------
    senders : sequence of AudioSender
        Our streams.
    incoming : mapping of int to Incoming
        The peer's streams by source; at most 31 are reported on.
    now : float
        Seconds on the driver's clock.
    wall : float
        Seconds since 1970.
    """
    blocks = [
        stream.receiver.statistics.report(
            ssrc,
            stream.last_sr,
            # Whoever passes the clock in may be a moment behind the packet's arrival.
            int(min(max(0.0, now - stream.last_sr_at), 65535.0) * 65536) if stream.last_sr else 0,
        )
        for ssrc, stream in list(incoming.items())[:_MAX_BLOCKS]
    ]
    ntp = int((wall + NTP_EPOCH) * 2**32) & (2**64 - 1)
    packets: list[bytes] = []
    for sender in senders:
        if sender.packets:
            info = aiortc_rtp.RtcpSenderInfo(
                ntp, sender.timestamp & 0xFFFFFFFF, sender.packets, sender.octets & 0xFFFFFFFF
            )
            packets.append(bytes(aiortc_rtp.RtcpSrPacket(sender.ssrc, info, blocks)))
            blocks = []
    ours = senders[0].ssrc if senders else 1
    if blocks or not packets:
        packets.append(bytes(aiortc_rtp.RtcpRrPacket(ssrc=ours, reports=blocks)))
    source = aiortc_rtp.RtcpSourceInfo(ssrc=ours, items=[(1, b"antiphase")])
    packets.append(bytes(aiortc_rtp.RtcpSdesPacket(chunks=[source])))
    return b"".join(packets)
