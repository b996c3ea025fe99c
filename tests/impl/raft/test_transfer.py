"""Leadership transfer (dissertation, section 3.10)."""

from __future__ import annotations

import pytest

from impl.raft import NotLeader, Role, UsageError
from impl.raft.messages import TimeoutNow
from tests.impl.raft.cluster import Cluster


def test_an_up_to_date_follower_takes_over_at_once():
    c = Cluster()
    c.elect(1).transfer_leadership(3)
    c.settle()
    assert [c[n].role for n in c.ids] == [Role.FOLLOWER, Role.FOLLOWER, Role.LEADER]
    assert {node.leader for node in c.nodes.values()} == {3}
    assert c[3].current_term == 2


def test_a_follower_behind_is_brought_up_to_date_first():
    c = Cluster()
    leader = c.elect(1)
    c.isolate(3)
    for i in range(5):
        leader.propose(b"%d" % i)
    c.settle()
    leader.transfer_leadership(3)
    assert not any(isinstance(m, TimeoutNow) for m in leader.outbox)
    c.heal()
    c.tick(1, 2)
    assert c[3].role is Role.LEADER
    assert c.applied[3] == [b"%d" % i for i in range(5)]


def test_it_is_given_up_after_an_election_timeout():
    c = Cluster()
    leader = c.elect(1)
    c.isolate(3)
    leader.transfer_leadership(3)
    c.tick(1, leader.config.election_ticks - 1)
    assert leader.transfer_target == 3
    c.tick(1)
    assert leader.transfer_target is None
    assert leader.role is Role.LEADER
    leader.propose(b"a")
    c.settle()
    assert c.applied[2] == [b"a"]


def test_only_a_leader_hands_over_and_only_to_a_follower():
    c = Cluster()
    c.elect(1)
    with pytest.raises(NotLeader, match="node 1 leads"):
        c[2].transfer_leadership(3)
    for target in (1, 9):
        with pytest.raises(UsageError, match=rf"target: node {target} is no follower of node 1; choose among \[2, 3\]"):
            c[1].transfer_leadership(target)


@pytest.mark.parametrize("m", [TimeoutNow(1, 2, 3), TimeoutNow(1, 1, 3)])
def test_only_the_present_leader_can_call_an_election(m):
    c = Cluster()
    c.elect(1)
    if m.sender == 1:
        c.elect(2)
    before = c[3].current_term
    c[3].step(m)
    assert (c[3].role, c[3].current_term) == (Role.FOLLOWER, before)
