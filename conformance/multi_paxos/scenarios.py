"""Runs written by hand: what chance meets too rarely. Each is a correct run, and some mistake's worst one."""

from __future__ import annotations

from conformance.cluster import Stuck
from conformance.multi_paxos.cluster import Cluster
from impl.multi_paxos import Role

SETTINGS = {"election_ticks": 3, "heartbeat_ticks": 2, "max_batch_bytes": 1}
"""Hosts that are impatient, and a message for each slot."""
MOST_TICKS = 100
"""Ticks: a correct host stands after a few, and needs no more than two tries."""


def tell(c: Cluster, sender: int, receiver: int) -> None:
    """The sender writes, all that it has said arrives, and the receiver writes."""
    c.work(sender)
    c.deliver_all(sender, receiver)
    c.work(receiver)


def lead(c: Cluster, n: int, follower: int) -> None:
    """A host stands for election, as often as it takes, and wins with one follower's promise."""
    for _ in range(MOST_TICKS):
        node = c.hosts[n].node
        if node is None or node.role is Role.LEADER:
            return
        c.tick(n)
        if node.role is Role.CANDIDATE:
            tell(c, n, follower)
            tell(c, follower, n)
    raise Stuck(f"host {n} stood for election for {MOST_TICKS} ticks, was answered by host {follower} each time, and does not lead")


def late_vote(c: Cluster) -> None:
    """A leader hears of a vote in its earlier ballot while it proposes another command for the slot in a later one."""
    lead(c, 1, 2)
    tell(c, 1, 2)
    c.propose(1)
    c.begin(1)
    c.deliver(1, 2, len(c.links[1, 2]) - 1)
    c.work(2)  # its vote is on the way, and the leader's own is lost
    c.cut(1, 3)
    c.crash(1)
    c.restart(1)
    lead(c, 1, 3)
    c.propose(1)
    c.work(1)
    c.deliver_all(2, 1)
    c.work(1)


def gap(c: Cluster) -> None:
    """A command is voted for in slot 2, of which a new leader hears, and nothing of the one before it in slot 1."""
    lead(c, 1, 2)
    tell(c, 1, 2)
    c.propose(1)
    c.propose(1)
    c.begin(1)
    c.deliver(1, 2, len(c.links[1, 2]) - 1)
    c.cut(1, 2)
    c.cut(1, 3)
    c.work(2)
    lead(c, 2, 3)
    c.propose(2)
    tell(c, 2, 3)


def late_request(c: Cluster) -> None:
    """A request for a promise arrives again, at a follower that has voted in its ballot and restarted."""
    for _ in range(MOST_TICKS):
        c.tick(1)
        if (node := c.hosts[1].node) is None or node.role is not Role.FOLLOWER:
            break
    c.work(1)
    c.deliver(1, 2, again=True)
    tell(c, 2, 1)
    c.propose(1)
    c.work(1)
    while len(c.links[1, 2]) > 1:
        c.deliver(1, 2, 1)
    c.work(2)
    c.crash(2)
    c.restart(2)
    tell(c, 1, 2)


SCENARIOS = {3: (late_vote, gap, late_request)}
"""All of them, by the number of nodes."""
