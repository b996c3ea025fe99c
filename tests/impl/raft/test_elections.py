"""Who stands for election, who votes, who wins; section numbers are the paper's, those of the dissertation have a D."""

from __future__ import annotations

import pytest

from impl.raft import HardState, Role
from impl.raft.messages import AppendEntries, AppendReply, RequestVote, VoteReply
from impl.raft.replication import NO_ENTRIES
from tests.impl.raft.cluster import Cluster, finish, node_with_log


def request(term, sender=2, last_index=0, last_term=0, pre_vote=False, transfer=False):
    return RequestVote(term, sender, 1, last_index, last_term, pre_vote, transfer)


def heartbeat(term, sender=2):
    return AppendEntries(term, sender, 1, 0, 0, NO_ENTRIES, 0, 0)


def answer(node, storage):
    (reply,) = finish(node, storage).messages_after_write
    return reply


def test_a_follower_without_a_leader_stands_for_election_5_2():
    node, storage = node_with_log([1, 2], pre_vote=False)
    for _ in range(node.timeout - 1):
        node.tick()
    assert node.role is Role.FOLLOWER
    node.tick()
    assert node.role is Role.CANDIDATE
    ready = finish(node, storage)
    assert ready.hard_state == HardState(3, 1)
    assert ready.messages_after_write == [RequestVote(3, 1, n, 2, 2, False, False) for n in (2, 3)]


def test_a_majority_of_votes_makes_a_leader_who_opens_its_term_with_an_entry_5_2_D6_4():
    node, storage = node_with_log([1], pre_vote=False)
    for _ in range(node.timeout):
        node.tick()
    finish(node, storage)
    node.step(VoteReply(2, 3, 1, True, False))
    assert (node.role, node.leader) == (Role.LEADER, 1)
    assert finish(node, storage).entries.terms == [2]


def test_a_vote_does_not_count_twice():
    node, storage = node_with_log([], size=5, pre_vote=False)
    for _ in range(node.timeout):
        node.tick()
    finish(node, storage)
    for _ in range(5):
        node.step(VoteReply(1, 3, 1, True, False))
    assert node.role is Role.CANDIDATE


def test_a_denial_of_a_late_request_takes_no_vote_back():
    """The voter has granted its vote in this term, and then hears of an earlier one: its denial carries the term of the vote."""
    node, storage = node_with_log([], size=5, pre_vote=False)
    for _ in range(node.timeout):
        node.tick()
    finish(node, storage)
    node.step(VoteReply(1, 3, 1, True, False))
    node.step(VoteReply(1, 3, 1, False, False))
    node.step(VoteReply(1, 4, 1, True, False))
    assert node.role is Role.LEADER


@pytest.mark.parametrize("reply", [VoteReply(1, 3, 1, True, False), VoteReply(2, 3, 1, True, True)])
def test_votes_of_another_election_do_not_count(reply):
    node, storage = node_with_log([], pre_vote=False, current_term=1)
    for _ in range(node.timeout):
        node.tick()
    finish(node, storage)
    node.step(reply)
    assert (node.role, node.current_term) == (Role.CANDIDATE, 2)


def test_a_candidate_refused_by_a_majority_follows_again():
    node, storage = node_with_log([], pre_vote=False)
    for _ in range(node.timeout):
        node.tick()
    finish(node, storage)
    for n in (2, 3):
        node.step(VoteReply(1, n, 1, False, False))
    assert node.role is Role.FOLLOWER


def test_a_split_vote_is_followed_by_another_election_5_2():
    node, _ = node_with_log([], pre_vote=False)
    for term in (1, 2, 3):
        for _ in range(node.timeout):
            node.tick()
        assert (node.role, node.current_term) == (Role.CANDIDATE, term)


def test_one_vote_a_term_first_come_first_served_5_2():
    node, storage = node_with_log([])
    node.step(request(1, sender=2))
    assert answer(node, storage).vote_granted
    node.step(request(1, sender=3))
    assert not answer(node, storage).vote_granted
    node.step(request(1, sender=2))
    assert answer(node, storage).vote_granted, "the same candidate asks again"


def test_the_vote_survives_a_restart_5_2():
    c = Cluster(pre_vote=False)
    c[1].step(request(1, sender=2))
    c.work(1)
    c.restart(1)
    c[1].step(request(1, sender=3))
    assert not answer(c[1], c.storages[1]).vote_granted


@pytest.mark.parametrize(
    ("last_index", "last_term", "granted"),
    [(3, 2, True), (4, 2, True), (1, 3, True), (2, 2, False), (9, 1, False), (0, 0, False)],
)
@pytest.mark.parametrize("pre_vote", [True, False])
def test_only_a_log_as_up_to_date_gets_a_vote_5_4_1(last_index, last_term, granted, pre_vote):
    node, storage = node_with_log([1, 2, 2])
    node.step(request(5, last_index=last_index, last_term=last_term, pre_vote=pre_vote))
    assert answer(node, storage).vote_granted == granted


@pytest.mark.parametrize("role", [Role.CANDIDATE, Role.LEADER])
def test_a_later_term_deposes_anybody_5_1(role):
    c = Cluster(pre_vote=False)
    if role is Role.LEADER:
        c.elect(1)
    else:
        c[1].election_elapsed = c[1].timeout
        c[1].tick()
    assert c[1].role is role
    c[1].step(AppendReply(9, 2, 1, False, 0, 0, 5, 0, 0))
    assert (c[1].role, c[1].current_term, c[1].voted_for, c[1].leader) == (Role.FOLLOWER, 9, None, None)


def test_a_candidate_hears_from_the_leader_of_its_term_and_follows_5_2():
    node, _ = node_with_log([], pre_vote=False)
    for _ in range(node.timeout):
        node.tick()
    node.step(heartbeat(1))
    assert (node.role, node.leader, node.voted_for) == (Role.FOLLOWER, 2, 1)


def test_stale_requests_are_refused_with_the_later_term_5_1():
    node, storage = node_with_log([], current_term=5)
    node.step(request(4))
    assert answer(node, storage) == VoteReply(5, 1, 2, False, False)
    node.step(heartbeat(4))
    assert answer(node, storage) == AppendReply(5, 1, 2, False, 0, 0, 0, 0, 0)
    assert node.leader is None


class TestPreVote:
    """Dissertation, section 9.6."""

    def test_asking_changes_neither_term_nor_vote(self):
        node, storage = node_with_log([1], current_term=4)
        for _ in range(node.timeout):
            node.tick()
        ready = finish(node, storage)
        assert (node.role, node.current_term, ready.hard_state) == (Role.PRE_CANDIDATE, 4, None)
        assert ready.messages_after_write == [RequestVote(5, 1, n, 1, 1, True, False) for n in (2, 3)]

    def test_answering_changes_neither_term_nor_vote(self):
        node, storage = node_with_log([])
        for sender in (2, 3):
            node.step(request(7, sender=sender, pre_vote=True))
        ready = finish(node, storage)
        assert ready.hard_state is None
        assert ready.messages_after_write == [VoteReply(7, 1, n, True, True) for n in (2, 3)]

    def test_a_majority_of_pre_votes_begins_the_election(self):
        node, storage = node_with_log([])
        for _ in range(node.timeout):
            node.tick()
        finish(node, storage)
        node.step(VoteReply(1, 2, 1, True, True))
        assert (node.role, node.current_term) == (Role.CANDIDATE, 1)

    def test_a_node_that_was_cut_off_does_not_disturb_the_term(self):
        c = Cluster()
        leader = c.elect(1)
        c.isolate(3)
        c.tick(3, 100)
        c.heal()
        c.tick(3, 40)
        assert (leader.role, leader.current_term, c[3].current_term) == (Role.LEADER, 1, 1)

    def test_without_it_the_term_rises_and_the_leader_has_to_win_again(self):
        c = Cluster(pre_vote=False)
        c.elect(1)
        c.isolate(3)
        c.tick(3, 100)
        c.heal()
        c.tick(1)
        assert c[1].role is Role.FOLLOWER
        assert c[1].current_term > 1

    def test_a_refusal_tells_a_later_term(self):
        node, storage = node_with_log([], current_term=1)
        for _ in range(node.timeout):
            node.tick()
        finish(node, storage)
        node.step(VoteReply(8, 2, 1, False, True))
        assert (node.role, node.current_term) == (Role.FOLLOWER, 8)

    def test_a_majority_of_refusals_ends_it(self):
        node, _ = node_with_log([], current_term=1)
        for _ in range(node.timeout):
            node.tick()
        for n in (2, 3):
            node.step(VoteReply(1, n, 1, False, True))
        assert (node.role, node.current_term) == (Role.FOLLOWER, 1)


class TestLeaderStickiness:
    """Dissertation, section 4.2.3: who hears from a leader takes no part in another's election."""

    @pytest.mark.parametrize("pre_vote", [True, False])
    def test_a_request_is_ignored_while_the_leader_is_heard_from(self, pre_vote):
        node, storage = node_with_log([])
        node.step(heartbeat(1, sender=3))
        finish(node, storage)
        node.step(request(5, pre_vote=pre_vote))
        assert not node.has_ready()
        assert node.current_term == 1
        for _ in range(node.config.election_ticks):
            node.tick()
        node.step(request(5, pre_vote=pre_vote))
        assert answer(node, storage).vote_granted

    def test_a_leader_sticks_to_itself(self):
        c = Cluster()
        leader = c.elect(1)
        leader.step(request(9))
        assert (leader.role, leader.current_term) == (Role.LEADER, 1)

    def test_an_election_that_the_leader_asked_for_is_taken_part_in(self):
        node, storage = node_with_log([])
        node.step(heartbeat(1, sender=3))
        finish(node, storage)
        node.step(request(2, transfer=True))
        assert answer(node, storage).vote_granted


class TestCheckQuorum:
    """Dissertation, section 6.2."""

    def test_a_leader_cut_off_steps_down(self):
        c = Cluster()
        leader = c.elect(1)
        c.isolate(1)
        c.tick(1, 2 * leader.config.election_ticks)
        assert (leader.role, leader.leader, leader.current_term) == (Role.FOLLOWER, None, 1) or leader.role is Role.PRE_CANDIDATE

    def test_a_leader_that_hears_from_a_majority_stays(self):
        c = Cluster()
        leader = c.elect(1)
        c.isolate(3)
        c.tick(1, 100)
        assert leader.role is Role.LEADER

    def test_without_it_a_leader_cut_off_does_not_know(self):
        c = Cluster(check_quorum=False)
        leader = c.elect(1)
        c.isolate(1)
        c.tick(1, 100)
        assert leader.role is Role.LEADER


def test_the_soft_state_tells_of_changes_only():
    c = Cluster()
    c.isolate(2, 3)
    c.heal()
    c[1].step(heartbeat(1, sender=3))
    ready = c.work(1)
    assert (ready.soft_state.role, ready.soft_state.leader) == (Role.FOLLOWER, 3)
    c[1].step(heartbeat(1, sender=3))
    assert c.work(1).soft_state is None
