"""Who takes part in an instance of Single-Decree Paxos."""

from __future__ import annotations

from dataclasses import dataclass, field

from impl.paxos.errors import ConfigError
from impl.paxos.quorums import QuorumSystem, majority


@dataclass(frozen=True)
class Config:
    """The nodes by role; a node may play several, with one machine for each."""

    id: int
    """The node that the machine runs on."""
    proposers: tuple[int, ...]
    acceptors: tuple[int, ...]
    learners: tuple[int, ...]
    """Told of every vote; proposers hear of the votes in their own ballots anyway."""
    quorums: QuorumSystem | None = None
    """Majorities of the acceptors, unless given."""
    retry_ticks: int = 10
    """A proposer asks again whoever has not answered for so long."""
    backoff_ticks: int = 10
    """A refused proposer waits for up to so long before its next ballot, by chance, and for twice as long at each further refusal in a row."""
    is_quorum: QuorumSystem = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for name in ("proposers", "acceptors", "learners"):
            nodes = getattr(self, name)
            if len(set(nodes)) != len(nodes) or any(type(n) is not int or n < 0 for n in nodes):
                raise ConfigError(f"{name}: {nodes} must be distinct natural numbers")
        if self.id not in {*self.proposers, *self.acceptors, *self.learners}:
            raise ConfigError(f"id: node {self.id} is neither proposer nor acceptor nor learner; add it")
        for name in ("retry_ticks", "backoff_ticks"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name}: {getattr(self, name)} must be at least 1")
        system = majority(self.acceptors) if self.quorums is None else self.quorums
        if not system(frozenset(self.acceptors)):
            raise ConfigError(f"quorums: all acceptors, {self.acceptors}, are no quorum, so nothing could be chosen")
        object.__setattr__(self, "is_quorum", system)
