"""A node by itself and in a well-behaved cluster: what Multi-Paxos promises, the caller's duties, and what is refused."""

from __future__ import annotations

import random
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))
from log_network import pieces, settle, well

from impl.multi_paxos import (
    NOOP,
    Accept,
    Accepted,
    Ballot,
    Behind,
    Commands,
    Commit,
    Config,
    ConfigError,
    Log,
    MemoryStorage,
    Message,
    MessageError,
    Nack,
    Node,
    NotLeader,
    Overloaded,
    Prepare,
    Promise,
    Propose,
    ReadState,
    Ready,
    Role,
    Run,
    UsageError,
    Vote,
    VotedUpTo,
    WhatWasVoted,
    weighted,
)
from impl.multi_paxos.messages import _RULES, _consistency, _is_plain
from impl.paxos import checks
from tests.impl.pictures import picture

MEMBERS = (1, 2, 3)
FIRST, SECOND = Ballot(1, 1), Ballot(2, 2)


def node(id_: int = 3, storage: MemoryStorage | None = None, applied: int = 0, **settings: Any) -> Node:
    return Node(Config(id_, MEMBERS, **settings), random.Random(0).randrange, storage, applied)


def done(n: Node) -> Ready:
    """A Ready whose duties are done."""
    ready = n.ready()
    n.advance()
    return ready


def stored(max_bal: Ballot, *runs: Run, commit_index: int = 0) -> MemoryStorage:
    disk = MemoryStorage()
    disk.write(Ready(max_bal, list(runs), commit_index, [], [], None))
    return disk


def kinds(messages: list[Message]) -> list[str]:
    return [type(m).__name__ for m in messages]


def candidate(n: Node) -> Ballot:
    """Let it stand for election; its ballot."""
    while n.role is not Role.CANDIDATE:
        n.tick()
    ready = done(n)
    assert ready.max_bal is not None
    return ready.max_bal


def leader(**settings: Any) -> Node:
    """Node 1, leading ballot 1 with node 2's promise."""
    n = node(1, **settings)
    n.step(Promise(candidate(n), 2, 1, 1, []))
    done(n)
    return n


# --- The stable leader


def test_a_command_takes_one_round_trip() -> None:
    network = well()
    network.propose_at(1, [b"x"])
    assert kinds(settle(network)) == ["Accept"] * 2 + ["Accepted"] * 2 + ["Commit"] * 2
    assert [h.applied for h in network.hosts.values()] == [[b"x"]] * 3


def test_a_batch_takes_as_many_messages_as_a_command() -> None:
    network = well(max_batch_bytes=1000)
    network.propose_at(1, [b"%d" % i for i in range(100)])
    assert len(settle(network)) == 6
    assert network.hosts[3].applied == [b"%d" % i for i in range(100)]


def test_proposals_between_two_readies_travel_together_within_the_limit_of_bytes() -> None:
    n = leader(max_batch_bytes=4)
    assert [n.propose(c) for c in (b"aa", b"bb", b"c", b"too long", b"d")] == [1, 2, 3, 4, 5]
    runs = done(n).votes
    assert runs == [Run(FIRST, 1, [b"aa", b"bb"]), Run(FIRST, 3, [b"c"]), Run(FIRST, 4, [b"too long"]), Run(FIRST, 5, [b"d"])]


def test_slots_are_proposed_without_waiting_and_chosen_in_any_order_but_committed_in_theirs() -> None:
    n = leader()
    for command in (b"a", b"b"):
        n.propose(command)
        done(n)
    n.step(Accepted(FIRST, 2, 1, 2, 2, 0))
    assert n.commit_index == 0
    n.step(Accepted(FIRST, 3, 1, 1, 1, 0))
    assert done(n).committed == Commands(1, [b"a", b"b"])


def test_what_is_not_answered_is_sent_again_at_the_heartbeat_to_those_who_have_not() -> None:
    n = leader(heartbeat_ticks=2)
    n.propose(b"a")
    done(n)
    n.tick()
    assert not n.has_ready()
    n.tick()
    assert kinds(done(n).messages) == ["Commit", "Commit", "Accept", "Accept"]


# --- A new leader


def test_phase_1_covers_all_open_slots_and_gaps_are_filled_with_noops() -> None:
    disk = stored(FIRST, Run(FIRST, 1, [b"a", b"b"]), Run(FIRST, 5, [b"e"]), commit_index=1)
    n = node(3, disk, applied=1)
    ballot = candidate(n)
    assert ballot == Ballot(2, 3)
    n.step(Promise(ballot, 2, 3, 2, [Vote(4, FIRST, b"d")]))
    assert n.role is Role.LEADER
    assert done(n).votes == [Run(ballot, 2, [b"b", NOOP, b"d", b"e"])]


def test_of_several_votes_in_a_slot_the_highest_is_proposed_again() -> None:
    n = node(3, stored(FIRST, Run(FIRST, 1, [b"old"])))
    n.step(Nack(Ballot(9, 3), 1, 3, Ballot(9, 9)))  # answers a ballot that it does not lead
    ballot = candidate(n)
    with pytest.raises(MessageError):
        n.step(Promise(ballot, 2, 3, 1, [Vote(1, ballot, b"not below")]))
    n = node(3, stored(SECOND, Run(FIRST, 1, [b"old"])))
    ballot = candidate(n)
    n.step(Promise(ballot, 2, 3, 1, [Vote(1, SECOND, b"new")]))
    assert done(n).votes == [Run(ballot, 1, [b"new"])]


def test_a_follower_that_missed_much_catches_up_by_voting() -> None:
    network = well(max_batch_bytes=30)
    for i in range(50):
        network.propose_at(1, [b"%d" % i])
        settle(network, without=(3,))
    assert network.hosts[3].applied == []
    for _ in range(2):
        network.hosts[1].node.tick()
    seen = settle(network)
    assert kinds(seen).count("Behind") == 1, "it asks once, and the leader goes on"
    assert network.hosts[3].applied == [b"%d" % i for i in range(50)]


def test_a_commit_index_is_believed_only_of_votes_in_the_leaders_ballot() -> None:
    n = node(3, stored(FIRST, Run(FIRST, 1, [b"perhaps not chosen"])))
    n.step(Commit(SECOND, 2, 3, 1))
    assert n.commit_index == 0
    assert done(n).messages == [Behind(SECOND, 3, 2, 0)]
    n.step(Accept(SECOND, 2, 3, 1, [b"chosen"], 1))
    assert done(n).committed == Commands(1, [b"chosen"])


# --- Elections


def test_an_election_takes_one_to_two_timeouts() -> None:
    waits = set()
    for seed in range(50):
        n, ticks = Node(Config(1, MEMBERS, election_ticks=5), random.Random(seed).randrange), 0
        while n.role is Role.FOLLOWER:
            n.tick()
            ticks += 1
        waits.add(ticks)
    assert waits == {5, 6, 7, 8, 9}


def test_a_leader_that_shows_itself_is_not_challenged() -> None:
    n = node(3)
    for _ in range(100):
        n.tick()
        n.step(Commit(FIRST, 1, 3, 0))
    assert (n.role, n.leader) == (Role.FOLLOWER, 1)


def test_a_refused_leader_steps_down_and_outbids_later() -> None:
    n = leader()
    n.step(Nack(FIRST, 3, 1, Ballot(7, 3)))
    assert (n.role, n.leader) == (Role.FOLLOWER, None)
    assert candidate(n) == Ballot(8, 1)


def test_a_candidate_asks_again_in_the_same_ballot_while_nobody_is_ahead() -> None:
    n = node(1)
    ballot = candidate(n)
    while not n.has_ready():
        n.tick()
    ready = done(n)
    assert ready.max_bal is None
    assert ready.messages_after_write == [Prepare(ballot, 1, peer, 1) for peer in (2, 3)]


def test_proposals_at_a_follower_are_passed_on() -> None:
    n = node(3)
    n.step(Commit(FIRST, 1, 3, 0))
    assert n.propose(b"x") is None
    assert done(n).messages == [Propose(FIRST, 3, 1, [b"x"])]


def test_or_refused_with_the_leaders_id() -> None:
    n = node(3, forward_proposals=False)
    with pytest.raises(NotLeader, match="no leader is known"):
        n.propose(b"x")
    n.step(Commit(FIRST, 1, 3, 0))
    with pytest.raises(NotLeader, match="node 1 leads; ask it") as caught:
        n.propose(b"x")
    assert caught.value.leader == 1


def test_a_leader_refuses_more_open_slots_than_it_may_have() -> None:
    n = leader(max_open_slots=2)
    n.propose_batch([b"a", b"b"])
    with pytest.raises(Overloaded, match="2 slots are open, at most 2 may be"):
        n.propose(b"c")
    n.step(Propose(FIRST, 2, 1, [b"c", b"d"]))
    assert n.refused_proposals == 2
    done(n)
    n.step(Accepted(FIRST, 2, 1, 1, 2, 0))
    assert n.propose(b"c") == 3


# --- The caller's duties, by number


def test_duty_1_any_beginning_of_the_writes_is_a_state_to_restart_from() -> None:
    n = node(3)
    n.step(Accept(FIRST, 1, 3, 1, [b"a", b"b"], 1))
    n.step(Accept(SECOND, 2, 3, 2, [b"c"], 2))
    writes = pieces(n.ready())
    assert len(writes) == 4
    for survived in range(len(writes) + 1):
        disk = MemoryStorage()
        for write in writes[:survived]:
            disk.write(write)
        node(3, disk)


@pytest.mark.parametrize(
    ("disk", "applied", "message"),
    [
        (stored(FIRST, Run(SECOND, 1, [b"a"])), 0, "is above the highest ballot taken part in"),
        (stored(FIRST, Run(FIRST, 2, [b"b"]), commit_index=2), 0, "not every slot up to commit_index, 2, has a vote"),
        (stored(FIRST, Run(FIRST, 1, [b"a"]), commit_index=1), 2, r"applied: 2 is not in 0..1"),
    ],
)
def test_duty_1_other_orders_leave_states_that_are_refused(disk: MemoryStorage, applied: int, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        node(3, disk, applied)


def test_duty_2_promises_votes_and_requests_for_promises_wait_for_the_write() -> None:
    n = node(3)
    n.step(Prepare(FIRST, 1, 3, 1))
    ready = done(n)
    assert (ready.max_bal, ready.messages, kinds(ready.messages_after_write)) == (FIRST, [], ["Promise"])
    n.step(Accept(FIRST, 1, 3, 1, [b"a"], 0))
    ready = done(n)
    assert (ready.votes, ready.messages, kinds(ready.messages_after_write)) == ([Run(FIRST, 1, [b"a"])], [], ["Accepted"])
    while n.role is not Role.CANDIDATE:
        n.tick()
    ready = done(n)
    assert (ready.max_bal, ready.messages, kinds(ready.messages_after_write)) == (Ballot(2, 3), [], ["Prepare"] * 2)


def test_duty_3_a_leaders_proposals_may_overtake_its_write_but_its_own_vote_may_not() -> None:
    n = node(1, quorums=weighted({1: 3, 2: 1, 3: 1}))
    candidate(n)
    assert n.role is Role.LEADER, "its own promise is written, and alone a quorum"
    n.propose(b"a")
    ready = n.ready()
    assert [m for m in ready.messages if isinstance(m, Accept)] == [Accept(FIRST, 1, peer, 1, [b"a"], 0) for peer in (2, 3)]
    assert (ready.messages_after_write, ready.committed, n.commit_index) == ([], None, 0)
    n.advance()
    assert done(n).committed == Commands(1, [b"a"])


def test_duty_3_its_own_promise_counts_from_advance_on() -> None:
    n = node(1, quorums=weighted({1: 3, 2: 1, 3: 1}))
    while n.role is Role.FOLLOWER:
        n.tick()
    n.ready()
    assert n.role is Role.CANDIDATE
    n.advance()
    assert n.role is Role.LEADER


def test_duty_4_each_slot_is_handed_out_once_in_pieces_of_bounded_size() -> None:
    disk = stored(FIRST, Run(FIRST, 1, [b"x"] * 10_000), commit_index=10_000)
    n, slots = node(3, disk, applied=100), []
    while n.has_ready():
        committed = done(n).committed
        assert committed is not None
        slots += range(committed.first_slot, committed.first_slot + len(committed.commands))
    assert slots == list(range(101, 10_001))


def test_duty_5_one_ready_at_a_time() -> None:
    n = node()
    with pytest.raises(UsageError, match="no Ready to confirm"):
        n.advance()
    n.ready()
    n.step(Prepare(FIRST, 1, 3, 1))
    assert not n.has_ready()
    with pytest.raises(UsageError, match="call advance"):
        n.ready()
    n.advance()
    assert done(n).max_bal == FIRST


def test_duty_6_a_repeated_promise_is_the_same_and_ends_with_phase_2() -> None:
    n = node(3, stored(FIRST, Run(FIRST, 1, [b"a"])))
    for _ in range(2):
        n.step(Prepare(SECOND, 2, 3, 1))
        assert done(n).messages_after_write == [Promise(SECOND, 3, 2, 1, [Vote(1, FIRST, b"a")])]
    n.step(Accept(SECOND, 2, 3, 1, [b"a"], 0))
    done(n)
    n.step(Prepare(SECOND, 2, 3, 1))
    assert not n.has_ready()


def test_duty_8_a_restarted_node_keeps_promise_votes_and_commit_index() -> None:
    n = node(3, stored(SECOND, Run(FIRST, 1, [b"a", b"b"]), commit_index=1), applied=1)
    n.step(Accept(FIRST, 1, 3, 3, [b"c"], 0))
    assert done(n).messages == [Nack(FIRST, 3, 1, SECOND)]
    n.step(Prepare(Ballot(3, 1), 1, 3, 2))
    assert done(n).messages_after_write == [Promise(Ballot(3, 1), 3, 1, 2, [Vote(2, FIRST, b"b")])]
    assert n.commit_index == 1


# --- What is refused


def test_messages_of_unknown_senders_are_ignored_and_counted() -> None:
    n = node()
    n.step(Prepare(Ballot(1, 9), 9, 3, 1))
    assert (n.ignored_messages, n.has_ready(), n.max_bal) == (1, False, None)


@pytest.mark.parametrize(
    ("message", "field"),
    [
        ("a string", "type"),
        (Prepare(FIRST, 1, 3, 0), "first_slot"),
        (Prepare(FIRST, 2, 3, 1), "ballot"),
        (Prepare(Ballot(1, True), 1, 3, 1), "ballot"),
        (Prepare(FIRST, 1, 2, 1), "receiver"),
        (Accept(FIRST, 1, 3, 1, [], 0), "commands"),
        (Accept(FIRST, 1, 3, 1, ["text"], 0), "commands"),
        (Accept(FIRST, 1, 3, 1, (b"a",), 0), "commands"),
        (Accept(FIRST, 1, 3, 1 << 70, [b"a"], 0), "first_slot"),
        (Accept(FIRST, 1, 3, 1, [b"a"], -1), "commit_index"),
        (Accepted(Ballot(1, 3), 1, 3, 2, 1, 0), "last_slot"),
        (Accepted(FIRST, 2, 3, 1, 1, 0), "ballot"),
        (Nack(Ballot(1, 3), 1, 3, Ballot(1, 2)), "promised"),
        (Propose(Ballot(1, 3), 1, 3, [b""]), "commands"),
        (Promise(Ballot(1, 3), 1, 3, 2, [Vote(1, Ballot(0, 1), b"")]), "votes"),
        (Promise(Ballot(2, 3), 1, 3, 1, [Vote(2, FIRST, b""), Vote(2, FIRST, b"")]), "votes"),
        (Promise(Ballot(2, 3), 1, 3, 1, [(1, FIRST, b"")]), "votes"),
    ],
)
def test_a_malformed_message_names_its_field_and_changes_nothing(message: Any, field: str) -> None:
    n = node(3)
    before = picture(n)
    with pytest.raises(MessageError) as caught:
        n.step(message)
    assert caught.value.field == field
    assert picture(n) == before


def test_a_promise_with_an_absurd_gap_is_refused_before_it_takes_memory() -> None:
    n = node(3, max_open_slots=10)
    ballot = candidate(n)
    with pytest.raises(MessageError, match="no gap exceeds max_open_slots, 10"):
        n.step(Promise(ballot, 1, 3, 1, [Vote(1 << 40, Ballot(1, 1), b"a")]))
    assert n.role is Role.CANDIDATE


def test_a_run_with_an_absurd_gap_before_it_is_not_voted_for() -> None:
    n = node(3, max_open_slots=10)
    n.step(Accept(FIRST, 1, 3, 1 << 40, [b"a"], 0))
    assert not n.has_ready()


@pytest.mark.parametrize("commands", [[], [b""], ["text"], b"x", None])
def test_commands_are_bytes_and_not_empty(commands: Any) -> None:
    with pytest.raises(UsageError, match="commands:"):
        leader().propose_batch(commands)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"id": 9}, "node 9 is not among"),
        ({"members": (1, 1)}, "distinct"),
        ({"max_open_slots": 0}, "max_open_slots: 0 must be at least 1"),
        ({"heartbeat_ticks": 10}, "followers never rest"),
        ({"quorums": lambda present: False}, "are no quorum"),
    ],
)
def test_a_configuration_that_cannot_work_is_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Config(**{"id": 1, "members": MEMBERS} | settings)


ballots = st.builds(Ballot, st.integers(-1, 3), st.integers(-1, 4))
votes = st.lists(st.builds(Vote, st.integers(0, 5), ballots, st.binary(max_size=2)), max_size=3)
numbers = st.one_of(st.integers(-1, 6), st.integers(), st.none())
messages = st.one_of(
    st.builds(Prepare, ballots, numbers, st.just(3), numbers),
    st.builds(Promise, ballots, numbers, st.just(3), numbers, votes),
    st.builds(Accept, ballots, numbers, st.just(3), numbers, st.lists(st.binary(max_size=2), max_size=3), numbers),
    st.builds(Accepted, ballots, numbers, st.just(3), numbers, numbers, numbers),
    st.builds(Nack, ballots, numbers, st.just(3), ballots),
    st.builds(Commit, ballots, numbers, st.just(3), numbers),
    st.builds(Behind, ballots, numbers, st.just(3), numbers),
    st.builds(Propose, ballots, numbers, st.just(3), st.lists(st.binary(max_size=2), max_size=3)),
    st.builds(WhatWasVoted, numbers, st.just(3), st.one_of(st.binary(max_size=2), st.none())),
    st.builds(VotedUpTo, numbers, st.just(3), st.sampled_from([b"read", b"", None]), numbers),
)


@given(st.lists(messages, max_size=15), st.booleans())
def test_whatever_arrives_is_taken_or_refused_with_a_message_error(arriving: list[Any], stands: bool) -> None:
    n = node(3)
    if stands:
        candidate(n)
    n.read(b"read")
    done(n)
    for message in arriving:
        before = picture(n)
        try:
            n.step(message)
        except MessageError:
            assert picture(n) == before
        while n.has_ready():
            done(n)


@given(messages)
def test_the_quick_check_of_common_messages_accepts_nothing_that_the_rules_refuse(message: Any) -> None:
    if _is_plain(message):
        checks.check(message, _RULES)
        assert _consistency(message) is None


# --- Reads by a quorum


@pytest.mark.parametrize("member", MEMBERS)
def test_any_node_reads_in_one_round_trip_without_a_slot(member: int) -> None:
    network = well()
    network.propose_at(1, [b"x"])
    settle(network)
    network.read_at(member)
    assert kinds(settle(network)) == ["WhatWasVoted"] * 2 + ["VotedUpTo"] * 2
    assert network.answered == 1
    assert network.hosts[member].node.commit_index == 1


def test_a_read_waits_for_a_quorum_and_for_the_highest_slot_that_it_tells_of() -> None:
    n = Node(Config(3, (1, 2, 3, 4, 5)), random.Random(0).randrange)
    n.read(b"r")
    assert done(n).messages == [WhatWasVoted(3, m, b"r") for m in (1, 2, 4, 5)]
    n.step(VotedUpTo(1, 3, b"r", 7))
    n.step(VotedUpTo(1, 3, b"r", 7))
    assert not n.has_ready(), "an answer that arrives twice is one answer"
    n.step(VotedUpTo(5, 3, b"r", 4))
    assert done(n).read_states == [ReadState(b"r", 7)]
    n.step(VotedUpTo(2, 3, b"r", 9))
    assert not n.has_ready()


def test_a_vote_is_told_of_before_it_is_written_and_an_answer_is_no_vote() -> None:
    n = node(3)
    n.step(Accept(FIRST, 1, 3, 1, [b"a", b"b"], 0))
    n.step(WhatWasVoted(2, 3, b"r"))
    assert VotedUpTo(3, 2, b"r", 2) in done(n).messages


def test_a_node_alone_reads_at_once() -> None:
    n = Node(Config(1, (1,)), random.Random(0).randrange)
    n.read(b"r")
    assert done(n).read_states == [ReadState(b"r", 0)]


def test_a_read_without_answers_is_forgotten_after_an_election_timeout() -> None:
    n = leader()
    n.read(b"r")
    for _ in range(n.config.election_ticks):
        n.tick()
    done(n)
    n.step(VotedUpTo(2, 1, b"r", 0))
    assert not n.has_ready()


def test_an_answer_from_before_a_restart_counts_for_no_other_read() -> None:
    n = node(3)
    n.read(b"new")
    done(n)
    n.step(VotedUpTo(1, 3, b"old", 0))
    assert not n.has_ready()


def test_the_context_of_a_read_is_bytes() -> None:
    with pytest.raises(UsageError, match="context: str is not bytes"):
        node().read("r")


# --- The log


@given(
    st.lists(st.tuples(st.integers(1, 3), st.integers(1, 12), st.lists(st.binary(min_size=1, max_size=1), min_size=1, max_size=4)), max_size=8),
    st.integers(0, 16),
)
def test_a_log_is_a_map_from_slots_to_votes(runs: list[tuple[int, int, list[bytes]]], limit: int) -> None:
    log, model = Log(), dict[int, tuple[Ballot, bytes]]()
    for round_, first, commands in runs:
        log.vote(Run(Ballot(round_, 1), first, commands))
        model |= {slot: (Ballot(round_, 1), c) for slot, c in enumerate(commands, first)}
    assert log.votes_from(3) == [Vote(s, *model[s]) for s in sorted(model) if s >= 3]
    assert log.last_slot == max(model, default=0)
    log.commit_voted_in(Ballot(2, 1), limit)
    expected = 0
    while expected < limit and model.get(expected + 1, (None,))[0] == Ballot(2, 1):
        expected += 1
    assert log.commit_index == expected
