"""A Raft host, driven by hand: its disk, its crashes, its state machine."""

from __future__ import annotations

import random

import pytest

from impl.raft import Config, Entries, HardState, NotLeader, Role, Snapshot
from impl.simulation.host import HostDown
from impl.simulation.raft_host import RaftHost


def hosts(size=3, **settings):
    ids = tuple(range(1, size + 1))
    return {n: RaftHost(Config(n, ids, **settings), random.Random(n).randrange) for n in ids}


def settle(cluster, lost=()):
    """Work and deliver until nothing is left to do; messages to the lost hosts are lost."""
    while any(host.has_work() for host in cluster.values()):
        for host in cluster.values():
            if host.has_work():
                for message in host.begin_write() + host.finish_write():
                    if message.receiver not in lost:
                        cluster[message.receiver].receive(message)


def elect(cluster, n=1, lost=()):
    while cluster[n].node.role is not Role.LEADER:
        cluster[n].tick()
        settle(cluster, lost)


def test_a_command_is_applied_by_every_host():
    cluster = hosts()
    elect(cluster)
    cluster[1].propose(b"x")
    settle(cluster)
    assert [host.machine.commands for host in cluster.values()] == [[b"x"]] * 3
    assert cluster[2].completed == [(b"x", 1)]


def test_a_read_is_answered_once_its_index_is_applied():
    cluster = hosts()
    elect(cluster)
    cluster[2].read(b"r")
    assert cluster[2].answered == []
    settle(cluster)
    assert cluster[2].answered == [b"r"]
    assert cluster[2].applied_index == 1


def test_a_refusal_is_the_nodes_own():
    with pytest.raises(NotLeader):
        hosts()[1].propose(b"x")


def writing(*commands):
    """A leader whose entries are queued and not synced."""
    cluster = hosts()
    elect(cluster)
    for command in commands:
        cluster[1].propose(command)
    cluster[1].begin_write()
    return cluster[1]


@pytest.mark.parametrize(("surviving", "left"), [(0, 1), (1, 2), (2, 3), (3, 4), (9, 4)])
def test_of_the_unsynced_entries_a_beginning_survives_a_crash(surviving, left):
    host = writing(b"a", b"b", b"c")
    host.crash(surviving)
    host.restart()
    assert host.node.log.last_index == left
    assert host.disk.storage.entries(2, left).commands == [b"a", b"b", b"c"][: left - 1]


def test_a_torn_write_begins_with_the_hard_state():
    host = hosts(size=1, pre_vote=False)[1]
    while not host.has_work():
        host.tick()
    host.begin_write()
    assert host.disk.pieces() == [HardState(1, 1)]
    host.finish_write()
    host.begin_write()
    assert host.disk.pieces() == [Entries(1, [1], [b""])]


def test_a_crash_loses_all_that_is_volatile():
    cluster = hosts()
    elect(cluster)
    cluster[1].propose(b"x")
    settle(cluster)
    cluster[1].crash()
    with pytest.raises(HostDown, match="host 1 is down"):
        cluster[1].tick()
    assert not cluster[1].has_work()
    cluster[1].restart()
    host = cluster[1]
    assert (host.machine.commands, host.node.commit_index, host.node.role) == ([], 0, Role.FOLLOWER)
    assert (host.node.current_term, host.node.voted_for, host.node.log.last_index) == (1, 1, 2)


def test_a_snapshot_stands_for_the_log_before_it():
    cluster = hosts()
    elect(cluster, lost={3})
    cluster[1].propose(b"x")
    settle(cluster, lost={3})
    assert cluster[1].can_compact()
    cluster[1].compact(cluster[1].applied_index)
    assert not cluster[1].can_compact()
    cluster[1].crash()
    cluster[1].restart()
    assert cluster[1].machine.commands == [b"x"]
    elect(cluster)
    assert cluster[3].disk.storage.snapshot() == Snapshot(2, 1, b"x")
    assert cluster[3].machine.commands == [b"x"]
    assert cluster[3].applied_index == cluster[1].applied_index


def test_only_what_is_applied_is_compacted_and_not_during_a_write():
    cluster = hosts()
    elect(cluster)
    cluster[1].propose(b"x")
    with pytest.raises(ValueError, match="cannot compact up to 2"):
        cluster[1].compact(2)
    cluster[1].begin_write()
    with pytest.raises(ValueError, match="cannot compact up to 1"):
        cluster[1].compact(1)


def test_what_does_not_go_with_the_state_of_a_host_is_refused():
    host = hosts()[1]
    with pytest.raises(ValueError, match="host 1 has no write under way"):
        host.finish_write()
    with pytest.raises(ValueError, match="host 1 is up; crash it first"):
        host.restart()
    host.crash()
    with pytest.raises(HostDown):
        host.crash()
