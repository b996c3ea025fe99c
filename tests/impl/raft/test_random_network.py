"""Random runs on a network that loses, duplicates and reorders, with crashes, partitions and compaction: safety at every step."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from impl.raft import ProposalRefused, Role
from impl.raft.messages import InstallSnapshot
from tests.impl.raft.cluster import Cluster


class Watched(Cluster):
    """Asserts what must hold of every run, with what the run has shown before."""

    def __init__(self, **settings: object) -> None:
        self.leaders: dict[int, int] = {}
        self.machine: list[bytes] = []
        self.seen: Counter[str] = Counter()
        super().__init__(**settings)

    def check(self) -> None:
        for n, node in self.nodes.items():
            if node.role is Role.LEADER:
                assert self.leaders.setdefault(node.current_term, n) == n, f"election safety: two leaders in term {node.current_term}"
            longer = max(self.machine, self.applied[n], key=len)
            assert longer[: len(self.applied[n])] == self.applied[n], "state machine safety"
            assert longer[: len(self.machine)] == self.machine, "state machine safety"
            self.machine = list(longer)

    def check_logs(self) -> None:
        logs = {n: {node.log.first_index() + i: e for i, e in enumerate(self.log(n))} for n, node in self.nodes.items()}
        for a in self.ids:
            for b in self.ids:
                common = sorted(logs[a].keys() & logs[b].keys(), reverse=True)
                agree = next((i for i in common if logs[a][i][0] == logs[b][i][0]), 0)
                assert all(logs[a][i] == logs[b][i] for i in common if i <= agree), "log matching"
        for leader in (n for n in self.nodes.values() if leads(n)):
            newest = leader.current_term == max(n.current_term for n in self.nodes.values())
            if newest:
                committed = max(n.commit_index for n in self.nodes.values())
                assert leader.log.last_index >= committed, "leader completeness"


def leads(node) -> bool:
    return node.role is Role.LEADER


def one_event(c: Watched, rng: random.Random, number: int) -> None:
    kind, n = rng.random(), rng.choice(c.ids)
    node = c[n]
    if kind < 0.45 and c.network:
        m = c.network.pop(rng.randrange(len(c.network)))
        if rng.random() < 0.1:
            c.network.append(m)
            c.seen["duplicated"] += 1
        if isinstance(m, InstallSnapshot):
            c[m.sender].report_snapshot(m.receiver, True)
        if rng.random() < 0.9 and (m.sender, m.receiver) not in c.cut:
            c[m.receiver].step(m)
    elif kind < 0.75:
        if n in c.writing:
            c.finish(n)
        elif node.has_ready():
            c.begin(n)
    elif kind < 0.87:
        node.tick()
    elif kind < 0.96:
        try:
            node.propose_batch([b"%d.%d" % (number, i) for i in range(rng.randrange(1, 4))])
        except ProposalRefused:
            c.seen["refused"] += 1
    elif kind < 0.97:
        c.restart(n)
        c.seen["crash"] += 1
    elif kind < 0.98:
        c.heal()
        if rng.random() < 0.5:
            c.isolate(n)
    elif kind < 0.99:
        storage, applied = c.storages[n], node.handed_index
        if n not in c.writing and storage.first_index() <= applied <= storage.last_index():
            storage.compact(applied, b" ".join(c.applied[n]))
            c.seen["compaction"] += 1
    elif leads(node):
        node.transfer_leadership(rng.choice([p for p in c.ids if p != n]))
        c.seen["transfer"] += 1


@pytest.mark.parametrize("seed", range(40))
def test_safety_holds_and_the_cluster_recovers(seed):
    rng = random.Random(seed)
    settings = {"pre_vote": rng.random() < 0.5, "check_quorum": rng.random() < 0.5, "max_inflight": rng.choice([1, 2, 256])}
    c = Watched(size=rng.choice([3, 5]), seed=seed, election_ticks=5, max_batch_bytes=rng.choice([1, 12, 1000]), **settings)
    for number in range(3000):
        one_event(c, rng, number)
        c.check()
        if number % 50 == 0:
            c.check_logs()
        del c.network[: max(0, len(c.network) - 60)]
    c.heal()
    recover(c)
    assert c.machine, "something was committed"


def recover(c: Watched) -> None:
    """On a network that works, a leader is found, and all nodes get to the same state."""
    for _ in range(300):
        for n in c.ids:
            for p in c.ids:
                c[n].report_snapshot(p, delivered=False)
            c.tick(n)
            c.check()
        for node in c.nodes.values():
            if leads(node) and node.transfer_target is None and node.leader == node.id:
                node.propose(b"end")
        c.settle()
        if {tuple(a[-1:]) for a in c.applied.values()} == {(b"end",)} and len({tuple(a) for a in c.applied.values()}) == 1:
            c.check_logs()
            return
    raise AssertionError(f"no recovery: {[(n.role, n.current_term, n.commit_index, n.log.last_index) for n in c.nodes.values()]}")
