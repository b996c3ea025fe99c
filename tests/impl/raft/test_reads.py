"""Linearizable reads by ReadIndex (dissertation, section 6.4)."""

from __future__ import annotations

import pytest

from impl.raft import NotLeader, ReadState, Role, UsageError
from impl.raft.messages import AppendReply
from tests.impl.raft.cluster import Cluster


def test_a_leader_answers_only_when_a_majority_has_confirmed_it():
    c = Cluster()
    leader = c.elect(1)
    leader.read(b"r")
    calls = c.work(1).messages
    assert [(m.receiver, m.read_round, len(m.entries)) for m in calls] == [(2, 1, 0), (3, 1, 0)]
    assert c.reads[1] == []
    c.settle()
    assert c.reads[1] == [ReadState(b"r", leader.commit_index)]


def test_a_leader_cut_off_answers_nothing():
    c = Cluster()
    c.elect(1)
    c.isolate(1)
    c[1].read(b"r")
    c.tick(1, 5)
    c.elect(2).propose(b"new")
    c.settle()
    c.heal()
    c.tick(2, 2)
    assert c[1].role is Role.FOLLOWER
    assert c.reads[1] == []


def test_what_was_confirmed_before_the_read_does_not_count():
    c = Cluster()
    leader = c.elect(1)
    leader.tick()
    c.work(1)
    for n in (2, 3):
        c.deliver(lambda m: True)
        c.work(n)
    answers = [m for m in c.network if isinstance(m, AppendReply)]
    assert answers
    leader.read(b"r")
    c.work(1)
    for m in answers:
        leader.step(m)
    assert not leader.read_states, "these answers are to calls made before"


def test_a_read_that_comes_after_the_call_awaits_the_next_round():
    c = Cluster()
    leader = c.elect(1)
    leader.read(b"first")
    leader.read(b"also first")
    calls = c.work(1).messages
    assert {m.read_round for m in calls} == {1}
    leader.read(b"second")
    assert leader.read_round == 2
    c.settle()
    assert [r.context for r in c.reads[1]] == [b"first", b"also first", b"second"]


def test_a_new_leader_waits_for_the_entry_that_opens_its_term():
    """It may not know yet that entries of earlier terms are committed, and must not answer without them."""
    c = Cluster()
    c.elect(1).propose(b"a")
    c.settle()
    for n in c.ids:
        c.restart(n)
    leader = c.elect(2)
    assert leader.commit_index == 3
    leader.commit_index = 0  # as it was when it was elected
    leader.read(b"r")
    c.settle()
    assert c.reads[2] == [ReadState(b"r", 3)]


def test_a_follower_asks_the_leader():
    c = Cluster()
    index = c.elect(1).propose(b"a")
    c.settle()
    c[3].read(b"r")
    c.settle()
    assert c.reads[3] == [ReadState(b"r", index)]
    assert c.reads[1] == []


def test_without_a_leader_there_is_nobody_to_ask():
    with pytest.raises(NotLeader, match="no leader is known"):
        Cluster()[1].read(b"r")


def test_the_only_node_confirms_itself():
    c = Cluster(size=1)
    leader = c.elect(1)
    leader.read(b"r")
    c.settle()
    assert c.reads[1] == [ReadState(b"r", 1)]


@pytest.mark.parametrize(("size", "confirming", "answered"), [(3, 1, True), (5, 1, False), (5, 2, True), (4, 1, False), (4, 2, True)])
def test_a_majority_is_the_leader_and_enough_others(size, confirming, answered):
    c = Cluster(size=size)
    leader = c.elect(1)
    leader.read(b"r")
    c.work(1)
    for n in range(2, 2 + confirming):
        leader.step(AppendReply(1, n, 1, True, 1, 1, 0, 0, 0))
    assert bool(leader.read_states) == answered


def test_a_refused_call_confirms_the_leader_all_the_same():
    c = Cluster()
    leader = c.elect(1)
    leader.read(b"r")
    c.work(1)
    leader.step(AppendReply(1, 2, 1, False, 0, 1, 1, 0, 0))
    assert leader.read_states == [ReadState(b"r", 1)]


def test_a_call_of_an_earlier_term_confirms_nothing_in_a_later_one():
    """A node leads terms 1 and 2; a follower, already in term 2, hears of a round of term 1, and its refusal reaches the leader of term 2."""
    c = Cluster()
    c.elect(1).read(b"in term 1")
    (late,) = [m for m in c.work(1).messages if m.receiver == 2]
    c.network.clear()
    c.restart(1)
    leader = c.elect(1)
    assert (late.term, leader.current_term, c[2].current_term) == (1, 2, 2)
    leader.read(b"in term 2")
    c.work(1)
    c.network.clear()
    c[2].step(late)
    c.work(2)
    c.deliver()
    assert leader.read_round == late.read_round
    assert not leader.read_states, "nobody has confirmed that it leads term 2"
    assert leader.log.last_index == leader.progress[2].match_index


def test_a_read_is_lost_with_its_leader():
    c = Cluster()
    leader = c.elect(1)
    leader.read(b"r")
    leader.step(AppendReply(9, 2, 1, False, 0, 0, 1, 0, 0))
    assert leader.reads == []


def test_a_context_that_is_not_bytes_is_the_callers_mistake():
    """Passed on, it would look like a fault of the node that passed it on."""
    c = Cluster()
    c.elect(1)
    for n in c.ids:
        with pytest.raises(UsageError, match="context: str is not bytes; encode it"):
            c[n].read("first")
        assert not c[n].has_ready()
