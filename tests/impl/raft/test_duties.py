"""The caller's duties, one by one, as the package's docstring numbers them: what each rests on, and what breaking it leads to."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import impl.raft
from impl.raft import Entries, HardState, Role, StorageError, UsageError
from impl.raft.messages import AppendEntries, AppendReply, InstallSnapshot, RequestVote, VoteReply
from tests.impl.raft.cluster import Cluster, finish, node_with_log


def append(term, prev, prev_term, terms, commit=0, sender=2, receiver=1):
    entries = Entries(prev + 1, terms, [b"x"] * len(terms))
    return AppendEntries(term, sender, receiver, prev, prev_term, entries, commit, 0)


def test_every_duty_has_a_test_here():
    duties = set(re.findall(r"^(\d+)\. ", impl.raft.__doc__, re.MULTILINE))
    tested = set(re.findall(r"^def test_duty_(\d+)_", Path(__file__).read_text(encoding="utf-8"), re.MULTILINE))
    assert duties == tested


def test_duty_1_a_ready_holds_all_that_must_be_persisted():
    node, _ = node_with_log([1, 1])
    node.step(append(3, 2, 1, [2, 3]))
    ready = node.ready()
    assert ready.hard_state == HardState(3, None)
    assert ready.entries == Entries(3, [2, 3], [b"x", b"x"])


def test_duty_1_entries_replace_what_is_there_from_their_first_index_on():
    node, storage = node_with_log([1, 1, 1])
    node.step(append(2, 1, 1, [2]))
    assert finish(node, storage).entries == Entries(2, [2], [b"x"])
    assert storage.entries(1, storage.last_index()).terms == [1, 2]


@pytest.mark.parametrize("written", [0, 1, 2])
def test_duty_1_a_crash_between_the_writes_leaves_a_state_to_restart_from(written):
    c = Cluster()
    c.isolate(2)
    c.elect(1).propose(b"a")
    c.settle()
    c.heal()
    c[1].tick()
    c.work(1)
    c.deliver(lambda m: m.receiver == 2)
    ready = c.begin(2)
    c.writing.clear()
    assert ready.hard_state == HardState(1, None)
    if written >= 1:
        c.storages[2].set_hard_state(ready.hard_state)
    if written >= 2:
        c.storages[2].append(Entries(1, ready.entries.terms[:1], ready.entries.commands[:1]))
    c.restart(2)
    c.tick(1, 2)
    assert c.log(2) == c.log(1)


def test_duty_1_a_log_ahead_of_its_hard_state_is_refused():
    with pytest.raises(StorageError, match="the log ends in term 3, after current_term 2; write the hard state first"):
        node_with_log([1, 3], current_term=2)


def test_duty_2_votes_and_acknowledgements_wait_for_the_write():
    node, _ = node_with_log([])
    node.step(RequestVote(1, 2, 1, 0, 0, False, False))
    node.step(append(1, 0, 0, [1]))
    ready = node.ready()
    assert ready.messages == []
    assert [type(m) for m in ready.messages_after_write] == [VoteReply, AppendReply]


def test_duty_2_a_candidate_asks_for_votes_only_once_its_own_is_written():
    node, _ = node_with_log([], pre_vote=False)
    for _ in range(node.timeout):
        node.tick()
    ready = node.ready()
    assert ready.hard_state == HardState(1, 1)
    assert ready.messages == []
    assert [m.receiver for m in ready.messages_after_write] == [2, 3]


def test_duty_2_a_leader_sends_entries_in_parallel_with_its_own_write():
    c = Cluster()
    c.elect(1).propose(b"a")
    ready = c[1].ready()
    assert ready.entries.commands == [b"a"]
    assert [(type(m), m.entries.commands) for m in ready.messages] == [(AppendEntries, [b"a"])] * 2
    assert ready.messages_after_write == []


def test_duty_2_a_leader_counts_its_own_log_only_once_it_is_written():
    c = Cluster(size=3)
    leader = c.elect(1)
    c.isolate(3)
    index = leader.propose(b"a")
    c.begin(1)
    c.deliver()
    c.work(2)
    c.deliver()
    assert leader.commit_index < index, "one of three has it on stable storage"
    c.finish(1)
    assert leader.commit_index == index


def test_duty_2_the_only_voter_wins_and_commits_only_by_advance():
    node, storage = node_with_log([], size=1)
    for _ in range(node.timeout):
        node.tick()
    assert node.role is Role.CANDIDATE
    finish(node, storage)
    assert node.role is Role.LEADER
    index = node.propose(b"a")
    node.ready()
    assert node.commit_index < index
    node.advance()
    assert node.commit_index == index


def test_duty_2_a_vote_for_itself_counts_in_its_own_term_only():
    node, _ = node_with_log([], size=1)
    for term in (1, 2):
        for _ in range(node.timeout):
            node.tick()
        assert (node.role, node.current_term) == (Role.CANDIDATE, term)
        if term == 1:
            node.ready()
    node.advance()
    assert node.role is Role.CANDIDATE, "term 2 is not written yet"


def test_duty_3_committed_entries_come_in_order_each_once_after_those_to_persist():
    c = Cluster()
    leader = c.elect(1)
    for i in range(20):
        leader.propose(b"%d" % i)
        if i % 3 == 0:
            c.settle()
    c.settle()
    assert c.applied == {n: [b"%d" % i for i in range(20)] for n in c.ids}


def test_duty_3_what_is_handed_out_is_on_stable_storage_or_in_the_same_ready():
    node, storage = node_with_log([])
    node.step(append(1, 0, 0, [1, 1, 1], commit=2))
    ready = finish(node, storage)
    assert ready.committed.last_index == 2
    assert ready.entries.last_index == 3


def test_duty_3_committed_entries_come_in_batches_of_limited_size():
    node, storage = node_with_log([], max_batch_bytes=2)
    node.step(append(1, 0, 0, [1] * 5, commit=5))
    assert [list(r.committed.commands) for r in (finish(node, storage) for _ in range(3))] == [[b"x", b"x"], [b"x", b"x"], [b"x"]]
    assert not node.has_ready()


def test_duty_4_one_ready_at_a_time():
    node, _ = node_with_log([])
    with pytest.raises(UsageError, match="there is no Ready to end"):
        node.advance()
    node.ready()
    assert not node.has_ready()
    with pytest.raises(UsageError, match="call advance first"):
        node.ready()


def test_duty_4_messages_may_come_in_while_a_ready_is_written():
    node, storage = node_with_log([])
    node.step(append(1, 0, 0, [1, 1]))
    ready = node.ready()
    node.step(append(1, 2, 1, [1]))
    assert ready.entries.last_index == 2, "what was handed out stays as it is"
    storage.append(ready.entries)
    node.advance()
    assert node.log.stable_index == 2
    assert finish(node, storage).entries == Entries(3, [1], [b"x"])


def test_duty_4_entries_replaced_while_they_are_written_are_not_taken_for_persisted():
    node, storage = node_with_log([])
    node.step(append(1, 0, 0, [1, 1]))
    ready = node.ready()
    node.step(append(2, 1, 1, [2], sender=3))
    storage.append(ready.entries)
    node.advance()
    assert finish(node, storage).entries.terms[-1] == 2
    assert storage.entries(1, 2).terms == [1, 2]


def test_duty_5_duplicates_and_old_calls_take_nothing_back():
    node, storage = node_with_log([])
    old = append(1, 0, 0, [1], commit=0)
    for m in (old, append(1, 1, 1, [1, 1], commit=2), old, old):
        node.step(m)
    finish(node, storage)
    assert (node.log.last_index, node.commit_index) == (3, 2)


def test_duty_5_a_message_is_a_value_and_no_node_changes_it():
    c = Cluster()
    leader = c.elect(1)
    leader.propose(b"a")
    ready = c.begin(1)
    before = [repr(m) for m in ready.messages]
    leader.propose(b"b")
    c.settle()
    assert [repr(m) for m in ready.messages] == before


def test_duty_6_a_read_names_the_index_to_wait_for():
    c = Cluster()
    leader = c.elect(1)
    index = leader.propose(b"a")
    c.settle()
    leader.read(b"r")
    c.settle()
    assert [(r.context, r.read_index) for r in c.reads[1]] == [(b"r", index)]


def test_duty_7_a_log_compacted_in_storage_serves_on():
    c = Cluster()
    leader = c.elect(1)
    for i in range(10):
        leader.propose(b"%d" % i)
    c.settle()
    for n in c.ids:
        c.storages[n].compact(6, b" ".join(c.applied[n][:5]))
    leader.propose(b"more")
    c.settle()
    c.restart(1)
    c.elect(2)
    assert [a[-1] for a in c.applied.values()] == [b"more"] * 3


def behind_a_snapshot():
    """A leader, whose snapshot is on its way to node 3."""
    c = Cluster()
    leader = c.elect(1)
    c.isolate(3)
    for i in range(5):
        leader.propose(b"%d" % i)
    c.settle()
    c.storages[1].compact(leader.commit_index, b" ".join(c.applied[1]))
    c.network.clear()
    c.heal()
    while not any(isinstance(m, InstallSnapshot) for m in c.network):
        c.deliver()
        leader.tick()
        for n in c.ids:
            if c[n].has_ready():
                c.work(n)
    return c, leader


def test_duty_8_no_second_snapshot_before_the_first_is_reported():
    c, leader = behind_a_snapshot()
    c.network = []
    c.tick(1, 5)
    assert c.applied[3] == []
    leader.report_snapshot(3, delivered=False)
    c.tick(1)
    assert c.applied[3] == c.applied[1]


def test_duty_8_a_delivered_snapshot_that_was_lost_after_all_is_sent_again():
    c, leader = behind_a_snapshot()
    c.network = []
    leader.report_snapshot(3, delivered=True)
    c.tick(1, 3)
    assert c.applied[3] == c.applied[1]


def test_duty_9_an_election_takes_one_to_two_timeouts():
    timeouts = {node_with_log([], n=1, size=3)[0].timeout for _ in range(5)}
    assert len(timeouts) == 1, "the same source of chance, the same timeout"
    node, _ = node_with_log([], election_ticks=10)
    drawn = set()
    for _ in range(200):
        node.reset_election_timer()
        drawn.add(node.timeout)
    assert drawn == set(range(10, 20))


def test_duty_10_a_node_comes_back_with_what_it_persisted_and_nothing_else():
    c = Cluster()
    leader = c.elect(1)
    leader.propose(b"a")
    c.settle()
    leader.propose(b"never written")
    before = (leader.current_term, leader.voted_for)
    c.restart(1)
    assert (c[1].current_term, c[1].voted_for) == before
    assert (c[1].role, c[1].leader, c[1].commit_index) == (Role.FOLLOWER, None, 0)
    assert [command for _, command in c.log(1)] == [b"", b"a"]


def test_duty_10_a_restarted_node_begins_with_its_snapshot():
    c = Cluster()
    c.elect(1).propose(b"a")
    c.settle()
    c.storages[2].compact(2, b"a")
    c.restart(2)
    assert (c[2].commit_index, c[2].log.last_index, c[2].log.last_term) == (2, 2, 1)
