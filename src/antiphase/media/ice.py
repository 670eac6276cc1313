"""ICE (RFC 8445): a lite agent for the server (§2.5), a controlling one for our own clients.

The lite agent answers authenticated binding requests, learns from them where the peer is
(peer-reflexive addresses, so candidates in the peer's SDP are never needed), follows nominations
and NAT rebinding, and counts consent (RFC 7675): without a fresh check the session ends. A check
that has come before (a retransmission, or a recording in other hands) moves nothing. The agent
never sends a request and never connects out.
"""

from __future__ import annotations

import secrets
import struct
from dataclasses import dataclass, field

from antiphase.media.stun import (
    Address,
    Attribute,
    Message,
    MessageClass,
    Method,
    encode_error,
    encode_xor_address,
)

__all__ = [
    "CONSENT_SECONDS",
    "IceControllingAgent",
    "IceCredentials",
    "IceLiteAgent",
    "local_ufrag",
]

CONSENT_SECONDS = 30.0
"""Without an authenticated check for this long the session ends (RFC 7675 §5.1)."""

_KNOWN = frozenset(
    {
        Attribute.USERNAME,
        Attribute.PRIORITY,
        Attribute.USE_CANDIDATE,
        Attribute.ICE_CONTROLLING,
        Attribute.ICE_CONTROLLED,
    }
)
_MAX_SOURCES = 16
_SILENT_SECONDS = 3.0
_ID_BYTES = 12
_MAX_IDS = 1024


@dataclass(frozen=True)
class IceCredentials:
    """User name fragment and password of one side and one ICE generation."""

    ufrag: str
    password: str

    @classmethod
    def generate(cls) -> IceCredentials:
        """Return fresh random credentials (48 and 144 bits; RFC 8445 asks for 24 and 128)."""
        return cls(
            secrets.token_urlsafe(6).replace("-", "+").replace("_", "/"),
            secrets.token_urlsafe(18).replace("-", "+").replace("_", "/"),
        )


def local_ufrag(message: Message) -> str | None:
    """Return the receiver's ufrag of a binding request, which says whose session it is for."""
    name = message.attributes.get(Attribute.USERNAME)
    if name is None or message.method != Method.BINDING:
        return None
    return name.decode("ascii", "replace").partition(":")[0]


@dataclass
class IceLiteAgent:
    """Connectivity of one session.

    Parameters
    ----------
    local, remote : IceCredentials
        What we announced and what the peer's SDP announced.
    now : float
        Seconds on the driver's clock; consent counts from here until the first check.

    Attributes
    ----------
    selected : tuple of (str, int) or None
        Where to send media: the source of the newest nominating check (or of the first check until
        one nominates), or where the peer has gone since.
    rebindings, bad_requests, replays : int
        Moves of a nominated path; requests with a wrong password; checks that had come before and
        came from somewhere else.
    """

    local: IceCredentials
    remote: IceCredentials
    now: float
    selected: Address | None = None
    nominated: bool = False
    rebindings: int = 0
    bad_requests: int = 0
    replays: int = 0
    sources: dict[Address, float] = field(default_factory=dict)
    consent_at: float = field(init=False)
    _seen: bytearray = field(default_factory=bytearray, repr=False)

    def __post_init__(self) -> None:
        """Start the consent clock."""
        self.consent_at = self.now

    def restart(self, local: IceCredentials, remote: IceCredentials, now: float) -> None:
        """Begin a new generation (ICE restart); media goes on over the old path until a check."""
        self.local, self.remote = local, remote
        self.nominated = False
        self.consent_at = now
        self._seen.clear()  # nobody can replay what the old password signed

    def expired(self, now: float) -> bool:
        """Whether consent has run out."""
        return now - self.consent_at > CONSENT_SECONDS

    def knows(self, source: Address) -> bool:
        """Whether a source has passed an authenticated check."""
        return source in self.sources

    def handle(self, message: Message, source: Address, now: float) -> bytes | None:
        """Answer a binding request (or take an indication).

        Parameters
        ----------
        message : Message
            A parsed binding request whose USERNAME starts with our ufrag.
        source : tuple of (str, int)
            Where it came from.
        now : float
            Seconds on the driver's clock.

        Returns
        -------
        bytes or None
            The answer to send back to `source`; None where silence is right.
        """
        if message.message_class != MessageClass.REQUEST:
            return None
        expected = f"{self.local.ufrag}:{self.remote.ufrag}".encode()
        key = self.local.password.encode()
        if message.attributes.get(Attribute.USERNAME) != expected or not message.verify(key):
            self.bad_requests += 1
            return _error(message, 401, "Unauthorized", None)
        unknown = message.unknown_required(_KNOWN)
        if unknown:
            answer = message.answer(MessageClass.ERROR)
            answer.attributes[Attribute.ERROR_CODE] = encode_error(420, "Unknown Attribute")
            listed = b"".join(kind.to_bytes(2, "big") for kind in unknown)
            answer.attributes[Attribute.UNKNOWN_ATTRIBUTES] = listed
            return answer.encode(key)
        if Attribute.ICE_CONTROLLED in message.attributes:
            return _error(message, 487, "Role Conflict", key)
        if self._is_new(message.transaction_id):
            self._learn(source, now, nominate=Attribute.USE_CANDIDATE in message.attributes)
        elif not self.knows(source):
            self.replays += 1
            return None
        answer = message.answer(MessageClass.SUCCESS)
        mapped = encode_xor_address(source, message.transaction_id)
        answer.attributes[Attribute.XOR_MAPPED_ADDRESS] = mapped
        return answer.encode(key)

    def _is_new(self, transaction_id: bytes) -> bool:
        """Whether none of the last 1024 checks was this one; it is remembered from now on."""
        if transaction_id in self._seen:
            return False
        self._seen += transaction_id
        if len(self._seen) > _ID_BYTES * _MAX_IDS:
            del self._seen[:_ID_BYTES]
        return True

    def _learn(self, source: Address, now: float, *, nominate: bool) -> None:
        self.consent_at = now
        before = self.sources.pop(source, None)
        self.sources[source] = now
        if len(self.sources) > _MAX_SOURCES:
            oldest = next(address for address in self.sources if address != self.selected)
            del self.sources[oldest]
        if nominate or self.selected is None or self._has_moved(source, before):
            if self.nominated and self.selected not in {None, source}:
                self.rebindings += 1
            self.selected = source
        self.nominated = self.nominated or nominate

    def _has_moved(self, source: Address, before: float | None) -> bool:
        """Whether the peer has left the nominated path for this one without a word (RFC 7675).

        Consent checks need not nominate. So two of them in a row from elsewhere, the nominated path
        silent for longer than a browser ever is, show that the peer's address has changed.
        """
        if not self.nominated or self.selected in {None, source} or before is None:
            return False
        last = self.sources.get(self.selected, 0.0)
        return before > last and self.sources[source] - last > _SILENT_SECONDS


_CHECK_SECONDS = 0.05
_KEEPALIVE_SECONDS = 5.0
_HOST_PRIORITY = (110 << 24) | (65535 << 8) | 255


@dataclass
class IceControllingAgent:
    """The client's side towards a lite server: checks its candidates and nominates at once.

    Parameters
    ----------
    local, remote : IceCredentials
        Ours and the server's.
    candidates : tuple of (str, int)
        The server's addresses, most preferred first.
    now : float
        Seconds on the driver's clock.

    Attributes
    ----------
    selected : tuple of (str, int) or None
        The first candidate that answered.
    round_trip : float or None
        Seconds from the newest answered check to its answer.
    """

    local: IceCredentials
    remote: IceCredentials
    candidates: tuple[Address, ...]
    now: float
    selected: Address | None = None
    round_trip: float | None = None
    consent_at: float = field(init=False)
    _tie_breaker: bytes = field(default_factory=lambda: secrets.token_bytes(8))
    _pending: dict[bytes, tuple[Address, float]] = field(default_factory=dict)
    _next_check: float = field(init=False)

    def __post_init__(self) -> None:
        """Start the clocks."""
        self.consent_at = self._next_check = self.now

    def expired(self, now: float) -> bool:
        """Whether the server has not answered for the consent time."""
        return now - self.consent_at > CONSENT_SECONDS

    def check(self, now: float) -> list[tuple[bytes, Address]]:
        """Return the checks that are due: every 50 ms until one is answered, then every 5 s."""
        if now < self._next_check:
            return []
        connected = self.selected is not None
        self._next_check = now + (_KEEPALIVE_SECONDS if connected else _CHECK_SECONDS)
        targets = [self.selected] if self.selected is not None else list(self.candidates)
        return [(self._request(target, now), target) for target in targets]

    def _request(self, target: Address, now: float) -> bytes:
        message = Message(Method.BINDING, MessageClass.REQUEST)
        name = f"{self.remote.ufrag}:{self.local.ufrag}"
        message.attributes = {
            Attribute.USERNAME: name.encode(),
            Attribute.PRIORITY: struct.pack("!I", _HOST_PRIORITY),
            Attribute.ICE_CONTROLLING: self._tie_breaker,
            Attribute.USE_CANDIDATE: b"",
        }
        while len(self._pending) >= 64:
            self._pending.pop(next(iter(self._pending)))
        self._pending[message.transaction_id] = (target, now)
        return message.encode(self.remote.password.encode())

    def answer_request(self, message: Message, source: Address) -> bytes | None:
        """Answer a check of a full (not lite) server; None where the request is not for us."""
        expected = f"{self.local.ufrag}:{self.remote.ufrag}".encode()
        key = self.local.password.encode()
        if message.attributes.get(Attribute.USERNAME) != expected or not message.verify(key):
            return None
        answer = message.answer(MessageClass.SUCCESS)
        mapped = encode_xor_address(source, message.transaction_id)
        answer.attributes[Attribute.XOR_MAPPED_ADDRESS] = mapped
        return answer.encode(key)

    def take_answer(self, message: Message, source: Address, now: float) -> bool:
        """Take a message; True if it is a valid answer to one of our checks."""
        target, sent = self._pending.get(message.transaction_id, (None, now))
        if target != source or message.message_class != MessageClass.SUCCESS:
            return False
        if not message.verify(self.remote.password.encode()):
            return False
        del self._pending[message.transaction_id]
        self.consent_at, self.round_trip = now, now - sent
        self.selected = self.selected or source
        return True


def _error(message: Message, code: int, reason: str, key: bytes | None) -> bytes:
    answer = message.answer(MessageClass.ERROR)
    answer.attributes[Attribute.ERROR_CODE] = encode_error(code, reason)
    return answer.encode(key)
