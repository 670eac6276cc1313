"""A client that carries the state, and asks the region where the edge does not answer.

The CDN does not fail over POST, so the client does: the same block under the same sequence number
and with the same state goes to the region. Both functions are pure in (state, block), so nothing is
lost or doubled whichever of them answered before.
"""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from antiphase.errors import ProtocolError
from antiphase.region.contract import JSON_TYPE, OCTET_TYPE, PLACES, Answer, Request
from antiphase.region.contract_binary import encode_request
from antiphase.region.wire import parse_answer

__all__ = ["EdgeClient", "NoAnswerError"]

PATH = "/anc-process"


class NoAnswerError(ProtocolError):
    """Neither the edge nor the region answered a block."""


def _refusal(status: int, payload: bytes) -> str:
    """Return why a function refuses a block, "" if another place may still take it.

    What stands before the functions (a CDN, a firewall) answers 4xx too, and the edge says 413 of
    what it is not shown whole.
    """
    try:
        values = json.loads(payload)
        where, reason = values["where"], values["error"]
    except (ValueError, KeyError, TypeError):
        return ""
    own = where in PLACES and 400 <= status < 500
    return str(reason) if own and (status, where) != (413, "edge") else ""


@dataclass
class _Place:
    url: str
    timeout_s: float
    connection: http.client.HTTPConnection | None = None

    def post(self, body: bytes) -> tuple[int, str, bytes]:
        parts = urlsplit(self.url)
        if self.connection is None:
            secure = parts.scheme == "https"
            kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
            self.connection = kind(parts.netloc, timeout=self.timeout_s)
        try:
            target = parts.path.rstrip("/") + PATH
            self.connection.request("POST", target, body, {"Content-Type": OCTET_TYPE})
            response = self.connection.getresponse()
            return response.status, response.headers.get("content-type", ""), response.read()
        except (OSError, http.client.HTTPException):
            self.close()
            raise

    def close(self) -> None:
        if self.connection is not None:
            self.connection.close()
            self.connection = None


class EdgeClient:
    """Sends blocks in order.

    Parameters
    ----------
    edge : str
        URL of the CDN, such as ``https://example.net``.
    region : str
        URL of the regional function.
    settings : Request
        How to process; its audio, state and sequence are replaced block by block.
    edge_timeout_s, region_timeout_s : float
        How long to wait for each.
    region_attempts : int
        How often the region is asked, at least once.
    """

    def __init__(
        self,
        edge: str,
        region: str,
        settings: Request,
        *,
        edge_timeout_s: float = 0.5,
        region_timeout_s: float = 5.0,
        region_attempts: int = 2,
    ) -> None:
        self._settings = settings
        edge_place = _Place(edge, edge_timeout_s)
        self._places = [edge_place, *[_Place(region, region_timeout_s)] * region_attempts]
        self._state = b""
        self._sequence = 0
        self.answered: dict[str, int] = {"edge": 0, "region": 0}
        self.failures: list[str] = []

    @property
    def sequence(self) -> int:
        """Number of the next block."""
        return self._sequence

    def process(self, audio: bytes, changes: Mapping[str, object] | None = None) -> Answer:
        """Return the answer for one block of PCM16; the state moves on only with an answer.

        Raises
        ------
        ProtocolError
            If the block is refused (4xx); it can be corrected and sent again.
        NoAnswerError
            If nobody answered.
        """
        values: dict[str, object] = {"audio": audio, "state": self._state, **(changes or {})}
        values["sequence"] = self._sequence
        body = encode_request(self._settings.changed(**values))
        faults = []
        for place in self._places:
            try:
                status, kind, payload = place.post(body)
                if status == 200:
                    answer = self._read(payload, kind)
                    break
                fault = f"status {status}"
            except (OSError, http.client.HTTPException, ValueError) as error:
                fault, status, payload = f"{type(error).__name__}: {error}", 0, b""
            reason = _refusal(status, payload)
            if reason:
                raise ProtocolError(f"block {self._sequence} was refused ({status}): {reason}")
            faults.append(fault)
            self.failures.append(fault)
        else:
            raise NoAnswerError(f"block {self._sequence} got no answer: {'; '.join(faults)}")
        self.answered[answer.where] += 1
        self._state = answer.state
        self._sequence += 1
        return answer

    def _read(self, payload: bytes, kind: str) -> Answer:
        answer = parse_answer(payload, kind or JSON_TYPE)
        if answer.sequence != self._sequence:
            raise ValueError(f"the answer is of block {answer.sequence}, not {self._sequence}")
        return answer

    def close(self) -> None:
        """Close the connections."""
        for place in self._places:
            place.close()
