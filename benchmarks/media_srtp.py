"""What encrypting and signing costs by protection profile: one packet out and in, in libsrtp."""

from __future__ import annotations

import statistics
import time

from pylibsrtp._binding import ffi, lib

from antiphase.media.rtp import RtpPacket
from antiphase.media.srtp import PROFILES, SrtpKeys, SrtpProfile, SrtpSession

__all__ = ["srtp_figures"]

_PAYLOAD = 160  # 20 ms of Opus at 64 kb/s
_PACKETS = 20000
_ROUNDS = 5
_BUFFER = 2048


def srtp_figures() -> dict[str, float]:
    """Return the CPU time in µs of protecting and unprotecting a packet, profiles in turn."""
    packets = [RtpPacket(111, n, 960 * n, 7, bytes(_PAYLOAD)).encode() for n in range(_PACKETS)]
    costs: dict[bool, list[float]] = {True: [], False: []}
    for _ in range(_ROUNDS):
        for profile in PROFILES:
            costs[profile.name.endswith(b"GCM")].append(_out_and_in(profile, packets))
    gcm, cm = statistics.median(costs[True]), statistics.median(costs[False])
    return {
        "srtp_gcm_us": round(gcm, 3),
        "srtp_cm_us": round(cm, 3),
        "srtp_cm_vs_gcm": round(cm / gcm, 2),
    }


def _out_and_in(profile: SrtpProfile, packets: list[bytes]) -> float:
    """Return µs a packet, without what copying it in takes; two calls from Python are in it."""
    key = bytes(range(profile.key_bytes + profile.salt_bytes))
    other = key[::-1]
    sender = SrtpSession(SrtpKeys(profile, receive=other, send=key))
    receiver = SrtpSession(SrtpKeys(profile, receive=key, send=other))
    out = ffi.cast("srtp_t", sender.handles()[1])
    into = ffi.cast("srtp_t", receiver.handles()[0])
    buffer, size = ffi.new("char[]", _BUFFER), ffi.new("int *")
    begin = time.process_time()
    for packet in packets:
        ffi.memmove(buffer, packet, len(packet))
        size[0] = len(packet)
        if lib.srtp_protect(out, buffer, size) or lib.srtp_unprotect(into, buffer, size):
            raise RuntimeError("libsrtp refuses a packet of its own")
    middle = time.process_time()
    for packet in packets:
        ffi.memmove(buffer, packet, len(packet))
        size[0] = len(packet)
    end = time.process_time()
    return 1e6 * ((middle - begin) - (end - middle)) / len(packets)
