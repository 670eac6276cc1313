"""Messages of the WebSocket: what is read and what is refused in one line."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphase.errors import ProtocolError
from antiphase.service.messages import Join, Offer, parse_message


def test_a_join_becomes_a_description() -> None:
    """Roles, rate and Ŝ arrive as the rooms take them."""
    text = json.dumps(
        {
            "type": "join",
            "device": "desk",
            "roles": [{"role": "error", "track": "0"}, {"role": "loudspeaker"}],
            "secondary_path_estimate": [0.0, 0.5],
            "rig": True,
        }
    )
    message = parse_message(text)
    assert isinstance(message, Join)
    description = message.description()
    assert description.role_names == ["error", "loudspeaker"]
    assert description.roles[0].track == "0"
    assert description.truth
    np.testing.assert_array_equal(description.secondary_path_estimate, [0.0, 0.5])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "null",
        '{"type":"join","roles":[{"role":"admin"}]}',
        '{"type":"join","fs":1}',
        '{"type":"join","secondary_path_estimate":[NaN]}',
        '{"type":"offer"}',
        '{"type":"truth","nr_db":1e9}',
        '{"type":"control","on":"maybe"}',
        '{"type":"consent","recording_id":"x"}',
        '{"sdp":"x"}',
        "[" * 2000,
    ],
)
def test_bad_messages_are_refused_in_one_line(text: str) -> None:
    """No exception but ours, no line break."""
    with pytest.raises(ProtocolError) as caught:
        parse_message(text)
    assert "\n" not in str(caught.value)


@given(st.text() | st.dictionaries(st.text(), st.integers() | st.text()).map(json.dumps))
def test_anything_is_read_or_refused(text: str) -> None:
    """Whatever comes, the parser raises nothing else."""
    try:
        parse_message(text)
    except ProtocolError:
        return


def test_an_offer_keeps_its_text() -> None:
    """SDP is not touched here."""
    message = parse_message(json.dumps({"type": "offer", "sdp": "v=0\r\n"}))
    assert message == Offer(type="offer", sdp="v=0\r\n")
