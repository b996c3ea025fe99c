"""A cluster to simulate: which protocol, how many hosts, and what their network, disks and clocks are like."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import Any, Final, TypeAlias

from impl import multi_paxos, paxos, raft
from impl.raft import Tracer
from impl.simulation.host import Host, StateMachine
from impl.simulation.latency import MILLISECOND, Exponential, Latency
from impl.simulation.multi_paxos_host import MultiPaxosHost
from impl.simulation.network import Link, Way
from impl.simulation.paxos_host import PaxosHost
from impl.simulation.raft_host import RaftHost

Machine: TypeAlias = Callable[[], StateMachine]
RandomSource: TypeAlias = Callable[[int], int]


@dataclass(frozen=True)
class Cluster:
    """A cluster of hosts 1..nodes; times are in microseconds."""

    protocol: str = "raft"
    """One of PROTOCOLS."""
    nodes: int = 3
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Settings of every node, as in the protocol's Config."""
    link: Link = Link()
    links: Mapping[Way, Link] = field(default_factory=dict)
    """Links that differ from `link`, by sender and receiver."""
    disk: Latency = Exponential(200, 200)
    """How long a write takes."""
    tick: int = 10 * MILLISECOND
    clocks: Mapping[int, float] = field(default_factory=dict)
    """How many times as long it is between two ticks of a host, where that is not 1."""

    @property
    def ids(self) -> tuple[int, ...]:
        """The hosts."""
        return tuple(range(1, self.nodes + 1))

    def hosts(self, seed: int, machine: Machine, tracer: Tracer | None = None) -> dict[int, Host]:
        """The hosts, up and empty.

        Args:
            seed: each node draws from a source of its own.
            machine: makes an empty state machine.
            tracer: called with the events of every node; only Raft's have any.

        Raises:
            ValueError: there is no such protocol, or it has no tracer.
        """
        if self.protocol not in PROTOCOLS:
            raise ValueError(f"protocol: {self.protocol!r} is none of {', '.join(PROTOCOLS)}")
        make = PROTOCOLS[self.protocol]
        if tracer is not None:
            if self.protocol != "raft":
                raise ValueError(f"tracer: {self.protocol} has no trace events; only raft has")
            make = partial(make, tracer=tracer)
        return {n: make(n, self.ids, self.settings, Random(f"node {n} of {seed}").randrange, machine) for n in self.ids}


def _raft(n: int, ids: tuple[int, ...], settings: Mapping[str, Any], random: RandomSource, machine: Machine, tracer: Tracer | None = None) -> Host:
    return RaftHost(raft.Config(n, ids, **settings), random, machine, tracer)


def _multi_paxos(n: int, ids: tuple[int, ...], settings: Mapping[str, Any], random: RandomSource, machine: Machine) -> Host:
    return MultiPaxosHost(multi_paxos.Config(n, ids, **settings), random, machine)


def _paxos(n: int, ids: tuple[int, ...], settings: Mapping[str, Any], random: RandomSource, machine: Machine) -> Host:
    return PaxosHost(paxos.Config(n, ids, ids, ids, **settings), random, machine)


PROTOCOLS: Final[dict[str, Callable[..., Host]]] = {"raft": _raft, "multi-paxos": _multi_paxos, "paxos": _paxos}
"""The protocols, by their names on the command line."""
