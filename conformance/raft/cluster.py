"""A Raft cluster whose every event is a call."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Any, ClassVar

from conformance import cluster
from conformance.raft.checker import Checker
from impl.raft import Config, ProposalRefused, messages
from impl.simulation import events
from impl.simulation.raft_host import RaftHost


class Cluster(cluster.Cluster):
    """Hosts 1..nodes.

    Args:
        nodes: how many hosts.
        seed: of the nodes' election timeouts.
        settings: of `impl.raft.Config`.
    """

    weights: ClassVar[Mapping[str, float]] = {**cluster.Cluster.weights, "read": 2, "compact": 3, "hand_over": 1}
    hosts: dict[int, RaftHost]
    checker: Checker

    def __init__(self, nodes: int = 3, seed: int = 0, **settings: Any) -> None:
        ids = tuple(range(1, nodes + 1))
        hosts = {n: RaftHost(Config(n, ids, **settings), Random(f"node {n} of {seed}").randrange) for n in ids}
        super().__init__(hosts, Checker(hosts), seed, settings, (ProposalRefused,))

    def transfer(self, n: int, target: int) -> None:
        """A leader begins to hand over."""
        host = self.hosts[n]
        if host.node is not None and target in host.node.progress:
            self._note("transfer", n, target)
            host.transfer(target)
            self.checker(events.Transfer(n, target))

    def hand_over(self, n: int) -> None:
        """A leader begins to hand over to the next host."""
        self.transfer(n, 1 + n % len(self.hosts))

    def compact(self, n: int) -> None:
        """The host replaces what it has applied by a snapshot."""
        host = self.hosts[n]
        if host.can_compact():
            self._note("compact", n)
            host.compact(host.applied_index)
            self.checker(events.Compact(n, host.applied_index))

    def report(self, n: int, follower: int, delivered: bool = True) -> None:
        """The host is told how the transfer of a snapshot ended."""
        host = self.hosts[n]
        if host.node is not None:
            self._note("report", n, follower, delivered)
            host.report_snapshot(follower, delivered)
            self.checker(events.ReportSnapshot(n, follower, delivered))

    def arrived(self, message: Any, delivered: bool) -> None:
        """The sender of a snapshot hears of its fate."""
        if type(message) is messages.InstallSnapshot:
            self.report(message.sender, message.receiver, delivered)

    def elect(self, n: int) -> None:
        """The host's patience ends before the others', and the network is calm for a while."""
        node = self.hosts[n].node
        if node is not None:
            for _ in range(node.timeout - node.election_elapsed):
                self.tick(n)
            self.calm(4)
