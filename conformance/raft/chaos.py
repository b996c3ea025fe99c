"""Random runs of a cluster whose events are calls: everything may happen at any time, some of it more often."""

from __future__ import annotations

from itertools import accumulate
from random import Random
from typing import Any

from conformance.raft.cluster import Cluster
from impl.raft import messages


def draw_settings(random: Random) -> dict[str, Any]:
    """Settings that make the rare frequent: impatient nodes, small batches, narrow windows."""
    return {
        "election_ticks": random.choice([2, 3, 5]),
        "pre_vote": random.random() < 0.5,
        "check_quorum": random.random() < 0.5,
        "max_inflight": random.choice([1, 2, 256]),
        "max_batch_bytes": random.choice([1, 24, 1000]),
    }


WEIGHTS = {"message": 50.0, "write": 27.0, "tick": 7.0, "propose": 8.0, "read": 2.0, "crash": 1.5, "compact": 3.0, "transfer": 1.0, "partition": 0.7}
"""How often what happens to a host that is up, in a run of the middle sort."""


class Chaos:
    """Draws the events of a run. Each run has its own sort of trouble, so that together they have all (swarm testing: Groce et al., 2012).

    Args:
        cluster: the cluster.
        random: where they are drawn from.
    """

    def __init__(self, cluster: Cluster, random: Random) -> None:
        self.cluster, self.random = cluster, random
        self.ids = tuple(cluster.hosts)
        weights = [weight * (random.choice([0.3, 1, 1, 3]) if weight < 10 else 1) for weight in WEIGHTS.values()]
        self._kinds = [getattr(self, f"_{name}") for name in WEIGHTS]
        self._cumulative = list(accumulate(weights))
        self.loss = random.choice([0.0, 0.03, 0.15])
        self.duplication = random.choice([0.02, 0.2])
        self.reordering = random.choice([0.05, 0.3])
        self.recovery = random.choice([0.05, 0.3])
        """The chance that a host that is down comes up, when it is its turn."""
        self.apart: int | None = None
        """The host that nothing gets to or from."""

    def event(self) -> None:
        """One more event."""
        n = self.random.choice(self.ids)
        if self.cluster.hosts[n].node is not None:
            self.random.choices(self._kinds, cum_weights=self._cumulative)[0](n)
        elif self.random.random() < self.recovery:
            self.cluster.restart(n)

    def _message(self, _: int) -> None:
        c, random = self.cluster, self.random
        busy = [(link, waiting) for link, waiting in c.links.items() if waiting]
        if not busy:
            return
        (sender, receiver), waiting = random.choice(busy)
        position = random.randrange(len(waiting)) if random.random() < self.reordering else 0
        lost = random.random() < self.loss or len(waiting) > 20 or self.apart in (sender, receiver)
        snapshot = type(waiting[position]) is messages.InstallSnapshot
        if lost:
            c.lose(sender, receiver, position)
        else:
            c.deliver(sender, receiver, position, random.random() < self.duplication)
        if snapshot:
            c.report(sender, receiver, not lost)

    def _write(self, n: int) -> None:
        if self.cluster.hosts[n].writing is not None:
            self.cluster.finish(n)
        else:
            self.cluster.begin(n)

    def _tick(self, n: int) -> None:
        self.cluster.tick(n)

    def _propose(self, n: int) -> None:
        self.cluster.propose(n)

    def _read(self, n: int) -> None:
        self.cluster.read(n)

    def _crash(self, n: int) -> None:
        down = sum(host.node is None for host in self.cluster.hosts.values())
        if 2 * (down + 1) < len(self.ids) or self.random.random() < 0.1:  # mostly a majority stays up, or nothing happens any more
            self.cluster.crash(n, self.random.randrange(4))

    def _compact(self, n: int) -> None:
        self.cluster.compact(n)

    def _transfer(self, n: int) -> None:
        self.cluster.transfer(n, self.random.choice(self.ids))

    def _partition(self, n: int) -> None:
        self.apart = n if self.apart is None else None
