"""What is measured: ways to have a command chosen, and ways to read, each with its closed form."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from impl.latency import bounds
from impl.latency.bounds import Deployment


@dataclass(frozen=True)
class Method:
    """A way to do an operation."""

    name: str
    """In JSON."""
    protocol: str
    """As the simulator calls it."""
    reads: bool
    """Whether it is a read; otherwise it is a command, applied once."""
    led: bool
    """Whether it takes part of its time on the way to a stable leader and back."""
    bound: Callable[[Deployment, int, int, int], int]
    """The closed form, in microseconds: of the deployment, the leader, the client's node and the time of a write in microseconds."""


METHODS: Final = (
    Method("raft", "raft", False, True, bounds.commit),
    Method("multi-paxos", "multi-paxos", False, True, bounds.commit),
    Method("paxos", "paxos", False, False, lambda d, _, client, disk: bounds.decree(d, client, disk)),
    Method("read-index", "raft", True, True, lambda d, leader, client, _: bounds.read_index(d, leader, client)),
    Method("quorum-read", "multi-paxos", True, False, lambda d, _, client, __: bounds.quorum_read(d, client)),
)
