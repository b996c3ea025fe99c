"""A cluster of Single-Decree Paxos whose every event is a call."""

from __future__ import annotations

from random import Random
from typing import Any

from conformance import cluster
from conformance.paxos.checker import Checker
from impl.paxos import Config
from impl.simulation.paxos_host import PaxosHost


class Cluster(cluster.Cluster):
    """Hosts 1..nodes in all three roles.

    Args:
        nodes: how many hosts.
        seed: of the time for which refused proposers back off.
        settings: of `impl.paxos.Config`.
    """

    def __init__(self, nodes: int = 3, seed: int = 0, **settings: Any) -> None:
        ids = tuple(range(1, nodes + 1))
        hosts = {n: PaxosHost(Config(n, ids, ids, ids, **settings), Random(f"node {n} of {seed}").randrange) for n in ids}
        super().__init__(hosts, Checker(hosts), seed, settings)
