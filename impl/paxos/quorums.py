"""Quorum systems: which sets of acceptors suffice. Any two quorums must have a member in common; nothing else is assumed."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet

from impl.paxos.errors import ConfigError

QuorumSystem = Callable[[AbstractSet[int]], bool]
"""Whether a set of acceptors is a quorum or contains one."""


def majority(acceptors: Iterable[int]) -> QuorumSystem:
    """More than half of the acceptors."""
    members = frozenset(acceptors)
    return lambda present: 2 * len(members & present) > len(members)


def weighted(weights: Mapping[int, int]) -> QuorumSystem:
    """More than half of the weight (Gifford, Weighted Voting, 1979); ConfigError for a weight below 0, or none above it."""
    given = dict(weights)
    total = sum(given.values())
    if total <= 0 or min(given.values()) < 0:
        raise ConfigError(f"weights: {given} must be 0 or more, and not all 0")
    return lambda present: 2 * sum(weight for member, weight in given.items() if member in present) > total


def explicit(*quorums: Iterable[int]) -> QuorumSystem:
    """The given sets, and whatever contains one; ConfigError where two have no member in common."""
    given = tuple(frozenset(q) for q in quorums)
    for a, b in itertools.combinations_with_replacement(given, 2):
        if not a & b:
            raise ConfigError(f"quorums: {sorted(a)} and {sorted(b)} have no member in common, so two values could be chosen")
    if not given:
        raise ConfigError("quorums: there must be at least one")
    return lambda present: any(q <= present for q in given)
