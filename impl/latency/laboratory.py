"""All figures of a topology: every method, for every place of the leader and of the client, beside its closed form."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from impl.latency.bounds import Deployment
from impl.latency.measure import measure
from impl.latency.methods import METHODS, Method
from impl.latency.topology import MICROSECONDS, Topology


@dataclass(frozen=True)
class Settings:
    """What figures depend on, besides topology and number of nodes."""

    disk: int = 0
    """Microseconds of a synchronous write."""
    operations: int = 300
    """Measured for each figure."""
    seed: int = 1


@dataclass(frozen=True)
class Figure:
    """The latency of a method, in microseconds."""

    method: Method
    leader: str | None
    """The leader's region; None where there is no leader, or it does not matter where it is."""
    client: str
    """The region of the node that clients ask."""
    bound: int
    """The closed form."""
    p50: int
    p99: int

    def to_json(self) -> dict[str, Any]:
        """Times in milliseconds."""
        names = {"operation": "read" if self.method.reads else "command", "method": self.method.name, "leader": self.leader, "client": self.client}
        return names | {f"{name}_ms": getattr(self, name) / MICROSECONDS for name in ("bound", "p50", "p99")}


@dataclass(frozen=True)
class Study:
    """The figures of a cluster of one size."""

    deployment: Deployment
    figures: tuple[Figure, ...]

    @property
    def homes(self) -> dict[str, int]:
        """How many nodes each region has, where it has any."""
        regions = [self.deployment.region(node) for node in range(len(self.deployment.places))]
        return {region: regions.count(region) for region in self.deployment.topology.regions if region in regions}

    @property
    def longest(self) -> int:
        """The longest round trip between regions that have nodes, in microseconds."""
        nodes = self.deployment.homes
        return max(self.deployment.topology.round_trip[self.deployment.places[a]][self.deployment.places[b]] for a in nodes for b in nodes)

    def find(self, method: str, client: str, leader: str | None = None) -> Figure:
        """The figure of a method by name; of the given leader where it has one."""
        return next(f for f in self.figures if (f.method.name, f.client) == (method, client) and f.leader in (None, leader))


def study(topology: Topology, nodes: int, settings: Settings) -> Study:
    """Measure a cluster of so many nodes.

    Raises:
        LatencyError: the topology cannot place them.
    """
    deployment = Deployment.of(topology, nodes)
    return Study(deployment, tuple(_figures(deployment, settings)))


def _figures(deployment: Deployment, settings: Settings) -> Iterator[Figure]:
    for method in METHODS:
        for leader in deployment.homes if method.led else deployment.homes[:1]:
            for client in deployment.homes:
                times = sorted(measure(deployment, method, leader, client, settings.disk, settings.operations, settings.seed))
                bound = method.bound(deployment, leader, client, settings.disk)
                where = deployment.region(leader) if method.led else None
                yield Figure(method, where, deployment.region(client), bound, _percentile(times, 50), _percentile(times, 99))


def _percentile(rising: list[int], percent: int) -> int:
    """The least of the times that so many percent of them do not exceed."""
    return rising[math.ceil(len(rising) * percent / 100) - 1]


def to_json(topology: Topology, settings: Settings, studies: list[Study]) -> dict[str, Any]:
    """All figures, as one document."""
    figures = [{"nodes": len(s.deployment.places), "placement": s.homes} | f.to_json() for s in studies for f in s.figures]
    return {
        "topology": topology.name,
        "jitter": topology.has_jitter,
        "disk_ms": settings.disk / MICROSECONDS,
        "operations": settings.operations,
        "seed": settings.seed,
        "figures": figures,
    }
