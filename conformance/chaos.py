"""Random runs of a cluster whose events are calls: everything may happen at any time, some of it more often."""

from __future__ import annotations

from itertools import accumulate
from random import Random

from conformance.cluster import Cluster

_RARE = 10
"""What has less weight than this differs from run to run."""
_PATIENCE = 60
"""Messages until other links are slow."""
_FULL = 20
"""Messages on a link beyond which it loses them."""


class Chaos:
    """Draws the events of a run. Each run has its own sort of trouble, so that together they have all (swarm testing: Groce et al., 2012).

    Args:
        cluster: the cluster.
        random: where they are drawn from.
    """

    def __init__(self, cluster: Cluster, random: Random) -> None:
        self.cluster, self.random = cluster, random
        self.ids = tuple(cluster.hosts)
        kinds = cluster.weights
        self._kinds = [getattr(self, f"_{name}", None) or getattr(cluster, name) for name in kinds]
        self._cumulative = list(accumulate(weight * (random.choice([0.3, 1, 1, 3]) if weight < _RARE else 1) for weight in kinds.values()))
        self._loss = random.choice([0.0, 0.03, 0.15])
        self._duplication = random.choice([0.02, 0.2])
        self._reordering = random.choice([0.05, 0.3])
        self._recovery = random.choice([0.05, 0.3])
        """The chance that a host that is down comes up, when it is its turn."""
        self._apart: frozenset[int] = frozenset()
        """The hosts that nothing gets to or from the others."""
        self._paces: dict[tuple[int, int], float] = {}
        self._until_new_paces = 0

    def event(self) -> None:
        """One more event."""
        n = self.random.choice(self.ids)
        if self.cluster.hosts[n].node is not None:
            self.random.choices(self._kinds, cum_weights=self._cumulative)[0](n)
        elif self.random.random() < self._recovery:
            self.cluster.restart(n)

    def _message(self, _: int) -> None:
        c, random = self.cluster, self.random
        self._until_new_paces -= 1
        if self._until_new_paces < 0:
            self._until_new_paces = _PATIENCE
            self._paces = {link: random.choice([1, 1, 0.03]) for link in c.links}
        busy = [link for link, waiting in c.links.items() if waiting]
        if not busy:
            return
        link = random.choices(busy, [self._paces[link] for link in busy])[0]
        waiting = c.links[link]
        position = random.randrange(len(waiting)) if random.random() < self._reordering else 0
        message = waiting[position]
        lost = random.random() < self._loss or len(waiting) > _FULL or len(self._apart & {*link}) == 1
        if lost:
            c.lose(*link, position)
        else:
            c.deliver(*link, position, random.random() < self._duplication)
        c.arrived(message, not lost)

    def _write(self, n: int) -> None:
        if n in self.cluster.writing:
            self.cluster.finish(n)
        else:
            self.cluster.begin(n)

    def _crash(self, n: int) -> None:
        down = sum(host.node is None for host in self.cluster.hosts.values())
        if 2 * (down + 1) < len(self.ids) or self.random.random() < 0.1:  # mostly a majority stays up, or nothing happens any more
            self.cluster.crash(n, self.random.randrange(4))

    def _partition(self, n: int) -> None:
        others = [m for m in self.ids if m != n]
        company = self.random.sample(others, self.random.randint(0, max(0, (len(others) - 1) // 2)))  # a minority, perhaps with a leader
        self._apart = frozenset() if self._apart else frozenset((n, *company))
