"""Runs whose events a test can look at."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from impl.simulation.cluster import Cluster
from impl.simulation.faults import Fault
from impl.simulation.latency import SECOND
from impl.simulation.nemesis import draw_cluster, draw_faults
from impl.simulation.simulation import Simulation
from impl.simulation.workload import Workload


class Recorded(Simulation):
    """A run that keeps the records of its events, with their times."""

    def __init__(self, cluster: Cluster, workload: Workload = Workload(), faults: Iterable[Fault] = (), seed: int = 0) -> None:
        self.record: list[tuple[int, object]] = []
        super().__init__(cluster, workload, faults, seed, observer=lambda event: self.record.append((self.now, event)))

    def digest(self) -> str:
        """Of all events of hosts and all operations of clients, with their times."""
        return hashlib.sha256(f"{self.record} {self.history}".encode()).hexdigest()

    def times(self, kind: type, host: int) -> list[int]:
        """When a host had events of a kind."""
        return [time for time, event in self.record if type(event) is kind and event.host == host]


def under_faults(protocol: str, model: str, seed: int, nodes: int = 3, time: int = 4 * SECOND) -> Recorded:
    """A run with all kinds of faults, which end before it does."""
    cluster = draw_cluster(seed, protocol, nodes)
    run = Recorded(cluster, Workload(object=model), draw_faults(seed, cluster.ids, time), seed)
    run.run(time)
    run.settle(2 * SECOND)
    return run
