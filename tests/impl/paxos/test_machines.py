"""The machines one by one: what the paper asks of each, the caller's duties, and what each refuses."""

from __future__ import annotations

import random
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))
from paxos_network import prepare, promise

from impl.paxos import (
    Accept,
    Accepted,
    Acceptor,
    AcceptorState,
    Ballot,
    Config,
    ConfigError,
    Learner,
    Message,
    MessageError,
    Nack,
    Phase,
    Prepare,
    Promise,
    Proposal,
    Proposer,
    ProposerState,
    UsageError,
    explicit,
    majority,
    weighted,
)
from tests.impl.pictures import picture

NODES = (1, 2, 3)
LOW, HIGH = Ballot(1, 2), Ballot(2, 1)


def config(node: int, **more: Any) -> Config:
    return Config(node, NODES, NODES, NODES, **more)


def proposer(node: int = 1, **more: Any) -> Proposer:
    return Proposer(config(node, **more), random.Random(0).randrange)


def taken(machine: Any) -> tuple[Any, list[Message]]:
    """State and messages of a Ready whose duties are done."""
    ready = machine.ready()
    machine.advance()
    return ready.state, ready.messages


# --- The acceptor ("Paxos Made Simple", section 2.2)


def test_an_acceptor_promises_and_reports_its_highest_vote() -> None:
    vote = Proposal(LOW, b"x")
    acceptor = Acceptor(config(3), AcceptorState(LOW, vote))
    acceptor.step(prepare(2, 1, 3))
    assert taken(acceptor) == (AcceptorState(HIGH, vote), [Promise(HIGH, 3, 1, vote)])


def test_an_acceptor_votes_unless_it_has_promised_a_higher_ballot() -> None:
    acceptor = Acceptor(config(3))
    acceptor.step(Accept(LOW, 2, 3, b"x"))
    assert taken(acceptor) == (AcceptorState(LOW, Proposal(LOW, b"x")), [Accepted(LOW, 3, n, b"x") for n in NODES])
    acceptor.step(prepare(2, 1, 3))
    taken(acceptor)
    acceptor.step(Accept(LOW, 2, 3, b"x"))
    assert taken(acceptor) == (None, [Nack(LOW, 3, 2, HIGH)])


def test_a_refusal_carries_the_promised_ballot() -> None:
    acceptor = Acceptor(config(3), AcceptorState(HIGH))
    acceptor.step(prepare(1, 2, 3))
    assert taken(acceptor) == (None, [Nack(LOW, 3, 2, HIGH)])


def test_a_repeated_prepare_gets_the_same_promise_until_phase_2_has_begun() -> None:
    acceptor = Acceptor(config(3))
    for _ in range(2):
        acceptor.step(prepare(1, 2, 3))
        assert taken(acceptor)[1] == [Promise(LOW, 3, 2, None)]
    acceptor.step(Accept(LOW, 2, 3, b"x"))
    taken(acceptor)
    acceptor.step(prepare(1, 2, 3))
    assert not acceptor.has_ready()


def test_a_repeated_accept_gets_the_same_votes_for_learners_that_missed_them() -> None:
    acceptor = Acceptor(config(3))
    for state in (AcceptorState(LOW, Proposal(LOW, b"x")), None):
        acceptor.step(Accept(LOW, 2, 3, b"x"))
        assert taken(acceptor) == (state, [Accepted(LOW, 3, n, b"x") for n in NODES])


def test_a_state_that_no_acceptor_can_be_in_is_refused() -> None:
    with pytest.raises(ConfigError, match="is above the highest ballot taken part in"):
        Acceptor(config(3), AcceptorState(LOW, Proposal(HIGH, b"x")))


# --- The proposer


def test_a_proposer_asks_all_acceptors_for_promises() -> None:
    p = proposer()
    p.propose(b"mine")
    first = Ballot(1, 1)
    assert taken(p) == (ProposerState(1), [Prepare(first, 1, a) for a in NODES])


def test_a_proposer_proposes_its_own_value_where_no_vote_is_reported() -> None:
    p = proposer()
    p.propose(b"mine")
    taken(p)
    for a in (1, 2):
        p.step(promise(a, Ballot(1, 1)))
    assert taken(p)[1] == [Accept(Ballot(1, 1), 1, a, b"mine") for a in NODES]


def test_a_proposer_adopts_the_value_of_the_highest_vote() -> None:
    p = Proposer(config(1), random.Random(0).randrange, ProposerState(2))
    p.propose(b"mine")
    taken(p)
    ballot = Ballot(3, 1)
    p.step(promise(3, ballot, Proposal(Ballot(2, 2), b"later")))
    p.step(promise(2, ballot, Proposal(Ballot(1, 3), b"earlier")))
    assert {m.value for m in taken(p)[1] if isinstance(m, Accept)} == {b"later"}


def test_a_refused_proposer_waits_and_begins_a_ballot_above_the_promised_one() -> None:
    p = proposer(backoff_ticks=8)
    p.propose(b"mine")
    taken(p)
    p.step(Nack(Ballot(1, 1), 2, 1, Ballot(7, 3)))
    assert p.phase is Phase.BACKING_OFF
    ticks = 0
    while not p.has_ready():
        p.tick()
        ticks += 1
    assert taken(p)[1] == [Prepare(Ballot(8, 1), 1, a) for a in NODES]
    assert 1 <= ticks <= 8


def test_waits_are_drawn_from_a_range_that_doubles() -> None:
    asked: list[int] = []
    p = Proposer(config(1, backoff_ticks=4), lambda stop: asked.append(stop) or 0)
    p.propose(b"mine")
    for round_ in range(1, 9):
        p.step(Nack(Ballot(round_, 1), 2, 1, Ballot(round_, 3)))
        p.tick()
    assert asked == [4, 8, 16, 32, 64, 128, 256, 256]


def test_a_proposer_asks_again_whoever_has_not_answered() -> None:
    p = proposer(retry_ticks=2)
    p.propose(b"mine")
    taken(p)
    p.step(promise(2, Ballot(1, 1)))
    p.tick()
    assert not p.has_ready()
    p.tick()
    assert taken(p)[1] == [Prepare(Ballot(1, 1), 1, a) for a in (1, 3)]


def test_a_proposer_knows_when_its_value_is_chosen() -> None:
    p = proposer()
    p.propose(b"mine")
    for a in (1, 2):
        p.step(promise(a, Ballot(1, 1)))
    p.step(Accepted(Ballot(1, 1), 1, 1, b"mine"))
    p.step(Accepted(Ballot(1, 1), 1, 1, b"mine"))  # twice the same acceptor
    assert p.chosen is None
    p.step(Accepted(Ballot(1, 1), 3, 1, b"mine"))
    assert (p.chosen, p.phase) == (Proposal(Ballot(1, 1), b"mine"), Phase.DONE)
    taken(p)
    p.tick()
    assert not p.has_ready()


# --- The learner


def test_a_value_is_chosen_by_a_quorum_in_one_ballot() -> None:
    learner = Learner(config(1))
    learner.step(Accepted(LOW, 1, 1, b"x"))
    learner.step(Accepted(HIGH, 2, 1, b"x"))
    assert learner.chosen is None
    learner.step(Accepted(HIGH, 3, 1, b"x"))
    assert learner.chosen == Proposal(HIGH, b"x")


def test_two_values_in_one_ballot_are_nothing_that_a_correct_node_sends() -> None:
    learner = Learner(config(1))
    learner.step(Accepted(LOW, 1, 1, b"x"))
    with pytest.raises(MessageError, match="a ballot has one value"):
        learner.step(Accepted(LOW, 2, 1, b"y"))
    learner.step(Accepted(LOW, 3, 1, b"x"))
    assert learner.chosen == Proposal(LOW, b"x")


# --- The caller's duties, by number


def test_duty_1_the_state_stands_beside_the_messages_that_depend_on_it() -> None:
    acceptor = Acceptor(config(3))
    acceptor.step(prepare(1, 2, 3))
    ready = acceptor.ready()
    assert ready.state == AcceptorState(LOW)
    assert ready.messages
    # A vote that comes up meanwhile waits for the next Ready, whose state covers it.
    acceptor.step(Accept(LOW, 2, 3, b"x"))
    assert all(isinstance(m, Promise) for m in ready.messages)
    acceptor.advance()
    assert acceptor.ready().state == AcceptorState(LOW, Proposal(LOW, b"x"))


def test_duty_2_one_ready_at_a_time() -> None:
    acceptor = Acceptor(config(3))
    with pytest.raises(UsageError, match="no Ready to confirm"):
        acceptor.advance()
    acceptor.ready()
    assert not acceptor.has_ready()
    with pytest.raises(UsageError, match="call advance"):
        acceptor.ready()


def test_duty_3_a_restarted_proposer_uses_no_ballot_twice() -> None:
    p = proposer()
    p.propose(b"mine")
    state, _ = taken(p)
    again = Proposer(config(1), random.Random(0).randrange, state)
    again.propose(b"other")
    assert {m.ballot for m in taken(again)[1]} == {Ballot(2, 1)}


def test_duty_3_a_restarted_acceptor_keeps_its_promise() -> None:
    acceptor = Acceptor(config(3))
    acceptor.step(prepare(2, 1, 3))
    state, _ = taken(acceptor)
    again = Acceptor(config(3), state)
    again.step(Accept(LOW, 2, 3, b"x"))
    assert taken(again)[1] == [Nack(LOW, 3, 2, HIGH)]


# --- What is refused


def test_messages_of_unknown_senders_are_ignored_and_counted() -> None:
    acceptor = Acceptor(config(3))
    acceptor.step(prepare(1, 9, 3))
    assert (acceptor.ignored_messages, acceptor.has_ready(), acceptor.state) == (1, False, AcceptorState())


@pytest.mark.parametrize(
    ("message", "field"),
    [
        (Prepare((1, 2), 2, 3), "ballot"),
        (Prepare(Ballot(0, 2), 2, 3), "ballot"),
        (Prepare(Ballot(1 << 63, 2), 2, 3), "ballot"),
        (Prepare(LOW, 1, 3), "ballot"),
        (Prepare(LOW, 2, 4), "receiver"),
        (Accept(LOW, 2, 3, "text"), "value"),
        (Accept(LOW, True, 3, b""), "sender"),
        (Promise(LOW, 3, 3, None), "type"),
        ("a string", "type"),
    ],
)
def test_a_malformed_message_names_its_field_and_changes_nothing(message: Any, field: str) -> None:
    acceptor = Acceptor(config(3))
    before = picture(acceptor)
    with pytest.raises(MessageError) as caught:
        acceptor.step(message)
    assert caught.value.field == field
    assert picture(acceptor) == before


def test_a_promise_reports_only_votes_below_its_ballot() -> None:
    with pytest.raises(MessageError, match="highest_vote: its .* is not below"):
        proposer().step(promise(2, Ballot(1, 1), Proposal(Ballot(1, 1), b"x")))


anything = st.one_of(st.none(), st.integers(), st.binary(), st.text(), st.builds(Ballot, st.integers(), st.integers()))


@given(kind=st.sampled_from([Prepare, Promise, Accept, Accepted, Nack]), fields=st.lists(anything, min_size=4, max_size=4), takes=st.booleans())
def test_whatever_arrives_is_taken_or_refused_with_a_message_error(kind: Any, fields: list[Any], takes: bool) -> None:
    machine: Any = Acceptor(config(3)) if takes else proposer()
    message, before = kind(*fields[: len(kind.__dataclass_fields__)]), picture(machine)
    try:
        machine.step(message)
    except MessageError:
        assert picture(machine) == before


def test_one_value_a_proposer() -> None:
    p = proposer()
    with pytest.raises(UsageError, match="str is not bytes"):
        p.propose("text")
    p.propose(b"mine")
    with pytest.raises(UsageError, match="one value to choose"):
        p.propose(b"another")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"id": 9}, "neither proposer nor acceptor nor learner"),
        ({"acceptors": (1, 1)}, "acceptors: .* must be distinct"),
        ({"retry_ticks": 0}, "retry_ticks: 0 must be at least 1"),
        ({"quorums": lambda present: False}, "are no quorum"),
    ],
)
def test_a_configuration_that_cannot_work_is_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Config(**{"id": 1, "proposers": NODES, "acceptors": NODES, "learners": NODES} | fields)


def test_quorum_systems() -> None:
    assert [majority(NODES)(frozenset(range(1, n + 1))) for n in range(4)] == [False, False, True, True]
    assert not majority(NODES)({1, 8, 9})
    assert weighted({1: 3, 2: 1, 3: 1})({1})
    assert not weighted({1: 3, 2: 1, 3: 1})({2, 3})
    assert explicit([1, 2], [2, 3])({2, 3})
    with pytest.raises(ConfigError, match="have no member in common"):
        explicit([1], [2, 3])
    with pytest.raises(ConfigError, match="at least one"):
        explicit()
    with pytest.raises(ConfigError, match="weights"):
        weighted({1: 0})
