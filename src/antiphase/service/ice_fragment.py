"""Fragments of session descriptions, as WHIP's PATCH carries them (RFC 8840, RFC 9725)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from antiphase.errors import ProtocolError

__all__ = ["Fragment", "entity_tag", "fragment_of", "parse_fragment", "with_credentials"]

_CREDENTIALS = re.compile(r"^a=(ice-ufrag|ice-pwd):([^\r\n]*)", re.MULTILINE)
_KEPT = ("ice-ufrag:", "ice-pwd:", "candidate:", "end-of-candidates")
# RFC 8839, section 5.4.
_UFRAG = re.compile(r"[A-Za-z0-9+/]{4,256}")
_PASSWORD = re.compile(r"[A-Za-z0-9+/]{22,256}")


@dataclass(frozen=True)
class Fragment:
    """What a peer says of its side.

    Attributes
    ----------
    ufrag, password : str
        Of its ICE generation.
    """

    ufrag: str
    password: str


def parse_fragment(text: str) -> Fragment:
    """Read a fragment; its candidates are not needed, since a lite agent answers to checks.

    Raises
    ------
    ProtocolError
        If it has no credentials or they are not of the right form.
    """
    found = {name: value.strip() for name, value in _CREDENTIALS.findall(text)}
    ufrag, password = found.get("ice-ufrag", ""), found.get("ice-pwd", "")
    if not _UFRAG.fullmatch(ufrag) or not _PASSWORD.fullmatch(password):
        raise ProtocolError("the fragment has no usable a=ice-ufrag and a=ice-pwd")
    return Fragment(ufrag, password)


def with_credentials(offer: str, fragment: Fragment) -> str:
    """Return an offer of another ICE generation, the same otherwise."""
    values = {"ice-ufrag": fragment.ufrag, "ice-pwd": fragment.password}
    return _CREDENTIALS.sub(lambda found: f"a={found[1]}:{values[found[1]]}", offer)


def fragment_of(answer: str) -> str:
    """Return credentials and candidates of an answer's first section as a fragment."""
    lines = answer.splitlines()
    first = next((k for k, line in enumerate(lines) if line.startswith("m=")), len(lines))
    later = lines[first + 1 :]
    end = next((k for k, line in enumerate(later) if line.startswith("m=")), len(later))
    kept = [line for line in later[:end] if line.startswith(tuple(f"a={k}" for k in _KEPT))]
    names = [line for line in later[:end] if line.startswith("a=mid:")]
    head = [line for line in kept if "ice-" in line]
    rest = [line for line in kept if "ice-" not in line]
    return "\r\n".join([*head, *lines[first : first + 1], *names, *rest]) + "\r\n"


def entity_tag(answer: str) -> str:
    """Return what identifies the ICE session that an answer begins."""
    found = dict(_CREDENTIALS.findall(answer))
    return f'"{found.get("ice-ufrag", "").strip()}"'
