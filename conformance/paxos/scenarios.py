"""Runs written by hand: what chance meets too rarely. Each is a correct run, and some mistake's worst one."""

from __future__ import annotations

from conformance.paxos.cluster import Cluster

SETTINGS = {"retry_ticks": 1, "backoff_ticks": 1}
"""Proposers that are impatient."""


def ask(c: Cluster, proposer: int, *acceptors: int) -> None:
    """What the proposer has said arrives at some acceptors in their order, and so do their answers; what it has said to others is lost."""
    c.work(proposer)
    for a in c.hosts:
        if a not in acceptors:
            c.cut(proposer, a)
    for a in acceptors:
        c.deliver_all(proposer, a)
        c.work(a)
        c.deliver_all(a, proposer)


def two_votes(c: Cluster) -> None:
    """A proposer hears of votes for two values, of the earlier one first."""
    c.propose(1)
    ask(c, 1, 2, 3)
    ask(c, 1, 1)
    c.propose(2)
    ask(c, 2, 2, 3)
    ask(c, 2, 3)
    c.crash(1)
    c.restart(1)
    c.propose(1)
    ask(c, 1, 1, 3)
    ask(c, 1, 1, 3)


SCENARIOS = {3: (two_votes,)}
"""All of them, by the number of nodes."""
