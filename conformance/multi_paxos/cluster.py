"""A Multi-Paxos cluster whose every event is a call."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Any, ClassVar

from conformance import cluster
from conformance.multi_paxos.checker import Checker
from impl.multi_paxos import Config, ProposalRefused
from impl.simulation.multi_paxos_host import MultiPaxosHost


class Cluster(cluster.Cluster):
    """Hosts 1..nodes.

    Args:
        nodes: how many hosts.
        seed: of the nodes' election timeouts.
        settings: of `impl.multi_paxos.Config`.
    """

    weights: ClassVar[Mapping[str, float]] = {**cluster.Cluster.weights, "read": 2}

    def __init__(self, nodes: int = 3, seed: int = 0, **settings: Any) -> None:
        ids = tuple(range(1, nodes + 1))
        hosts = {n: MultiPaxosHost(Config(n, ids, **settings), Random(f"node {n} of {seed}").randrange) for n in ids}
        super().__init__(hosts, Checker(hosts), seed, settings, (ProposalRefused,))
