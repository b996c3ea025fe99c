"""A cluster in memory whose network and crashes a test controls; it does the caller's duties to the letter."""

from __future__ import annotations

import random
from collections.abc import Callable

from impl.raft import Config, MemoryStorage, Raft, ReadState, Ready, Role, Tracer
from impl.raft.messages import Message


class Cluster:
    """Nodes 1..n; messages wait in `network` until they are delivered, and those over a link in `cut` are lost."""

    def __init__(self, size: int = 3, seed: int = 0, tracer: Tracer | None = None, **settings: object) -> None:
        self.ids = tuple(range(1, size + 1))
        self.settings, self.seed, self.tracer = settings, seed, tracer
        self.storages = {n: MemoryStorage() for n in self.ids}
        self.nodes: dict[int, Raft] = {}
        self.applied: dict[int, list[bytes]] = {}
        self.reads: dict[int, list[ReadState]] = {}
        self.network: list[Message] = []
        self.cut: set[tuple[int, int]] = set()
        self.writing: dict[int, Ready] = {}
        for n in self.ids:
            self.restart(n)

    def restart(self, n: int) -> None:
        """The node loses all that is not in its storage, and comes back."""
        self.writing.pop(n, None)
        config = Config(n, self.ids, **self.settings)
        self.nodes[n] = Raft(config, self.storages[n], random.Random(self.seed * 100 + n).randrange, self.tracer)
        snapshot = self.storages[n].snapshot()
        self.applied[n], self.reads[n] = snapshot.data.split() if snapshot else [], []

    def __getitem__(self, n: int) -> Raft:
        return self.nodes[n]

    def work(self, n: int) -> Ready:
        """Do the work of one Ready."""
        self.begin(n)
        return self.finish(n)

    def begin(self, n: int) -> Ready:
        """Take a Ready and begin to write what it holds; a crash before the end loses all of it."""
        ready = self.writing[n] = self.nodes[n].ready()
        self.network += ready.messages
        return ready

    def finish(self, n: int) -> Ready:
        """The write is done, and so is all that had to wait for it."""
        ready = self.writing.pop(n)
        persist(self.storages[n], ready)
        self.network += ready.messages_after_write
        self.apply(n, ready)
        self.nodes[n].advance()
        return ready

    def apply(self, n: int, ready: Ready) -> None:
        """The state machine is the list of commands."""
        if ready.snapshot is not None:
            self.applied[n] = ready.snapshot.data.split()
        if ready.committed is not None:
            self.applied[n] += [command for command in ready.committed.commands if command]
        self.reads[n] += ready.read_states

    def deliver(self, wanted: Callable[[Message], bool] = lambda m: True) -> int:
        """Deliver the waiting messages that are wanted, in order; the others go on waiting. How many there were."""
        now = [m for m in self.network if wanted(m)]
        self.network = [m for m in self.network if not wanted(m)]
        for m in now:
            if (m.sender, m.receiver) not in self.cut:
                self.nodes[m.receiver].step(m)
        return len(now)

    def settle(self) -> None:
        """Work and deliver until nothing is left to do."""
        for n in list(self.writing):
            self.finish(n)
        while True:
            busy = [n for n in self.ids if self.nodes[n].has_ready()]
            for n in busy:
                self.work(n)
            if not self.deliver() and not busy:
                return

    def tick(self, n: int, times: int = 1) -> None:
        """Time passes for one node, with nothing left to do after each tick."""
        for _ in range(times):
            self.nodes[n].tick()
            self.settle()

    def elect(self, n: int) -> Raft:
        """Let one node's patience end before the others'; it leads afterwards."""
        node = self.nodes[n]
        for other in self.ids:  # who hears from a leader would not vote
            if other != n:
                self.nodes[other].election_elapsed = self.nodes[other].config.election_ticks
        node.election_elapsed = node.timeout
        self.tick(n)
        assert node.role is Role.LEADER
        return node

    def isolate(self, *nodes: int) -> None:
        """Cut the links between these nodes and all others, both ways."""
        self.cut |= {(a, b) for a in self.ids for b in self.ids if (a in nodes) != (b in nodes)}

    def heal(self) -> None:
        """All links work."""
        self.cut.clear()

    def log(self, n: int) -> list[tuple[int, bytes]]:
        """A node's whole log, as terms and commands, from its first index on."""
        log = self.nodes[n].log
        found: list[tuple[int, bytes]] = []
        index = log.first_index()
        while index <= log.last_index:
            run = log.entries(index, log.last_index, 1 << 30)
            found += [(e.term, e.command) for e in run]
            index = run.last_index + 1
        return found


def node_with_log(terms: list[int], n: int = 1, size: int = 3, current_term: int | None = None, **settings: object) -> tuple[Raft, MemoryStorage]:
    """A node restarted with a log of these terms."""
    from impl.raft import Entries, HardState

    storage = MemoryStorage()
    if terms:
        storage.append(Entries(1, list(terms), [b"%d" % i for i in range(1, len(terms) + 1)]))
    storage.set_hard_state(HardState(current_term if current_term is not None else max(terms, default=0), None))
    return Raft(Config(n, tuple(range(1, size + 1)), **settings), storage, random.Random(n).randrange), storage


def finish(node: Raft, storage: MemoryStorage) -> Ready:
    """Do a node's Ready, and look at it."""
    ready = node.ready()
    persist(storage, ready)
    node.advance()
    return ready


def persist(storage: MemoryStorage, ready: Ready) -> None:
    """Write what a Ready holds (duty 1)."""
    if ready.hard_state is not None:
        storage.set_hard_state(ready.hard_state)
    if ready.snapshot is not None:
        storage.restore(ready.snapshot)
    if ready.entries is not None:
        storage.append(ready.entries)
