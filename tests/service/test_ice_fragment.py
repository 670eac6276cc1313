"""Fragments of session descriptions."""

from __future__ import annotations

import pytest

from antiphase.errors import ProtocolError
from antiphase.service.ice_fragment import (
    Fragment,
    entity_tag,
    fragment_of,
    parse_fragment,
    with_credentials,
)

ANSWER = """v=0
a=group:BUNDLE 0 1
m=audio 9 UDP/TLS/RTP/SAVPF 111
a=mid:0
a=ice-ufrag:abcd
a=ice-pwd:0123456789012345678901
a=candidate:1 1 udp 2130706431 127.0.0.1 8443 typ host
a=end-of-candidates
m=audio 9 UDP/TLS/RTP/SAVPF 111
a=ice-ufrag:abcd
""".replace("\n", "\r\n")


def test_an_answer_is_cut_down_to_a_fragment() -> None:
    """Credentials first, then the first section with its candidates, nothing else."""
    assert fragment_of(ANSWER).splitlines() == [
        "a=ice-ufrag:abcd",
        "a=ice-pwd:0123456789012345678901",
        "m=audio 9 UDP/TLS/RTP/SAVPF 111",
        "a=mid:0",
        "a=candidate:1 1 udp 2130706431 127.0.0.1 8443 typ host",
        "a=end-of-candidates",
    ]
    assert entity_tag(ANSWER) == '"abcd"'
    assert parse_fragment(fragment_of(ANSWER)) == Fragment("abcd", "0123456789012345678901")


def test_an_offer_gets_other_credentials_in_every_section() -> None:
    """All else stays as it was."""
    other = with_credentials(ANSWER, Fragment("efgh", "x" * 22))
    assert other.count("a=ice-ufrag:efgh\r\n") == 2
    assert other.count(f"a=ice-pwd:{'x' * 22}\r\n") == 1
    assert with_credentials(other, parse_fragment(ANSWER)) == ANSWER


@pytest.mark.parametrize(
    "text", ["", "a=ice-ufrag:abcd", "a=ice-ufrag:a b c\r\na=ice-pwd:" + "x" * 22]
)
def test_a_fragment_without_usable_credentials_is_refused(text: str) -> None:
    """One line says what is missing."""
    with pytest.raises(ProtocolError, match="no usable a=ice-ufrag"):
        parse_fragment(text)
