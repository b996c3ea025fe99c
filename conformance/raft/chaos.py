"""Random runs of a cluster whose events are calls: everything may happen at any time, some of it more often."""

from __future__ import annotations

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


class Chaos:
    """Draws the events of a run.

    Args:
        cluster: the cluster.
        random: where they are drawn from.
    """

    def __init__(self, cluster: Cluster, random: Random) -> None:
        self.cluster, self.random = cluster, random
        self.ids = tuple(cluster.hosts)

    def event(self) -> None:
        """One more event."""
        c, random = self.cluster, self.random
        n, kind = random.choice(self.ids), random.random()
        host = c.hosts[n]
        if host.node is None:
            if kind < 0.2:
                c.restart(n)
        elif kind < 0.50:
            self._network()
        elif kind < 0.78:
            if host.writing is not None:
                c.finish(n)
            else:
                c.begin(n)
        elif kind < 0.86:
            c.tick(n)
        elif kind < 0.94:
            c.propose(n)
        elif kind < 0.96:
            c.read(n)
        elif kind < 0.975:
            c.crash(n, random.randrange(4))
        elif kind < 0.985:
            c.compact(n)
        else:
            c.transfer(n, random.choice(self.ids))

    def _network(self) -> None:
        c, random = self.cluster, self.random
        busy = [(link, waiting) for link, waiting in c.links.items() if waiting]
        if not busy:
            return
        (sender, receiver), waiting = random.choice(busy)
        position = 0 if random.random() < 0.8 else random.randrange(len(waiting))
        fate = random.random()
        message = waiting[position]
        lost = fate < 0.1 or len(waiting) > 20
        if lost:
            c.lose(sender, receiver, position)
        else:
            c.deliver(sender, receiver, position, fate > 0.95)
        if type(message) is messages.InstallSnapshot:
            c.report(sender, receiver, not lost)
