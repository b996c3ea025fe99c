"""The settings of a node."""

from __future__ import annotations

from dataclasses import dataclass

from impl.raft.errors import ConfigError


@dataclass(frozen=True)
class Config:
    """Who the node is, who votes, and how patient and how greedy it is."""

    id: int
    """A positive number; unique among the voters."""
    voters: tuple[int, ...]
    """The whole cluster, this node included."""
    election_ticks: int = 10
    """A node stands for election after this many ticks without a leader, and up to as many more, by chance (section 5.2)."""
    heartbeat_ticks: int = 1
    """A leader calls every follower at least this often."""
    pre_vote: bool = True
    """Ask whether an election could be won before disturbing the term (dissertation, section 9.6)."""
    check_quorum: bool = True
    """A leader that hears from no majority steps down, and voters stick to a leader they hear from (dissertation, sections 6.2 and 4.2.3)."""
    max_batch_bytes: int = 1 << 20
    """Bytes of commands in one message, and in the committed entries of one Ready; a single larger entry still passes."""
    max_inflight: int = 256
    """Messages with entries that one follower may leave unanswered."""
    max_uncommitted_bytes: int = 1 << 28
    """Bytes of commands that a leader takes before it refuses more; a single larger batch is taken while nothing is uncommitted."""
    forward_proposals: bool = True
    """A follower passes proposals on to the leader; otherwise it refuses them and names the leader."""

    def __post_init__(self) -> None:
        if self.id not in self.voters:
            raise ConfigError(f"voters: node {self.id} is not among {self.voters}; add it")
        if len(set(self.voters)) != len(self.voters):
            raise ConfigError(f"voters: {self.voters} names a node twice")
        if any(type(v) is not int or v <= 0 for v in self.voters):
            raise ConfigError(f"voters: {self.voters} must be positive integers")
        for name in ("heartbeat_ticks", "max_batch_bytes", "max_inflight", "max_uncommitted_bytes"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name}: {getattr(self, name)} must be at least 1")
        if self.election_ticks <= self.heartbeat_ticks:
            raise ConfigError(f"election_ticks: {self.election_ticks} must exceed heartbeat_ticks ({self.heartbeat_ticks}), or followers never rest")
