"""The settings of a node."""

from __future__ import annotations

from dataclasses import dataclass, field

from impl.paxos.errors import ConfigError
from impl.paxos.quorums import QuorumSystem, majority


@dataclass(frozen=True)
class Config:
    """Who the node is, who takes part, and how patient and how greedy it is."""

    id: int
    """A natural number; unique among the members."""
    members: tuple[int, ...]
    """The whole cluster, this node included; each is proposer, acceptor and learner."""
    quorums: QuorumSystem | None = None
    """Majorities of the members, unless given."""
    election_ticks: int = 10
    """A node stands for election after this many ticks without a leader, and up to as many more, by chance."""
    heartbeat_ticks: int = 2
    """A leader shows itself, and repeats what is not answered, at least this often."""
    max_batch_bytes: int = 1 << 20
    """Bytes of commands in one message; a single larger command still passes."""
    max_open_slots: int = 1 << 16
    """Slots that a leader may have proposed, or queued, and not yet chosen; it refuses what goes beyond. The same for all members: no wider gap is believed."""
    forward_proposals: bool = True
    """A follower passes proposals on to the leader; otherwise it refuses them and names the leader."""
    is_quorum: QuorumSystem = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.id not in self.members:
            raise ConfigError(f"members: node {self.id} is not among {self.members}; add it")
        if len(set(self.members)) != len(self.members) or any(type(m) is not int or m < 0 for m in self.members):
            raise ConfigError(f"members: {self.members} must be distinct natural numbers")
        for name in ("heartbeat_ticks", "max_batch_bytes", "max_open_slots"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name}: {getattr(self, name)} must be at least 1")
        if self.election_ticks <= self.heartbeat_ticks:
            raise ConfigError(f"election_ticks: {self.election_ticks} must exceed heartbeat_ticks ({self.heartbeat_ticks}), or followers never rest")
        system = majority(self.members) if self.quorums is None else self.quorums
        if not system(frozenset(self.members)):
            raise ConfigError(f"quorums: all members, {self.members}, are no quorum, so nothing could be chosen")
        object.__setattr__(self, "is_quorum", system)
