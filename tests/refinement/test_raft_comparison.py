"""The comparison sees a change of any variable, on the side of the implementation."""

from __future__ import annotations

import pytest

from conformance.raft import Cluster
from impl.raft import HardState
from impl.raft.messages import AppendReply
from spec.raft import Role


@pytest.fixture
def cluster():
    c = Cluster(3, election_ticks=3, pre_vote=False)
    c.elect(1)
    c.propose(1)
    c.calm(3)
    assert c.checker.comparison.everything() == []
    return c


def different(cluster, n: int = 1) -> list[str]:
    return [d.variable for d in cluster.checker.comparison.of_server(cluster.checker.state.servers[n])]


@pytest.mark.parametrize(
    ("variable", "change"),
    [
        ("role", {"role": Role.FOLLOWER}),
        ("commit_index", {"commit_index": 1}),
        ("next_index", {"progress": ((2, 2, 2), (3, 3, 2))}),
        ("match_index", {"progress": ((2, 3, 1), (3, 3, 2))}),
    ],
)
def test_a_volatile_variable(cluster, variable, change):
    server = cluster.checker.state.servers[1]
    server.view = server.view._replace(**change)
    assert variable in different(cluster)


@pytest.mark.parametrize(("variable", "hard_state"), [("current_term", HardState(2, 1)), ("voted_for", HardState(1, 2))])
def test_the_hard_state_is_that_on_the_disk(cluster, variable, hard_state):
    cluster.hosts[1].disk.storage.set_hard_state(hard_state)
    assert different(cluster) == [variable]


def test_votes(cluster):
    c = Cluster(3, election_ticks=3, pre_vote=False)
    for _ in range(6):
        c.tick(1)
    c.begin(1)
    c.finish(1)
    server = c.checker.state.servers[1]
    server.view = server.view._replace(votes=(1, 2))
    assert different(c) == ["votes_granted"]


def test_the_log_is_that_on_the_disk(cluster):
    storage = cluster.hosts[2].disk.storage
    server = cluster.checker.state.servers[2]
    storage._terms[0] = 7
    assert different(cluster, 2) == [], "nobody has written there"
    cluster.checker.comparison.note(server, 1)
    assert different(cluster, 2) == ["log"]
    del storage._terms[1:], storage._commands[1:]
    assert different(cluster, 2) == ["log"], "a log of another length is seen in any case"


def test_a_snapshot(cluster):
    cluster.hosts[1].disk.storage.compact(2, b"")
    assert different(cluster) == ["snapshot_index"]


def test_messages_on_either_side(cluster):
    comparison, run = cluster.checker.comparison, cluster.checker.run
    forged = AppendReply(9, 2, 1, True, 9, 0, 0, 0, 0)
    assert [d.spec for d in comparison.of_messages(run.mark(), [forged])] == ["no such message"]
    mark = run.mark()
    assert run.take("timeout", cluster.checker.state.servers[2].node)
    assert [d.implementation for d in comparison.of_messages(mark, [])] == ["did not send it"]


def test_what_is_applied_must_be_what_is_committed(cluster):
    server = cluster.checker.state.servers[1]
    node = cluster.hosts[1].node
    entries = node.log.entries(1, 2, 1 << 20)
    assert cluster.checker.comparison.applied(server, entries) == ""
    entries.commands[1] = b"another"
    assert "are not those of the log" in cluster.checker.comparison.applied(server, entries)
    server.view = server.view._replace(commit_index=1)
    assert "only those up to 1 are committed" in cluster.checker.comparison.applied(server, entries)
