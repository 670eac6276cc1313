"""TURN (RFC 8656): credentials that expire, and a client that reaches a server through a relay.

The server hands credentials to its clients; coturn checks them with the same secret
(``use-auth-secret``). The client speaks UDP to the relay and sends in indications; it does no I/O.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass

from antiphase.errors import ProtocolError, require
from antiphase.media.stun import (
    Address,
    Attribute,
    Message,
    MessageClass,
    Method,
    decode_xor_address,
    encode_xor_address,
)

__all__ = ["TurnClient", "TurnCredentials", "issue_credentials"]

_UDP = b"\x11\x00\x00\x00"
_RETRY_SECONDS = 0.5
_MAX_TRIES = 7
_REFRESH_SECONDS = 240.0
_MAX_WAITING = 64


@dataclass(frozen=True)
class TurnCredentials:
    """User name and password for a relay."""

    username: str
    password: str


def issue_credentials(
    secret: str, name: str, wall: float, *, lifetime_s: float = 3600.0
) -> TurnCredentials:
    """Return credentials that the relay takes until they expire.

    Parameters
    ----------
    secret : str
        Shared with the relay (coturn's ``static-auth-secret``).
    name : str
        Whom they are for; shows in the relay's log and quotas. No colon.
    wall : float
        Seconds since 1970.
    lifetime_s : float
        How long a new allocation may be made with them, above 0.

    Returns
    -------
    TurnCredentials
        User ``expiry:name``, password base64(HMAC-SHA1(secret, user)).

    Raises
    ------
    ParameterError
        If the name holds a colon, the secret is empty or the lifetime is not positive.
    """
    require(bool(secret), "secret", "empty", "a shared secret")
    require(":" not in name, "name", name, "without a colon")
    require(lifetime_s > 0, "lifetime_s", lifetime_s, "> 0")
    username = f"{int(wall + lifetime_s)}:{name}"
    digest = hmac.new(secret.encode(), username.encode(), hashlib.sha1).digest()
    return TurnCredentials(username, base64.b64encode(digest).decode())


@dataclass
class _Request:
    message: Message
    sent_at: float
    tries: int = 1
    peer: Address | None = None


class TurnClient:
    """One allocation on a relay, over UDP.

    Parameters
    ----------
    relay : tuple of (str, int)
        The relay's address.
    credentials : TurnCredentials
        From whoever runs it.

    Attributes
    ----------
    relayed : tuple of (str, int) or None
        Address under which peers see us, None until the relay has made the allocation.
    failed : str or None
        Why there will be none.
    """

    def __init__(self, relay: Address, credentials: TurnCredentials) -> None:
        self.relay = relay
        self.credentials = credentials
        self.relayed: Address | None = None
        self.failed: str | None = None
        self._renewals = 0  # of the nonce, since the relay last agreed
        self._realm = b""
        self._nonce = b""
        self._requests: dict[bytes, _Request] = {}
        self._permitted: dict[Address, float] = {}
        self._waiting: list[tuple[bytes, Address]] = []
        self._outgoing: list[bytes] = []
        self._refresh_at = float("inf")

    def start(self, now: float) -> None:
        """Ask for an allocation."""
        self._request(Method.ALLOCATE, {Attribute.REQUESTED_TRANSPORT: _UDP}, now)

    @property
    def _key(self) -> bytes:
        name = self.credentials.username.encode() + b":" + self._realm
        text = name + b":" + self.credentials.password.encode()
        return hashlib.md5(text, usedforsecurity=False).digest()  # the protocol's own choice

    def _request(
        self, method: int, attributes: dict[int, bytes], now: float, peer: Address | None = None
    ) -> None:
        message = Message(method, MessageClass.REQUEST, attributes=dict(attributes))
        if peer is not None:
            message.attributes[Attribute.XOR_PEER_ADDRESS] = encode_xor_address(
                peer, message.transaction_id
            )
        self._requests[message.transaction_id] = _Request(message, now, peer=peer)
        self._outgoing.append(self._encode(message))

    def _encode(self, message: Message) -> bytes:
        if not self._nonce:
            return message.encode()
        message.attributes |= {
            Attribute.USERNAME: self.credentials.username.encode(),
            Attribute.REALM: self._realm,
            Attribute.NONCE: self._nonce,
        }
        return message.encode(self._key)

    def send(self, datagram: bytes, peer: Address, now: float) -> None:
        """Send a datagram to a peer, as soon as the relay permits it; the oldest waiting go first.

        Before that at most 64 datagrams wait.
        """
        if self.relayed is None or peer not in self._permitted:
            self._waiting = [*self._waiting, (datagram, peer)][-_MAX_WAITING:]
            asked = any(r.peer == peer for r in self._requests.values())
            if self.relayed is not None and not asked:
                self._request(Method.CREATE_PERMISSION, {}, now, peer)
            return
        message = Message(Method.SEND, MessageClass.INDICATION)
        message.attributes = {
            Attribute.XOR_PEER_ADDRESS: encode_xor_address(peer, message.transaction_id),
            Attribute.DATA: datagram,
        }
        self._outgoing.append(message.encode(fingerprint=False))

    def receive(self, datagram: bytes, source: Address, now: float) -> list[tuple[bytes, Address]]:
        """Take a datagram of the relay and return what peers sent: datagrams and their senders.

        Datagrams of others, and malformed ones, give nothing.
        """
        if source != self.relay:
            return []
        try:
            message = Message.parse(datagram)
            if message.message_class == MessageClass.INDICATION:
                return self._take_data(message)
            request = self._requests.pop(message.transaction_id, None)
            if request is not None:
                self._take_answer(request, message, now)
        except (ProtocolError, KeyError):
            return []
        return []

    def _take_data(self, message: Message) -> list[tuple[bytes, Address]]:
        if message.method != Method.DATA:
            return []
        peer = decode_xor_address(
            message.attributes[Attribute.XOR_PEER_ADDRESS], message.transaction_id
        )
        return [(message.attributes[Attribute.DATA], peer)]

    def _take_answer(self, request: _Request, message: Message, now: float) -> None:
        if message.message_class == MessageClass.ERROR:
            self._take_error(request, message, now)
            return
        if not message.verify(self._key):
            self._requests[message.transaction_id] = request
            return
        self._renewals = 0
        if request.message.method == Method.ALLOCATE:
            self.relayed = decode_xor_address(
                message.attributes[Attribute.XOR_RELAYED_ADDRESS], message.transaction_id
            )
            self._refresh_at = now + _REFRESH_SECONDS
        elif request.peer is not None:
            self._permitted[request.peer] = now
        waiting, self._waiting = self._waiting, []
        for datagram, peer in waiting:
            self.send(datagram, peer, now)

    def _take_error(self, request: _Request, message: Message, now: float) -> None:
        value = message.attributes[Attribute.ERROR_CODE]
        code = 100 * (value[2] & 7) + value[3] if len(value) >= 4 else 0
        fresh = code == 438 or (code == 401 and not self._nonce)
        if fresh and Attribute.NONCE in message.attributes and self._renewals < _MAX_TRIES:
            self._renewals += 1
            self._nonce = message.attributes[Attribute.NONCE]
            self._realm = message.attributes.get(Attribute.REALM, self._realm)
            kept = {
                kind: content
                for kind, content in request.message.attributes.items()
                if kind in {Attribute.REQUESTED_TRANSPORT, Attribute.LIFETIME}
            }
            self._request(request.message.method, kept, now, request.peer)
        elif request.message.method == Method.ALLOCATE:
            reason = value[4:100].decode("utf-8", "replace")
            self.failed = f"the relay refuses an allocation: {code} {reason}"

    def tick(self, now: float) -> None:
        """Run what is due: retransmissions, and refreshing the allocation and permissions."""
        for key, request in list(self._requests.items()):
            if now - request.sent_at < _RETRY_SECONDS * 2 ** min(request.tries - 1, 3):
                continue
            if request.tries == _MAX_TRIES:
                del self._requests[key]
                if request.message.method == Method.ALLOCATE:
                    self.failed = "the relay does not answer"
                continue
            request.sent_at, request.tries = now, request.tries + 1
            self._outgoing.append(self._encode(request.message))
        if now >= self._refresh_at:
            self._refresh_at = now + _REFRESH_SECONDS
            self._request(Method.REFRESH, {}, now)
            for peer in self._permitted:
                self._request(Method.CREATE_PERMISSION, {}, now, peer)

    def close(self, now: float) -> None:
        """Give the allocation back."""
        if self.relayed is not None:
            self._request(Method.REFRESH, {Attribute.LIFETIME: bytes(4)}, now)
            self.relayed = None

    def poll_outgoing(self) -> list[bytes]:
        """Return and clear the datagrams for the relay."""
        outgoing, self._outgoing = self._outgoing, []
        return outgoing
