"""`python -m benchmarks.raft_core`: the Raft core, three nodes in one process, in memory: entries a second, cost by length of log, memory.

One by one: each entry is a proposal of its own, in messages of its own, and the next one is proposed once its leader knows it to be
committed; the Ready that hands it out carries the next one. In batches: the same with 64 entries to a proposal. Alone: the next
one is proposed only when nothing at all is left to do for the one before, so news of its commit travels in messages of their own. Every
entry is persisted (in memory), sent, acknowledged, committed, and handed out to be applied on all three nodes. Figures are
of processor time, of one thread.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
import tracemalloc

from impl.raft import Config, MemoryStorage, Raft, Role
from impl.raft.progress import Progress

COMMAND = b"sixteen bytes...".ljust(16)[:16]
NODES = (1, 2, 3)
LENGTHS = (1_000, 10_000, 100_000, 1_000_000)


class Cluster:
    """Three nodes whose messages arrive at once, and whose writes are done at once."""

    def __init__(self) -> None:
        self.storages = {n: MemoryStorage() for n in NODES}
        self.nodes = {n: Raft(Config(n, NODES), self.storages[n], random.Random(n).randrange) for n in NODES}
        self.applied = dict.fromkeys(NODES, 0)
        self.leader = self.nodes[1]
        while self.leader.role is not Role.LEADER:
            self.leader.tick()
            self.settle()
        self.settle()

    def settle(self) -> None:
        """Do all the work there is."""
        while busy := [n for n in NODES if self.nodes[n].has_ready()]:
            for n in busy:
                self.work(n)

    def work(self, n: int) -> None:
        """Do a node's Ready as its caller must."""
        node, storage, nodes = self.nodes[n], self.storages[n], self.nodes
        ready = node.ready()
        if ready.hard_state is not None:
            storage.set_hard_state(ready.hard_state)
        if ready.entries is not None:
            storage.append(ready.entries)
        node.advance()
        if ready.committed is not None:
            self.applied[n] += len(ready.committed.terms)
        for message in ready.messages:
            nodes[message.receiver].step(message)
        for message in ready.messages_after_write:
            nodes[message.receiver].step(message)

    def commit(self, proposals: int, batch: int, alone: bool = False) -> None:
        """Propose over and over, each time once everything before is committed, or, alone, done with everywhere."""
        leader, followers = self.leader, [n for n in NODES if n != self.leader.id]
        commands = [COMMAND] * batch
        for _ in range(proposals):
            index = leader.propose_batch(commands)
            self.work(leader.id)
            for n in followers:
                self.work(n)
            if leader.commit_index != index:
                raise SystemExit(f"entry {index} was not committed in one round trip")
            if alone:
                self.settle()


def rate(entries: int, batch: int, alone: bool = False) -> float:
    """Entries a second of processor time, all applied on all nodes."""
    cluster = Cluster()
    before = dict(cluster.applied)
    began = time.process_time()
    cluster.commit(entries // batch, batch, alone)
    cluster.settle()
    seconds = time.process_time() - began
    done = {cluster.applied[n] - before[n] for n in NODES}
    if done != {entries // batch * batch}:
        raise SystemExit(f"not all entries were applied everywhere: {done}")
    return entries / seconds


def cost_by_length(steps: int) -> list[tuple[int, float]]:
    """Microseconds for a round of one entry, by the length of the log before."""
    found, cluster = [], Cluster()
    for length in LENGTHS:
        while cluster.leader.log.last_index < length:
            cluster.commit(1, min(4096, length - cluster.leader.log.last_index))
        began = time.process_time()
        cluster.commit(steps, 1)
        found.append((length, (time.process_time() - began) / steps * 1e6))
    return found


def bytes_per_entry(entries: int) -> float:
    """Bytes that a log entry of 16 bytes takes on a node, the command's own object included."""
    storage = MemoryStorage()
    node = Raft(Config(1, (1,)), storage, random.Random(0).randrange)
    while node.role is not Role.LEADER:
        node.tick()
        _write(node, storage)
    tracemalloc.start()
    for i in range(entries // 64):
        node.propose_batch([i.to_bytes(8, "big") + j.to_bytes(8, "big") for j in range(64)])
        while node.has_ready():
            _write(node, storage)
    taken = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    return taken / (entries // 64 * 64)


def _write(node: Raft, storage: MemoryStorage) -> None:
    ready = node.ready()
    if ready.hard_state is not None:
        storage.set_hard_state(ready.hard_state)
    if ready.entries is not None:
        storage.append(ready.entries)
    node.advance()


def bytes_per_follower() -> int:
    """Bytes that a leader keeps for a follower with an empty window."""
    p = Progress(2, 1)
    return sys.getsizeof(p) + sys.getsizeof(p.inflight)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.raft_core", description="Measure the Raft core.")
    parser.add_argument("--quick", action="store_true", help="whether it works, not how fast it is")
    quick = parser.parse_args().quick
    scale, repeats = (100, 1) if quick else (1, 3)
    one = [rate(60_000 // scale, 1) for _ in range(repeats)]
    many = [rate(1_280_000 // scale, 64) for _ in range(repeats)]
    alone = [rate(20_000 // scale, 1, alone=True) for _ in range(repeats)]
    print("entries of 16 bytes, three nodes, CPython, per second of processor time: best (all)")
    for name, rates in (("one by one", one), ("batches of 64", many), ("alone", alone)):
        print(f"  {name:14} {max(rates):>12,.0f}   ({', '.join(f'{r:,.0f}' for r in rates)})")
    print("round of one entry on all three nodes, by length of the log")
    for length, microseconds in cost_by_length(2_000 // scale):
        print(f"  {length:>9,} entries {microseconds:8.1f} µs")
    print(f"memory: {bytes_per_entry(64_000 // scale):.0f} bytes an entry on a node, {bytes_per_follower()} bytes a follower on its leader")


if __name__ == "__main__":
    main()
