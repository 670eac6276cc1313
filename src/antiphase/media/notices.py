"""Log lines about what is dropped: one for each kind of attack, however many datagrams it has."""

from __future__ import annotations

import logging
from dataclasses import asdict

from antiphase.media.events import Counters

__all__ = ["Notices"]

_QUIET_SECONDS = 10.0

_WORDS = {
    "ungated": "datagrams from sources without an authenticated check",
    "stun_malformed": "malformed STUN messages",
    "stun_unknown": "STUN messages for no session of ours",
    "stun_unauthenticated": "STUN checks with a wrong password",
    "stun_replayed": "replayed STUN checks",
    "junk": "datagrams of no known kind from checked sources",
    "dtls_failed": "broken DTLS records or failed handshakes",
    "srtp_failed": "forged or broken SRTP packets",
    "srtp_replayed": "replayed SRTP packets",
    "rtp_unknown": "RTP packets of no section",
    "rtcp_malformed": "forged or malformed RTCP packets",
    "sctp_failed": "data channel packets against the rules",
    "sdp_refused": "offers refused",
    "unencodable": "frames that do not fit their target's format",
    "upward_dropped": "datagrams for which Python's queue was full",
    "outgoing_dropped": "datagrams that could not be sent",
}


class Notices:
    """Writes a warning when a counter has grown, at most one per counter in ten seconds.

    Neither addresses nor contents are logged: the first are forged in an attack, the second are
    nobody's business.

    Parameters
    ----------
    log : logging.Logger
        Where to.
    """

    def __init__(self, log: logging.Logger) -> None:
        self._log = log
        self._told = asdict(Counters())
        self._told_at: dict[str, float] = {}

    def report(self, counters: Counters, now: float) -> None:
        """Write what has grown since the last line about it.

        Parameters
        ----------
        counters : Counters
            As they stand.
        now : float
            Seconds on the driver's clock.
        """
        for name, count in asdict(counters).items():
            if count == self._told[name]:
                continue
            if now - self._told_at.get(name, float("-inf")) < _QUIET_SECONDS:
                continue
            self._log.warning("%d %s dropped (%s)", count - self._told[name], _WORDS[name], name)
            self._told[name], self._told_at[name] = count, now
