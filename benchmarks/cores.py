"""The cores of Raft and Multi-Paxos, three nodes in one process, in memory: entries a second, cost by length of log, memory.

One by one: each entry is a proposal of its own, in messages of its own, and the next one is proposed once the leader knows it to be
committed; the Ready that hands it out carries the next one. In batches: the same with 64 entries to a proposal. Alone: the next
one is proposed only when nothing at all is left to do for the one before, so news of its commit travels in messages of their own. Every
entry has 16 bytes, is persisted (in memory), sent, acknowledged, committed, and handed out to be applied on all three nodes.

`python -m benchmarks.cores CORE SCALE REPEATS` prints the rates of one core as JSON: that is how the compiled core is measured.
"""

from __future__ import annotations

import json
import random
import sys
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from benchmarks.plan import BenchmarkError
from impl import multi_paxos, raft
from impl.multi_paxos.leadership import Candidacy, Leadership
from impl.multi_paxos.log import Log
from impl.multi_paxos.tally import Tally
from impl.raft.progress import Progress

COMMAND = b"sixteen bytes..."
NODES = (1, 2, 3)
LENGTHS = (1_000, 10_000, 100_000, 1_000_000)
BATCH = 64


@dataclass(frozen=True)
class Core:
    """What differs between the protocols."""

    name: str
    node: Callable[[int, tuple[int, ...], Any], Any]
    """A node by its number, of a cluster, with a storage."""
    storage: Callable[[], Any]
    write: Callable[[Any, Any], None]
    """Persist a Ready."""


def _write_raft(storage: raft.MemoryStorage, ready: raft.Ready) -> None:
    if ready.hard_state is not None:
        storage.set_hard_state(ready.hard_state)
    if ready.entries is not None:
        storage.append(ready.entries)


def _raft(n: int, nodes: tuple[int, ...], storage: Any) -> raft.Raft:
    return raft.Raft(raft.Config(n, nodes), storage, random.Random(n).randrange)


def _multi_paxos(n: int, nodes: tuple[int, ...], storage: Any) -> multi_paxos.Node:
    return multi_paxos.Node(multi_paxos.Config(n, nodes), random.Random(n).randrange, storage)


RAFT = Core("Raft", _raft, raft.MemoryStorage, _write_raft)
MULTI_PAXOS = Core("Multi-Paxos", _multi_paxos, multi_paxos.MemoryStorage, multi_paxos.MemoryStorage.write)
CORES = {"raft": RAFT, "multi-paxos": MULTI_PAXOS}


class Cluster:
    """Nodes whose messages arrive at once, and whose writes are done at once; the first one leads."""

    def __init__(self, core: Core, nodes: tuple[int, ...] = NODES) -> None:
        self.write = core.write
        self.storages = {n: core.storage() for n in nodes}
        self.nodes = {n: core.node(n, nodes, self.storages[n]) for n in nodes}
        self.applied = dict.fromkeys(nodes, 0)
        self.leader = self.nodes[nodes[0]]
        while self.leader.leader != nodes[0]:
            self.leader.tick()
            self.settle()

    def settle(self) -> None:
        """Do all the work there is."""
        while busy := [n for n, node in self.nodes.items() if node.has_ready()]:
            for n in busy:
                self.work(n)

    def work(self, n: int) -> None:
        """Do a node's Ready as its caller must."""
        node, nodes = self.nodes[n], self.nodes
        ready = node.ready()
        self.write(self.storages[n], ready)
        node.advance()
        if ready.committed is not None:
            self.applied[n] += len(ready.committed.commands)
        for message in ready.messages:
            nodes[message.receiver].step(message)
        for message in ready.messages_after_write:
            nodes[message.receiver].step(message)

    def commit(self, proposals: int, batch: int, alone: bool = False) -> None:
        """Propose over and over, each time once everything before is committed, or, alone, done with everywhere."""
        (first, *followers), leader, commands = self.nodes, self.leader, [COMMAND] * batch
        for _ in range(proposals):
            index = leader.propose_batch(commands)
            self.work(first)
            for n in followers:
                self.work(n)
            if leader.commit_index != index:
                raise BenchmarkError(f"entry {index} was not committed in one round trip")
            if alone:
                self.settle()

    def grow(self, length: int) -> None:
        """Have so many entries in the log."""
        while (missing := length - self.leader.commit_index) > 0:
            self.commit(1, min(4096, missing))
        self.settle()


def rate(core: Core, entries: int, batch: int, alone: bool = False) -> float:
    """Entries a second of processor time, all applied on all nodes."""
    cluster = Cluster(core)
    before = dict(cluster.applied)
    began = time.process_time()
    cluster.commit(entries // batch, batch, alone)
    cluster.settle()
    seconds = time.process_time() - began
    done = {cluster.applied[n] - before[n] for n in NODES}
    if done != {entries // batch * batch}:
        raise BenchmarkError(f"not all entries were applied everywhere: {done}")
    return entries / seconds


@dataclass(frozen=True)
class Rates:
    """Entries a second, of each repetition."""

    one_by_one: list[float]
    batches: list[float]
    alone: list[float]


def rates(core: Core, scale: int, repeats: int) -> Rates:
    """All rates of a core; `scale` divides the number of entries."""
    return Rates(
        [rate(core, 60_000 // scale, 1) for _ in range(repeats)],
        [rate(core, 1_280_000 // scale, BATCH) for _ in range(repeats)],
        [rate(core, 20_000 // scale, 1, alone=True) for _ in range(repeats)],
    )


def cost_by_length(core: Core, steps: int) -> list[float]:
    """Microseconds for a round of one entry on all nodes, for each of LENGTHS that the log has before."""
    found, cluster = [], Cluster(core)
    for length in LENGTHS:
        cluster.grow(length)
        began = time.process_time()
        cluster.commit(steps, 1)
        found.append((time.process_time() - began) / steps * 1e6)
    return found


def bytes_per_entry(core: Core, entries: int) -> float:
    """Bytes that a log entry of 16 bytes takes on a node and in its storage, the command's own object included."""
    cluster = Cluster(core, (1,))
    tracemalloc.start()
    for i in range(entries // BATCH):
        cluster.leader.propose_batch([i.to_bytes(8, "big") + j.to_bytes(8, "big") for j in range(BATCH)])
        cluster.settle()
    taken = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    return taken / (entries // BATCH * BATCH)


def bytes_per_follower(core: Core) -> float:
    """Bytes that a leader keeps for a follower to which nothing is under way."""
    followers, kept = 1000, []
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    if core is RAFT:
        kept += [{n: Progress(n, 1) for n in range(followers)}]
    else:
        config = multi_paxos.Config(0, tuple(range(followers)))
        tally = Tally(config)
        kept += [config, tally, Leadership(config, Candidacy(multi_paxos.Ballot(1, 0), 1, tally), Log(), tally)]
    taken = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    return taken / followers


if __name__ == "__main__":
    print(json.dumps(vars(rates(CORES[sys.argv[1]], int(sys.argv[2]), int(sys.argv[3])))))
