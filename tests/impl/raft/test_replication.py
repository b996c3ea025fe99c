"""How entries get to followers, and when they are committed; section numbers are the paper's."""

from __future__ import annotations

import pytest

from impl.raft import Entries, LeadershipMoves, MessageError, NotLeader, Overloaded, Role, UsageError
from impl.raft.messages import AppendEntries, AppendReply, RequestVote, VoteReply
from impl.raft.progress import Flow
from tests.impl.raft.cluster import Cluster, finish, node_with_log


def append(prev, prev_term, terms, term=4, commit=0):
    return AppendEntries(term, 2, 1, prev, prev_term, Entries(prev + 1, terms, [b"n%d" % i for i in range(len(terms))]), commit, 0)


def success(node, follower, match_index, term=None, read_round=0):
    return AppendReply(node.current_term if term is None else term, follower, node.id, True, match_index, read_round, 0, 0, 0)


def leader_with_log(terms, followers=2, **settings):
    """Node 1, elected leader with a log of these terms; nothing that it sends arrives."""
    node, storage = node_with_log(terms, size=followers + 1, pre_vote=False, **settings)
    for _ in range(node.timeout):
        node.tick()
    finish(node, storage)
    for n in node.config.voters[1:]:
        if node.role is not Role.LEADER:
            node.step(VoteReply(node.current_term, n, 1, True, False))
    return node, storage


class TestFollowers:
    """Figure 2, AppendEntries RPC, receiver implementation."""

    @pytest.mark.parametrize(
        ("log", "message", "after"),
        [
            ([], append(0, 0, [1]), [1]),
            ([1, 1], append(2, 1, [2, 4]), [1, 1, 2, 4]),
            ([1, 1, 1], append(1, 1, [1]), [1, 1, 1]),
            ([1, 1, 1], append(1, 1, []), [1, 1, 1]),
            ([1, 1, 1], append(1, 1, [2]), [1, 2]),
            ([1, 1, 2, 2, 3], append(2, 1, [2, 4, 4]), [1, 1, 2, 4, 4]),
            ([1, 2, 3], append(0, 0, [4]), [4]),
        ],
    )
    def test_entries_that_follow_on_are_stored_and_only_a_conflict_cuts_off(self, log, message, after):
        node, storage = node_with_log(log)
        node.step(message)
        (reply,) = finish(node, storage).messages_after_write
        assert (reply.success, reply.match_index) == (True, message.prev_log_index + len(message.entries))
        assert storage.entries(1, storage.last_index()).terms == after

    @pytest.mark.parametrize(("log", "message"), [([], append(1, 1, [1])), ([1, 2], append(2, 3, [3])), ([1, 2], append(3, 2, []))])
    def test_entries_that_do_not_follow_on_are_refused_and_change_nothing(self, log, message):
        node, storage = node_with_log(log)
        node.step(message)
        (reply,) = finish(node, storage).messages_after_write
        assert (reply.success, reply.match_index, reply.prev_log_index) == (False, 0, message.prev_log_index)
        assert storage.entries(1, storage.last_index()).terms == log

    @pytest.mark.parametrize(
        ("message", "commit_index"),
        [(append(0, 0, [1], commit=9), 1), (append(1, 1, [1, 1], commit=2), 2), (append(2, 1, [], commit=9), 2), (append(4, 1, [1], commit=9), 0)],
    )
    def test_the_commit_index_goes_no_further_than_what_the_call_covers(self, message, commit_index):
        node, _ = node_with_log([1, 1, 1])
        node.step(message)
        assert node.commit_index == commit_index

    def test_the_commit_index_never_falls(self):
        node, _ = node_with_log([1, 1, 1])
        node.step(append(3, 1, [], commit=3))
        node.step(append(3, 1, [], commit=1))
        assert node.commit_index == 3


class TestCommit:
    """Sections 5.3 and 5.4.2."""

    @pytest.mark.parametrize(("followers", "acknowledged", "commits"), [(2, [2], True), (2, [], False), (4, [2], False), (4, [2, 3], True), (3, [2], False)])
    def test_an_entry_of_the_term_is_committed_once_a_majority_holds_it(self, followers, acknowledged, commits):
        node, storage = leader_with_log([], followers)
        finish(node, storage)
        for n in acknowledged:
            node.step(success(node, n, 1))
        assert (node.commit_index == 1) == commits

    def test_figure_8_an_entry_of_an_earlier_term_is_committed_only_through_one_of_the_term(self):
        node, storage = leader_with_log([1, 2])
        finish(node, storage)
        assert node.log.last_index == 3
        node.step(success(node, 2, 2))
        assert node.commit_index == 0, "a majority holds entry 2, but of term 2: a leader of a later term may yet overwrite it"
        node.step(success(node, 2, 3))
        assert node.commit_index == 3

    def test_figure_8_played_to_its_end(self):
        c = Cluster(size=5)
        c.elect(1)
        c.isolate(1, 2)
        c[1].propose(b"old")
        c.settle()  # (a) S1 leads term 1 and gets its entry 2 to S2 only
        c.restart(1)
        lead_with_votes_only(c, 5)  # (b) S5 wins term 2 with S3 and S4, and crashes with its first entry on nobody else
        c.heal()
        c.isolate(5)
        assert [[term for term, _ in c.log(n)] for n in c.ids] == [[1, 1], [1, 1], [1], [1], [1, 2]]
        lead_with_votes_only(c, 1)  # (c) S1 wins term 3 and gets its old entry to S3, hence to a majority
        assert c[1].current_term == 3
        c[3].step(AppendEntries(3, 1, 3, 1, 1, Entries(2, [1], [b"old"]), 1, 0))
        c.work(3)
        c.deliver(lambda m: isinstance(m, AppendReply))
        assert c[1].progress[3].match_index == 2
        assert c[1].commit_index < 2, "it is not committed by that"
        c.network.clear()
        c.restart(1)
        c.restart(5)
        c.heal()
        lead_with_votes_only(c, 5)  # (d) S5 wins a later term and overwrites it
        c[5].propose(b"end")
        c.tick(5, 2)
        assert all(a == [b"end"] for a in c.applied.values())

    def test_an_old_acknowledgement_takes_nothing_back(self):
        node, storage = leader_with_log([])
        node.propose_batch([b"a", b"b"])
        finish(node, storage)
        for match_index in (3, 1):
            node.step(success(node, 2, match_index))
        assert (node.progress[2].match_index, node.commit_index) == (3, 3)

    def test_acknowledgements_of_an_earlier_term_count_for_nothing(self):
        node, storage = leader_with_log([1, 2, 2])
        finish(node, storage)
        node.step(success(node, 2, 4, term=2))
        assert (node.progress[2].match_index, node.commit_index) == (0, 0)

    def test_followers_hear_of_the_commit_at_once(self):
        c = Cluster()
        c.elect(1).propose(b"a")
        c.settle()
        assert {node.commit_index for node in c.nodes.values()} == {2}


def lead_with_votes_only(c, n):
    """An election of which nothing gets through but votes."""
    node = c[n]
    for attempt in range(8):  # the first one may only tell it of a later term
        if attempt % 4 == 0 and node.role is not Role.LEADER:
            node.election_elapsed = node.timeout
            node.tick()
        for other in c.ids:
            c[other].election_elapsed = c[other].config.election_ticks
            if c[other].has_ready():
                c.work(other)
        c.deliver(lambda m: isinstance(m, RequestVote | VoteReply))
    assert node.role is Role.LEADER
    c.network.clear()


class TestBackOff:
    """Section 5.3, last but one paragraph: one round trip a term, not an entry."""

    @staticmethod
    def rounds(leader_log, follower_log):
        """How many calls a follower refuses before the logs agree."""
        node, storage = leader_with_log(leader_log, check_quorum=False)
        follower, follower_storage = node_with_log(follower_log, n=2)
        refused = 0
        while node.progress[2].match_index < node.log.last_index:
            for m in finish(node, storage).messages:
                if m.receiver == 2:
                    follower.step(m)
            for m in finish(follower, follower_storage).messages_after_write:
                refused += not m.success
                node.step(m)
        length = node.log.last_index
        assert follower_storage.entries(1, length).terms == storage.entries(1, length).terms
        return refused

    @pytest.mark.parametrize("length", [10, 1000])
    def test_a_follower_far_behind_takes_one_round(self, length):
        assert self.rounds([1] * length, []) == 1
        assert self.rounds([1] * length, [1] * 5) == 1

    @pytest.mark.parametrize("length", [10, 1000])
    def test_a_long_uncommitted_suffix_of_one_term_takes_one_round(self, length):
        assert self.rounds([1] * 5 + [3], [1] * 5 + [2] * length) <= 2
        assert self.rounds([1] * 5 + [3] * length, [1] * 5 + [2] * length) <= 2

    @pytest.mark.parametrize("length", [4, 200])
    def test_conflicting_terms_take_at_most_one_round_each(self, length):
        """Terms alternate: the leader has the odd ones, the follower the even ones."""
        leader = [1] * 3 + [t for t in (3, 5, 7, 9) for _ in range(length)]
        follower = [1] * 3 + [t for t in (2, 4, 6, 8) for _ in range(length)]
        assert self.rounds(leader, follower) <= 4 + 1

    def test_figure_7(self):
        leader = [1, 1, 1, 4, 4, 5, 5, 6, 6, 6]
        followers = {
            "a": leader[:9],
            "b": leader[:4],
            "c": [*leader, 6],
            "d": [*leader, 7, 7],
            "e": [1, 1, 1, 4, 4, 4, 4],
            "f": [1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3],
        }
        assert {name: self.rounds([*leader, 8], log) for name, log in followers.items()} == {"a": 1, "b": 1, "c": 1, "d": 1, "e": 1, "f": 1}

    def test_the_next_call_begins_right_after_the_last_entry_that_may_agree(self):
        node, storage = leader_with_log([1] * 9)
        finish(node, storage)
        node.step(AppendReply(2, 2, 1, False, 0, 0, 9, 5, 1))
        assert node.progress[2].next_index == 6

    def test_an_old_refusal_is_ignored(self):
        node, storage = leader_with_log([1] * 9)
        finish(node, storage)
        node.step(success(node, 2, 10))
        node.step(AppendReply(node.current_term, 2, 1, False, 0, 0, 9, 3, 1))
        assert (node.progress[2].flow, node.progress[2].next_index) == (Flow.REPLICATE, 11)

    def test_a_follower_that_has_lost_what_it_acknowledged_is_not_asked_over_and_over(self):
        node, storage = leader_with_log([])
        finish(node, storage)
        node.step(success(node, 2, 1))
        finish(node, storage)
        for _ in range(3):
            node.progress[2].probe(2)
            node.step(AppendReply(1, 2, 1, False, 0, 0, 1, 0, 0))
            assert not node.has_ready()


class TestFlow:
    """Probe one message at a time; once the logs agree, send on without waiting."""

    def test_a_probe_waits_for_its_answer_or_a_heartbeat(self):
        node, storage = leader_with_log([])
        assert len(finish(node, storage).messages) == 2
        node.propose(b"a")
        assert finish(node, storage).messages == []
        node.tick()
        assert [len(m.entries) for m in finish(node, storage).messages] == [2, 2]

    def test_proposals_between_two_readies_travel_together(self):
        node, storage = replicating()
        for _ in range(10):
            node.propose(b"a")
        assert [len(m.entries) for m in finish(node, storage).messages if m.receiver == 2] == [10]

    def test_messages_are_sent_on_before_the_answers_come(self):
        node, storage = replicating()
        sent = []
        for _ in range(5):
            node.propose(b"a")
            sent += [m.prev_log_index for m in finish(node, storage).messages if m.receiver == 2]
        assert sent == [1, 2, 3, 4, 5]

    def test_a_message_is_limited_in_bytes_but_holds_at_least_one_entry(self):
        node, storage = replicating(max_batch_bytes=10)
        node.propose_batch([b"4444"] * 5 + [b"x" * 100, b"1"])
        assert [[len(x) for x in m.entries.commands] for m in finish(node, storage).messages if m.receiver == 2] == [[4, 4], [4, 4], [4], [100], [1]]

    def test_the_window_bounds_what_is_in_flight(self):
        node, storage = replicating(max_inflight=3)
        sent = 0
        for _ in range(10):
            node.propose(b"a")
            sent += sum(m.receiver == 2 for m in finish(node, storage).messages)
        assert sent == 3
        node.step(success(node, 2, 3))
        rest = [len(m.entries) for m in finish(node, storage).messages if m.receiver == 2]
        assert rest == [7], "two places are filled by one message"

    def test_a_lost_message_is_found_out_by_the_next_heartbeat(self):
        c = Cluster()
        leader = c.elect(1)
        leader.propose(b"lost")
        c.work(1)
        c.network.clear()
        c.tick(1)
        assert c.applied[2] == c.applied[3] == [b"lost"]

    def test_heartbeats_go_to_everybody_each_interval(self):
        c = Cluster(heartbeat_ticks=3)
        leader = c.elect(1)
        sent = []
        for _ in range(9):
            leader.tick()
            if leader.has_ready():
                sent.append(len([m for m in c.work(1).messages if isinstance(m, AppendEntries)]))
        assert sent == [2, 2, 2]

    def test_a_term_without_proposals_costs_nothing_but_heartbeats(self):
        c = Cluster()
        c.elect(1)
        assert not any(node.has_ready() for node in c.nodes.values())


def replicating(**settings):
    """A leader that knows its follower 2 to agree; nothing from follower 3."""
    node, storage = leader_with_log([], **settings)
    finish(node, storage)
    node.step(success(node, 2, 1))
    finish(node, storage)
    return node, storage


class TestProposals:
    """Taken by leaders, passed on or refused by others."""

    def test_a_leader_tells_the_index(self):
        c = Cluster()
        leader = c.elect(1)
        assert [leader.propose(b"a"), leader.propose_batch([b"b", b"c"])] == [2, 4]

    def test_a_follower_passes_on(self):
        c = Cluster()
        c.elect(1)
        assert c[2].propose(b"a") is None
        c.settle()
        assert c.applied == {n: [b"a"] for n in c.ids}

    def test_a_follower_that_does_not_forward_names_the_leader(self):
        c = Cluster(forward_proposals=False)
        c.elect(1)
        with pytest.raises(NotLeader, match="node 1 leads; ask it") as refusal:
            c[2].propose(b"a")
        assert refusal.value.leader == 1

    def test_without_a_leader_there_is_nobody_to_ask(self):
        with pytest.raises(NotLeader, match="no leader is known") as refusal:
            Cluster()[1].propose(b"a")
        assert refusal.value.leader is None

    def test_too_much_uncommitted_is_refused_until_some_is_committed(self):
        c = Cluster(max_uncommitted_bytes=10)
        leader = c.elect(1)
        leader.propose(b"12345678")
        with pytest.raises(Overloaded, match="8 bytes are uncommitted, at most 10 may be"):
            leader.propose(b"1234")
        assert leader.log.last_index == 2
        c.settle()
        leader.propose(b"1234")
        c.settle()
        assert c.applied[3] == [b"12345678", b"1234"]

    def test_one_large_command_is_taken_when_nothing_is_uncommitted(self):
        c = Cluster(max_uncommitted_bytes=10)
        c.elect(1).propose(b"x" * 100)
        c.settle()
        assert c.applied[2] == [b"x" * 100]

    def test_a_new_leader_counts_what_it_found_uncommitted(self):
        node, _ = leader_with_log([1, 1], max_uncommitted_bytes=3)
        assert node.uncommitted_bytes == 2
        with pytest.raises(Overloaded):
            node.propose(b"ab")

    def test_a_forwarded_proposal_that_is_refused_is_counted(self):
        c = Cluster(max_uncommitted_bytes=4)
        leader = c.elect(1)
        leader.propose(b"1234")
        c[2].propose_batch([b"a", b"b"])
        c.work(2)
        c.deliver()
        assert leader.refused_proposals == 2
        assert leader.log.last_index == 2

    @pytest.mark.parametrize("commands", [[], [b""], [b"a", b""], ["text"], [b"a", None], [bytearray(b"a")]])
    def test_commands_are_bytes_and_not_empty(self, commands):
        c = Cluster()
        leader = c.elect(1)
        with pytest.raises(UsageError, match="commands: at least one is needed"):
            leader.propose_batch(commands)
        assert leader.log.last_index == 1

    def test_while_leadership_moves_nothing_is_taken(self):
        c = Cluster()
        leader = c.elect(1)
        c.isolate(2)
        leader.propose(b"a")
        leader.transfer_leadership(2)
        with pytest.raises(LeadershipMoves, match="moves to node 2"):
            leader.propose(b"b")


@pytest.mark.parametrize(
    ("message", "field"),
    [
        (append(0, 0, [3]), "entries"),
        (append(1, 1, [3], term=5), "entries"),
        (append(1, 2, []), "prev_log_term"),
        (AppendEntries(4, 3, 1, 2, 1, Entries(3, [], []), 0, 0), "sender"),
    ],
)
def test_a_call_against_what_is_committed_or_from_a_second_leader_is_refused_and_changes_nothing(message, field):
    node, storage = node_with_log([1, 1, 1])
    node.step(append(3, 1, [], commit=2))
    finish(node, storage)
    with pytest.raises(MessageError) as refusal:
        node.step(message)
    assert refusal.value.field == field
    assert not node.has_ready()
    assert (node.current_term, node.leader, node.log.last_index, node.commit_index) == (4, 2, 3, 2)
