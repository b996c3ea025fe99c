"""`python -m benchmarks.multi_paxos [--entries N]`: entries a second through three nodes in one process, in memory.

The network delivers at once and in order, the storage is memory, a command has 16 bytes. An entry counts once all three nodes
have handed it out to their state machines. One by one: the next command is proposed when the previous one has got there.
"""

from __future__ import annotations

import argparse
import random
import time
from collections import deque
from dataclasses import dataclass

from impl.multi_paxos import Config, MemoryStorage, Message, Node

COMMAND = b"sixteen bytes..."
BATCH = 64
TARGETS = {1: 25_000, BATCH: 400_000}
"""Entries a second to reach, by entries a proposal."""


@dataclass(frozen=True)
class Replication:
    """Entries replicated in batches, on a log that held `log_length` before, in so many seconds."""

    batch: int
    log_length: int
    entries: int
    wall: float
    processor: float

    @property
    def rate(self) -> float:
        """Entries a second by the processor's clock, which other processes do not slow down."""
        return self.entries / self.processor


class Cluster:
    """Three nodes, their storage, and how many entries each has applied."""

    def __init__(self) -> None:
        members = (1, 2, 3)
        self.storage = {m: MemoryStorage() for m in members}
        self.nodes = {m: Node(Config(m, members), random.Random(m).randrange, self.storage[m]) for m in members}
        self.applied = dict.fromkeys(members, 0)
        while self.nodes[1].leader != 1:
            self.nodes[1].tick()
            self.settle()
        self.leader = self.nodes[1]

    def settle(self) -> None:
        """Do all work, and deliver all messages, until nothing is left."""
        flying: deque[Message] = deque()
        touched = set(self.nodes)
        while touched:
            for member in touched:
                node = self.nodes[member]
                while node.has_ready():
                    ready = node.ready()
                    self.storage[member].write(ready)
                    if ready.committed is not None:
                        self.applied[member] += len(ready.committed.commands)
                    node.advance()
                    flying += ready.messages
                    flying += ready.messages_after_write
            touched.clear()
            while flying:
                message = flying.popleft()
                self.nodes[message.receiver].step(message)
                touched.add(message.receiver)

    def replicate(self, entries: int, batch: int) -> None:
        """Propose so many entries in batches; ends when all nodes have applied them."""
        commands = [COMMAND] * batch
        for _ in range(entries // batch):
            self.leader.propose_batch(list(commands))
            self.settle()


def measure(entries: int, batch: int, log_length: int = 0) -> Replication:
    """Entries a second on a log that holds `log_length` entries before."""
    cluster = Cluster()
    cluster.replicate(log_length, min(1000, max(log_length, 1)))
    before = set(cluster.applied.values())
    wall, processor = time.perf_counter(), time.process_time()
    cluster.replicate(entries, batch)
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    assert before == {log_length}
    assert set(cluster.applied.values()) == {log_length + entries}, "every node applies every entry"
    return Replication(batch, log_length, entries, wall, processor)


def table(found: list[Replication]) -> str:
    """The figures and their targets, as Markdown."""
    lines = ["| entries a proposal | entries before | entries | wall s | processor s | entries/s (processor) | target |", "|---|---|---|---|---|---|---|"]
    for r in found:
        target = f"{TARGETS[r.batch]:,}: {'met' if r.rate >= TARGETS[r.batch] else '**not met**'}"
        lines.append(f"| {r.batch} | {r.log_length:,} | {r.entries:,} | {r.wall:.2f} | {r.processor:.2f} | {r.rate:,.0f} | {target} |")
    return "\n".join(lines)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.multi_paxos", description=__doc__)
    parser.add_argument("--entries", type=int, default=64_000, help="entries of the one-by-one run; ten times as many in batches")
    entries = parser.parse_args().entries // BATCH * BATCH
    found = [measure(entries, 1), measure(10 * entries, BATCH)]
    found += [measure(entries, 1, length) for length in (1_000, 10_000, 100_000, 1_000_000)]
    print(table(found))


if __name__ == "__main__":
    main()
