"""Runs written by hand: what chance meets too rarely. Each is a correct run, and some mistake's worst one."""

from __future__ import annotations

from conformance.raft.cluster import Cluster
from impl.raft.messages import InstallSnapshot

SETTINGS = {"election_ticks": 3, "pre_vote": False, "check_quorum": False}
"""Hosts that are impatient and ask nobody before they stand."""


def tell(c: Cluster, sender: int, receiver: int) -> None:
    """The sender writes, and all that it says arrives, but snapshots."""
    c.work(sender)
    waiting = c.links[sender, receiver]
    while others := [i for i, m in enumerate(waiting) if not isinstance(m, InstallSnapshot)]:
        c.deliver(sender, receiver, others[0])


def wait(c: Cluster, n: int) -> None:
    """So long that the host's patience ends, however long it is."""
    for _ in range(2 * SETTINGS["election_ticks"]):
        c.tick(n)


def snapshot_under_way(c: Cluster) -> None:
    """Host 1 leads; host 3 lacks what it has compacted away, and the snapshot waits on the link."""
    c.elect(1)
    c.crash(3)
    for _ in range(3):
        c.propose(1)
        c.calm(3)
    c.compact(1)
    c.cut(1, 3)
    c.cut(2, 3)
    c.restart(3)
    for _ in range(4):
        c.tick(1)
        tell(c, 1, 3)
        tell(c, 3, 1)


def old_snapshot(c: Cluster) -> None:
    """A snapshot arrives twice: the second time, its receiver has compacted more than it covers."""
    snapshot_under_way(c)
    c.deliver(1, 3, again=True)
    c.report(1, 3)
    c.propose(1)
    for _ in range(4):
        tell(c, 3, 1)
        c.tick(1)
        tell(c, 1, 3)
    c.compact(3)
    c.deliver(1, 3)
    c.calm(3)


def read_after_the_round(c: Cluster) -> None:
    """A leader that is none any more takes a read while an answer to its last round of calls is still under way."""
    c.elect(1)
    c.read(1)
    c.work(1)
    for follower in (2, 3):
        c.deliver(1, follower)
        c.work(follower)
    c.deliver(2, 1)
    c.work(1)
    c.cut(1, 2)
    c.cut(1, 3)
    node = c.hosts[2].node
    assert node is not None, "host 2 is up"
    while node.election_elapsed < node.timeout and node.leader is not None:
        c.tick(2)
    c.work(2)
    c.deliver_all(2, 3)
    for _ in range(3):
        c.work(3)
        c.deliver_all(3, 2)
        c.work(2)
        c.deliver_all(2, 3)
    c.read(1)
    c.deliver_all(3, 1)
    c.work(1)


def read_in_a_minority(c: Cluster) -> None:
    """A leader cut off with one follower takes a read, while the other three have elected another and committed more."""
    c.elect(1)
    c.propose(1)
    c.calm(3)
    wait(c, 3)
    for _ in range(5):
        for sender in (3, 4, 5):
            c.work(sender)
            c.cut(sender, 1)
            c.cut(sender, 2)
        for sender, receiver in ((3, 4), (3, 5), (4, 3), (5, 3)):
            c.deliver_all(sender, receiver)
        c.propose(3)
    c.read(1)
    c.work(1)
    c.deliver_all(1, 2)
    c.work(2)
    c.deliver_all(2, 1)
    c.work(1)


def replaced_while_written(c: Cluster) -> None:
    """A leader is still writing an entry when its successor's takes the place."""
    c.elect(1)
    c.propose(1)
    c.begin(1)
    c.cut(1, 2)
    c.cut(1, 3)
    wait(c, 2)
    for _ in range(3):
        tell(c, 2, 3)
        tell(c, 3, 2)
    c.work(2)
    c.deliver_all(2, 1)
    c.finish(1)
    c.work(1)


def snapshot_within_the_log(c: Cluster) -> None:
    """A follower gets a snapshot whose last entry it holds, with one more behind it, and hears that this one is committed, too."""
    c.elect(1)
    c.calm(2)
    for _ in range(3):
        c.propose(1)
        c.work(1)
    c.deliver(1, 3, 1, again=True)  # the second call overtakes the first, and is refused
    c.work(3)
    for position in (0, 1, 0):
        c.deliver(1, 3, position)
    c.work(3)
    while len(c.links[3, 1]) > 1:
        c.lose(3, 1, 1)
    c.deliver(1, 2)
    c.deliver(1, 2)
    tell(c, 2, 1)
    c.work(1)
    c.work(1)
    c.compact(1)
    c.cut(1, 3)
    c.deliver(3, 1)
    c.work(1)
    c.deliver(1, 2)
    tell(c, 2, 1)
    for _ in range(3):
        c.work(1)
        c.tick(1)
    c.deliver_all(1, 3)
    c.work(3)


def answer_of_an_earlier_term(c: Cluster) -> None:
    """A leader that was deposed leads again, and only then hears what a follower has answered in its first term."""
    c.elect(1)
    c.propose(1)
    c.work(1)
    c.deliver(1, 2)
    c.deliver(1, 2)
    c.work(2)
    c.cut(1, 3)
    for candidate, other in ((3, 1), (1, 3)):
        wait(c, candidate)
        for _ in range(3):
            tell(c, candidate, other)
            tell(c, other, candidate)
    c.deliver_all(2, 1)
    c.work(1)


SCENARIOS = {
    3: (snapshot_under_way, old_snapshot, snapshot_within_the_log, read_after_the_round, replaced_while_written, answer_of_an_earlier_term),
    5: (read_in_a_minority,),
}
"""All of them, by the number of nodes."""
