"""Log compaction: snapshots made, sent, received and restored (section 7)."""

from __future__ import annotations

import pytest

from impl.raft import Entries, MemoryStorage, Role, Snapshot, StorageError
from impl.raft.messages import AppendEntries, AppendReply, InstallSnapshot
from impl.raft.progress import Flow
from tests.impl.raft.cluster import Cluster, finish, node_with_log


def install(index, term, data=b"state", message_term=3):
    return InstallSnapshot(message_term, 2, 1, Snapshot(index, term, data), 0)


def compacted_leader(commands=20):
    """Node 3 was away while the leader took commands and compacted all of them away."""
    c = Cluster()
    leader = c.elect(1)
    c.isolate(3)
    for i in range(commands):
        leader.propose(b"%d" % i)
        c.settle()
    c.storages[1].compact(leader.commit_index, b" ".join(c.applied[1]))
    return c, leader


def test_a_follower_that_lacks_compacted_entries_gets_the_snapshot_and_then_entries():
    c, leader = compacted_leader()
    c.heal()
    c.tick(1, 3)
    assert c.storages[3].snapshot() == c.storages[1].snapshot()
    assert c.applied[3] == c.applied[1]
    assert leader.progress[3].flow is Flow.REPLICATE
    leader.propose(b"more")
    c.settle()
    assert c.applied[3][-1] == b"more"


def test_no_entries_are_sent_behind_a_snapshot_under_way():
    c, leader = compacted_leader()
    c.heal()
    leader.progress[3].probe(1)
    leader.tick()
    c.work(1)
    assert leader.progress[3].flow is Flow.SNAPSHOT
    leader.propose(b"more")
    assert [m for m in c.work(1).messages if m.receiver == 3] == []
    leader.tick()
    (call,) = [m for m in c.work(1).messages if m.receiver == 3]
    assert (call.prev_log_index, call.prev_log_term, len(call.entries)) == (21, 1, 0), "a heartbeat that finds out whether it has arrived"


def test_a_lost_acknowledgement_of_a_snapshot_is_made_up_for_by_the_next_heartbeat():
    c, leader = compacted_leader()
    c.heal()
    leader.progress[3].probe(1)
    leader.tick()
    c.work(1)
    c.deliver(lambda m: m.receiver == 3)
    c.work(3)
    c.network.clear()
    assert leader.progress[3].flow is Flow.SNAPSHOT
    c.tick(1)
    assert leader.progress[3].flow is Flow.REPLICATE


def test_while_storage_has_no_snapshot_the_heartbeats_go_on_trying():
    c, _ = compacted_leader()
    held, c.storages[1]._snapshot = c.storages[1]._snapshot, None
    c.heal()
    c.tick(1, 3)
    assert c.applied[3] == []
    c.storages[1]._snapshot = held
    c.tick(1, 2)
    assert c.applied[3] == c.applied[1]


class TestReceiving:
    """Figure 13, receiver implementation."""

    def test_a_snapshot_replaces_a_log_that_does_not_reach_it(self):
        node, storage = node_with_log([1, 1])
        node.step(install(5, 2))
        assert (node.log.last_index, node.log.last_term, node.commit_index, node.log.first_index()) == (5, 2, 5, 6)
        ready = finish(node, storage)
        assert ready.snapshot == Snapshot(5, 2, b"state")
        assert ready.committed is None
        assert ready.messages_after_write == [AppendReply(3, 1, 2, True, 5, 0, 0, 0, 0)]
        assert not node.has_ready()
        assert (storage.first_index(), storage.last_index(), node.log.term(5)) == (6, 5, 2)

    def test_a_conflicting_log_is_replaced_too(self):
        node, storage = node_with_log([1, 1, 1, 1])
        node.step(install(2, 2))
        finish(node, storage)
        assert (node.log.last_index, storage.last_index()) == (2, 2)

    def test_a_log_that_holds_the_last_entry_is_kept_and_committed_up_to_it(self):
        node, storage = node_with_log([1, 1, 2, 2])
        node.step(install(3, 2))
        ready = finish(node, storage)
        assert (ready.snapshot, node.commit_index, node.log.last_index) == (None, 3, 4)
        assert ready.committed.last_index == 3

    def test_what_is_committed_already_is_only_acknowledged(self):
        node, storage = node_with_log([1, 1, 1])
        node.step(AppendEntries(3, 2, 1, 3, 1, Entries(4, [], []), 3, 0))
        finish(node, storage)
        node.step(install(2, 1))
        ready = finish(node, storage)
        assert (ready.snapshot, ready.messages_after_write[0].match_index) == (None, 3)

    def test_entries_follow_on_a_snapshot_that_is_still_being_written(self):
        node, storage = node_with_log([])
        node.step(install(5, 2))
        node.step(AppendEntries(3, 2, 1, 5, 2, Entries(6, [3], [b"x"]), 6, 0))
        ready = finish(node, storage)
        assert (ready.snapshot.last_index, ready.entries.first_index, ready.committed.first_index) == (5, 6, 6)
        assert storage.last_index() == 6

    def test_a_second_snapshot_while_the_first_is_written(self):
        node, storage = node_with_log([])
        node.step(install(5, 2))
        node.ready()
        node.step(install(9, 3))
        node.advance()
        assert finish(node, storage).snapshot.last_index == 9
        assert node.log.snapshot is None

    def test_a_call_that_begins_within_the_compacted_part_is_taken_from_there_on(self):
        node, storage = node_with_log([1] * 6)
        node.step(AppendEntries(3, 2, 1, 6, 1, Entries(7, [], []), 5, 0))
        finish(node, storage)
        storage.compact(5, b"state")
        node.step(AppendEntries(3, 2, 1, 2, 1, Entries(3, [1, 1, 1, 1, 3], [b"x"] * 5), 5, 0))
        assert finish(node, storage).messages_after_write[0].match_index == 7
        assert [node.log.term(i) for i in (4, 5, 6, 7)] == [None, 1, 1, 3]

    def test_a_stale_leader_is_refused(self):
        node, storage = node_with_log([], current_term=5)
        node.step(install(5, 2))
        ready = finish(node, storage)
        assert (ready.snapshot, ready.messages_after_write[0].success, ready.messages_after_write[0].term) == (None, False, 5)


def test_a_leader_elected_from_a_snapshot_alone_serves():
    c, _ = compacted_leader()
    c.heal()
    c.tick(1, 3)
    c.isolate(1)
    leader = c.elect(3)
    assert leader.role is Role.LEADER
    leader.propose(b"more")
    c.settle()
    assert c.applied[2][-1] == b"more"


class TestMemoryStorage:
    """The storage that comes with the core."""

    def test_it_begins_empty(self):
        storage = MemoryStorage()
        assert (storage.first_index(), storage.last_index(), storage.term(0), storage.snapshot()) == (1, 0, 0, None)

    def test_what_was_compacted_away_is_not_held(self):
        storage = filled()
        assert storage.compact(3, b"s") == Snapshot(3, 2, b"s")
        assert (storage.first_index(), storage.last_index(), storage.term(3), storage.term(4)) == (4, 5, 2, 3)
        with pytest.raises(StorageError, match="entry 2 was compacted away; entries begin at 4"):
            storage.term(2)
        with pytest.raises(StorageError, match=r"entries 3\.\.4 are not all held; storage has 4\.\.5"):
            storage.entries(3, 4)

    @pytest.mark.parametrize("index", [0, 6])
    def test_only_what_is_held_can_be_compacted(self, index):
        with pytest.raises(StorageError, match="cannot be compacted"):
            filled().compact(index, b"")

    @pytest.mark.parametrize("first", [0, 7])
    def test_entries_must_join_what_is_held(self, first):
        with pytest.raises(StorageError, match=r"do not join 1\.\.5"):
            filled().append(Entries(first, [3], [b"x"]))

    def test_what_it_has_handed_out_stays_as_it_is(self):
        storage = filled()
        run = storage.entries(1, 5)
        storage.append(Entries(2, [9], [b"y"]))
        storage.compact(1, b"")
        assert run.terms == [1, 2, 2, 3, 3]


def filled() -> MemoryStorage:
    storage = MemoryStorage()
    storage.append(Entries(1, [1, 2, 2, 3, 3], [b"x"] * 5))
    return storage
