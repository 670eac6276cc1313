"""ICE-lite: checks, nomination, rebinding, role conflict, consent, forged requests."""

from __future__ import annotations

import pytest

from antiphase.media.ice import CONSENT_SECONDS, IceCredentials, IceLiteAgent, local_ufrag
from antiphase.media.stun import Attribute, Message, MessageClass, Method, decode_xor_address

HOME, AWAY = ("127.0.0.1", 4000), ("127.0.0.1", 4001)


@pytest.fixture
def agent() -> IceLiteAgent:
    """Return an agent that has seen no check yet."""
    return IceLiteAgent(IceCredentials.generate(), IceCredentials.generate(), now=0.0)


def check(agent: IceLiteAgent, *, nominate: bool = False, **attributes: bytes) -> Message:
    message = Message(Method.BINDING, MessageClass.REQUEST)
    name = f"{agent.local.ufrag}:{agent.remote.ufrag}"
    message.attributes[Attribute.USERNAME] = name.encode()
    message.attributes[Attribute.PRIORITY] = bytes(4)
    message.attributes[Attribute.ICE_CONTROLLING] = bytes(8)
    if nominate:
        message.attributes[Attribute.USE_CANDIDATE] = b""
    for key, value in attributes.items():
        message.attributes[Attribute[key]] = value
    return message


def ask(
    agent: IceLiteAgent,
    message: Message,
    source: tuple[str, int] = HOME,
    now: float = 1.0,
    key: bytes | None = None,
) -> Message | None:
    parsed = Message.parse(message.encode(key or agent.local.password.encode()))
    assert local_ufrag(parsed) == agent.local.ufrag
    answer = agent.handle(parsed, source, now)
    return Message.parse(answer) if answer else None


def test_a_check_is_answered_with_the_address_it_came_from(agent: IceLiteAgent) -> None:
    """The answer carries the mapped address under our password and selects the path."""
    answer = ask(agent, check(agent))
    assert answer is not None
    assert answer.message_class == MessageClass.SUCCESS
    assert answer.verify(agent.local.password.encode())
    value = answer.attributes[Attribute.XOR_MAPPED_ADDRESS]
    assert decode_xor_address(value, answer.transaction_id) == HOME
    assert agent.selected == HOME


def test_a_nomination_moves_the_path(agent: IceLiteAgent) -> None:
    """The newest nominating check wins; a later one from elsewhere is a NAT rebinding."""
    ask(agent, check(agent))
    ask(agent, check(agent, nominate=True), AWAY)
    assert (agent.selected, agent.rebindings) == (AWAY, 0)
    ask(agent, check(agent, nominate=True), HOME)
    assert (agent.selected, agent.rebindings) == (HOME, 1)


def test_a_plain_check_does_not_move_a_nominated_path(agent: IceLiteAgent) -> None:
    """Keep-alive checks on other paths are answered without moving media."""
    ask(agent, check(agent, nominate=True))
    ask(agent, check(agent), AWAY)
    assert agent.selected == HOME
    assert agent.knows(AWAY)


def test_a_peer_that_does_not_nominate_again_is_followed(agent: IceLiteAgent) -> None:
    """Two plain checks from a new address and none from the old one move the path, one does not."""
    ask(agent, check(agent, nominate=True), now=0.0)
    ask(agent, check(agent), AWAY, now=5.0)
    assert agent.selected == HOME
    ask(agent, check(agent), AWAY, now=10.0)
    assert agent.selected == AWAY
    assert agent.rebindings == 1


def test_a_second_path_that_is_kept_alive_moves_nothing(agent: IceLiteAgent) -> None:
    """As long as the nominated path is checked, however often the other is."""
    ask(agent, check(agent, nominate=True), now=0.0)
    for k in range(40):
        ask(agent, check(agent), AWAY, now=1.0 + k / 2)
        ask(agent, check(agent), AWAY, now=1.2 + k / 2)
        if k % 5 == 0:  # a browser's 2.5 s
            ask(agent, check(agent), HOME, now=1.3 + k / 2)
    assert agent.selected == HOME
    assert agent.rebindings == 0


def test_a_wrong_password_is_refused(agent: IceLiteAgent) -> None:
    """Without our password a request moves nothing and is counted."""
    answer = ask(agent, check(agent, nominate=True), key=b"guess")
    assert answer is not None
    assert answer.message_class == MessageClass.ERROR
    assert agent.selected is None
    assert not agent.knows(HOME)
    assert agent.bad_requests == 1


def test_a_controlled_peer_is_told_to_switch(agent: IceLiteAgent) -> None:
    """A lite agent never controls, so a peer that claims to be controlled gets 487."""
    message = check(agent)
    del message.attributes[Attribute.ICE_CONTROLLING]
    message.attributes[Attribute.ICE_CONTROLLED] = bytes(8)
    answer = ask(agent, message)
    assert answer is not None
    assert answer.attributes[Attribute.ERROR_CODE][2:4] == bytes([4, 87])


def test_unknown_required_attributes_get_420(agent: IceLiteAgent) -> None:
    """The answer lists what was not understood."""
    message = check(agent)
    message.attributes[0x7777] = b""
    answer = ask(agent, message)
    assert answer is not None
    assert answer.attributes[Attribute.ERROR_CODE][2:4] == bytes([4, 20])
    assert answer.attributes[Attribute.UNKNOWN_ATTRIBUTES] == b"\x77\x77"


def test_a_replayed_check_moves_nothing(agent: IceLiteAgent) -> None:
    """A recorded check from elsewhere opens no gate, moves no media and renews no consent."""
    recorded = check(agent, nominate=True)
    ask(agent, recorded, now=1.0)
    assert ask(agent, recorded, AWAY, now=20.0) is None
    assert (agent.selected, agent.rebindings, agent.replays) == (HOME, 0, 1)
    assert not agent.knows(AWAY)
    assert agent.expired(1.1 + CONSENT_SECONDS)


def test_a_retransmitted_check_is_answered_again(agent: IceLiteAgent) -> None:
    """A peer that missed our answer gets it again (RFC 8489 §6.3.1), which renews no consent."""
    message = check(agent, nominate=True)
    first = ask(agent, message, now=1.0)
    again = ask(agent, message, now=20.0)
    assert again == first
    assert agent.replays == 0
    assert agent.expired(1.1 + CONSENT_SECONDS)


def test_a_recorded_nomination_does_not_move_media_back(agent: IceLiteAgent) -> None:
    """After a rebinding the old address's check, replayed from there, changes nothing."""
    recorded = check(agent, nominate=True)
    ask(agent, recorded)
    ask(agent, check(agent, nominate=True), AWAY)
    assert ask(agent, recorded) is not None
    assert (agent.selected, agent.rebindings) == (AWAY, 1)


def test_what_is_remembered_of_checks_is_bounded(agent: IceLiteAgent) -> None:
    """An hour of checks costs 12 kB; the last thousand can't be replayed."""
    messages = [check(agent) for _ in range(3000)]
    for message in messages:
        ask(agent, message)
    assert len(agent._seen) == 12 * 1024
    assert all(ask(agent, m, AWAY) is None for m in messages[-1024:])


def test_consent_expires_without_checks(agent: IceLiteAgent) -> None:
    """Each authenticated check renews consent; silence ends it."""
    ask(agent, check(agent), now=20.0)
    assert not agent.expired(20.0 + CONSENT_SECONDS)
    assert agent.expired(20.1 + CONSENT_SECONDS)


def test_a_restart_refuses_the_old_credentials(agent: IceLiteAgent) -> None:
    """After an ICE restart only the new generation is answered; media keeps its path meanwhile."""
    old = check(agent)
    old_key = agent.local.password.encode()
    ask(agent, check(agent, nominate=True))
    agent.restart(IceCredentials.generate(), IceCredentials.generate(), now=2.0)
    answer = agent.handle(Message.parse(old.encode(old_key)), HOME, 2.0)
    assert answer is not None
    assert Message.parse(answer).message_class == MessageClass.ERROR
    assert agent.selected == HOME


def test_sources_are_bounded(agent: IceLiteAgent) -> None:
    """A peer that checks from ever new ports costs bounded memory and keeps its nominated path."""
    ask(agent, check(agent, nominate=True))
    for port in range(5000, 5100):
        ask(agent, check(agent), ("127.0.0.1", port))
    assert len(agent.sources) <= 16
    assert agent.knows(HOME)


def test_answers_to_us_are_ignored(agent: IceLiteAgent) -> None:
    """A lite agent asks nothing, so an answer is none of its business."""
    message = check(agent)
    message.message_class = MessageClass.SUCCESS
    parsed = Message.parse(message.encode(agent.local.password.encode()))
    assert agent.handle(parsed, HOME, 1.0) is None
